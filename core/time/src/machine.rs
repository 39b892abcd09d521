//! The one-shot timer of the CPU. Hosted there is none: tests call [`crate::timer::on_interrupt`] themselves.

#[cfg(target_os = "none")]
#[inline]
pub(crate) fn program(at_ns: u64) {
    hal::timer::set_deadline(at_ns);
}

#[cfg(not(target_os = "none"))]
#[inline]
pub(crate) fn program(_at_ns: u64) {}
