//! System calls: process.
use crate::Call;

/// This family.
pub(crate) const CALLS: &[Call] = &[];
