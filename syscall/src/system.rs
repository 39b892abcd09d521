//! System calls: system.
use crate::Call;

/// This family.
pub(crate) const CALLS: &[Call] = &[];
