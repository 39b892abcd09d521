//! System calls: mm.
use crate::Call;

/// This family.
pub(crate) const CALLS: &[Call] = &[];
