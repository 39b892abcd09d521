//! System calls: cred.
use crate::Call;

/// This family.
pub(crate) const CALLS: &[Call] = &[];
