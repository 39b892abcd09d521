//! System calls: time.
use crate::Call;

/// This family.
pub(crate) const CALLS: &[Call] = &[];
