//! System calls: poll.
use crate::Call;

/// This family.
pub(crate) const CALLS: &[Call] = &[];
