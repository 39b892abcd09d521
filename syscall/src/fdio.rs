//! System calls: fdio.
use crate::Call;

/// This family.
pub(crate) const CALLS: &[Call] = &[];
