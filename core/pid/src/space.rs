//! Namespaces of numbers, as a task is in one (pid_namespaces(7)).
use abi::Result;
use alloc::sync::Arc;
use cred::UserNamespace;

/// A namespace of numbers. There is the first alone.
#[derive(Clone)]
pub struct PidNs(());

impl PidNs {
    /// The one that process 1 of the machine is in.
    pub const FIRST: Self = Self(());

    /// The number of its file.
    pub fn number(&self) -> u32 {
        cred::number::first::PID
    }

    /// Whose capabilities count for it. `ENOMEM`.
    pub fn owner(&self) -> Result<Arc<UserNamespace>> {
        UserNamespace::init()
    }
}
