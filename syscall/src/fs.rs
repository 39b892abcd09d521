//! System calls: fs.
use crate::Call;

/// This family.
pub(crate) const CALLS: &[Call] = &[];
