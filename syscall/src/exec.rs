//! System calls: exec.
use crate::Call;

/// This family.
pub(crate) const CALLS: &[Call] = &[];
