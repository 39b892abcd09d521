//! What a thread has registered with rseq(2).

/// What a thread has registered.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Registration {
    /// Where its `struct rseq` is; 0: it has none.
    pub at: usize,
    /// What stands before each abort handler, so that nobody jumps anywhere.
    pub signature: u32,
}
