//! System calls: pipe.
use crate::Call;

/// This family.
pub(crate) const CALLS: &[Call] = &[];
