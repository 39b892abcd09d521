//! System calls: futex.
use crate::Call;

/// This family.
pub(crate) const CALLS: &[Call] = &[];
