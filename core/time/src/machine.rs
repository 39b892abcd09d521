//! The one-shot timer of the CPU, and the clock's rate. Hosted there is neither: tests call [`crate::timer::on_interrupt`] themselves.

#[cfg(target_os = "none")]
#[inline]
pub(crate) fn program(at_ns: u64) {
    hal::timer::set_deadline(at_ns);
}

#[cfg(not(target_os = "none"))]
#[inline]
pub(crate) fn program(_at_ns: u64) {}

/// How long a second of the machine's counter is on the clock, in nanoseconds times 2^32.
#[cfg(target_os = "none")]
pub(crate) fn steer(second: u64) {
    hal::timer::steer(second);
}
#[cfg(not(target_os = "none"))]
pub(crate) fn steer(_second: u64) {}
