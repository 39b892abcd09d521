//! System calls: signal.
use crate::Call;

/// This family.
pub(crate) const CALLS: &[Call] = &[];
