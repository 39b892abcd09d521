//! A request to tell of all sockets, while its answer is on the way.
use crate::queue::Message;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// A request for all sockets that is not answered to its end.
pub(crate) struct Dump {
    pub(crate) family: &'static dyn socket::Diag,
    pub(crate) request: Vec<u8>,
    pub(crate) seq: u32,
    /// Where it goes on.
    pub(crate) from: u64,
    /// An answer that there was no room for.
    pub(crate) next: Option<Arc<Message>>,
    pub(crate) done: bool,
}

/// Whether a socket has such a request.
pub(crate) enum Dumping {
    No,
    /// Somebody answers it.
    Busy,
    Waits(Dump),
}
