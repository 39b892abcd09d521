//! What a signal can be sent to, seen from below: terminals, pipes and timers hold it without knowing tasks.
use crate::SigInfo;
use abi::Result;
use alloc::sync::Arc;
use core::any::Any;
use cred::Kuid;

/// A task or a process (the crate `task` implements both).
pub trait SignalTarget: Send + Sync {
    /// Its number.
    fn nr(&self) -> i32;

    /// Sends a signal from the kernel, without a check of permission. From any context.
    ///
    /// # Errors
    /// `EAGAIN`: the queue of real-time signals is full. `ESRCH`: it is gone.
    fn signal(&self, info: &SigInfo) -> Result<()>;

    /// Its real and its saved user (credentials(7)), by which others may signal it; none: it is gone. From any context.
    fn users(&self) -> Option<[Kuid; 2]>;

    /// The object itself, for the crate that made it.
    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}
