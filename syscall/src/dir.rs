//! System calls: dir.
use crate::Call;

/// This family.
pub(crate) const CALLS: &[Call] = &[];
