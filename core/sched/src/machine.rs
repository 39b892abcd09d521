//! What only the machine has; hosted, where threads are those of std, it is never reached.
use kmem::context::KContext;

/// The running context will not be switched to again.
#[cfg(target_os = "none")]
pub(crate) fn finish(context: &KContext) {
    context.finish();
}
#[cfg(not(target_os = "none"))]
pub(crate) fn finish(_context: &KContext) {}

/// What runs on this CPU becomes `context`.
#[cfg(target_os = "none")]
pub(crate) fn adopt(context: &KContext) {
    context.adopt();
}
#[cfg(not(target_os = "none"))]
pub(crate) fn adopt(_context: &KContext) {}

/// Asks another CPU to look at its run queue.
#[cfg(target_os = "none")]
#[inline]
pub(crate) fn send_reschedule(cpu: usize) {
    hal::apic::send_ipi(cpu, hal::traps::IpiKind::Reschedule);
}
#[cfg(not(target_os = "none"))]
pub(crate) fn send_reschedule(_cpu: usize) {}

/// Waits for an interrupt. Interrupts are off before and on after.
#[cfg(target_os = "none")]
#[inline]
pub(crate) fn halt() {
    hal::cpu::halt();
}
#[cfg(not(target_os = "none"))]
pub(crate) fn halt() {
    hal::cpu::relax();
}

/// Turns interrupts on.
#[cfg(target_os = "none")]
#[inline]
pub(crate) fn enable_irqs() {
    hal::irq::enable();
}
#[cfg(not(target_os = "none"))]
pub(crate) fn enable_irqs() {}

/// Does what other CPUs wait for, while interrupts are off.
#[cfg(target_os = "none")]
pub(crate) fn serve_tlb_requests() {
    kmem::space::serve_tlb_requests();
}
#[cfg(not(target_os = "none"))]
pub(crate) fn serve_tlb_requests() {}

/// Forgets instructions fetched ahead: what a CPU does after others' text was changed.
#[cfg(target_os = "none")]
pub(crate) fn serialize() {
    hal::patch::serialize();
}
#[cfg(not(target_os = "none"))]
pub(crate) fn serialize() {}

/// Return addresses on the stack of a context that does not run.
#[cfg(target_os = "none")]
pub(crate) fn walk(context: &KContext, each: impl FnMut(usize)) {
    hal::backtrace::walk_context(context.machine(), each);
}
#[cfg(not(target_os = "none"))]
pub(crate) fn walk(_context: &KContext, _each: impl FnMut(usize)) {}
