//! System calls: stat.
use crate::Call;

/// This family.
pub(crate) const CALLS: &[Call] = &[];
