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
