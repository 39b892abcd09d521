//! What only the machine can: stopping CPUs, ending, walking stacks.

/// Most waiting between a panic and the reboot is done in steps of this.
#[cfg(target_os = "none")]
const SECOND_NS: u64 = 1_000_000_000;

#[cfg(target_os = "none")]
pub(crate) fn stop_others() {
    if hal::cpu::online() > 1 {
        hal::apic::send_ipi_all_but_self(hal::traps::IpiKind::Stop);
    }
}
#[cfg(target_os = "none")]
pub(crate) fn stop_here() -> ! {
    hal::cpu::halt_forever()
}
/// Reboots after `seconds` (at once if negative), or stays (0).
#[cfg(target_os = "none")]
pub(crate) fn end(seconds: i32) -> ! {
    if seconds == 0 {
        hal::cpu::halt_forever()
    }
    if seconds > 0 {
        crate::pr_emerg!("Rebooting in {seconds} seconds..");
        let until = hal::clock::now_ns() + seconds as u64 * SECOND_NS;
        while hal::clock::now_ns() < until {
            hal::cpu::relax();
        }
    }
    hal::power::reboot()
}
#[cfg(target_os = "none")]
#[inline(always)]
pub(crate) fn walk_here(each: impl FnMut(usize)) {
    hal::backtrace::walk_here(each);
}

#[cfg(not(target_os = "none"))]
pub(crate) fn stop_others() {}
#[cfg(not(target_os = "none"))]
pub(crate) fn stop_here() -> ! {
    panic!("another CPU panicked")
}
#[cfg(not(target_os = "none"))]
pub(crate) fn end(_seconds: i32) -> ! {
    panic!("the hosted machine ends")
}
#[cfg(not(target_os = "none"))]
pub(crate) fn walk_here(_each: impl FnMut(usize)) {}
