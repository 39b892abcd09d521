//! Who runs, and where.
use crate::bindings::__smp_processor_id;

/// The processor that this runs on; it may be another one the moment after.
#[must_use]
pub fn processor() -> u32 {
    // SAFETY: a plain call.
    unsafe { __smp_processor_id() }
}
