//! System calls: tty.
use crate::Call;

/// This family.
pub(crate) const CALLS: &[Call] = &[];
