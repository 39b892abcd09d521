//! System calls: mount.
use crate::Call;

/// This family.
pub(crate) const CALLS: &[Call] = &[];
