//! System calls: sched.
use crate::Call;

/// This family.
pub(crate) const CALLS: &[Call] = &[];
