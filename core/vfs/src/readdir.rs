//! Reading directories.
use crate::types::FileType;
use abi::Result;
use core::ops::ControlFlow;

/// One directory entry.
#[derive(Clone, Copy, Debug)]
pub struct DirEntry<'a> {
    pub name: &'a [u8],
    pub ino: u64,
    pub kind: FileType,
    /// Where the entry behind this one begins: the position to go on from.
    pub next: u64,
}

/// Whether the reader goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sink {
    /// The entry was taken.
    Taken,
    /// There is no room for it: it comes again next time.
    Full,
}

/// Who takes directory entries.
pub trait DirSink {
    /// Takes an entry. EFAULT.
    fn entry(&mut self, entry: &DirEntry<'_>) -> Result<Sink>;
}

impl<F: FnMut(&DirEntry<'_>) -> Result<Sink>> DirSink for F {
    fn entry(&mut self, entry: &DirEntry<'_>) -> Result<Sink> {
        self(entry)
    }
}

impl dyn DirSink + '_ {
    /// Hands an entry over while a directory is walked, and moves `pos` behind it if it was taken. The walk breaks when there is
    /// no room for more, or with an error.
    pub fn give(&mut self, entry: &DirEntry<'_>, pos: &mut u64) -> ControlFlow<Result<()>> {
        match self.entry(entry) {
            Ok(Sink::Taken) => {
                *pos = entry.next;
                ControlFlow::Continue(())
            }
            Ok(Sink::Full) => ControlFlow::Break(Ok(())),
            Err(e) => ControlFlow::Break(Err(e)),
        }
    }
}

/// First position behind "." and "..".
pub const AFTER_DOTS: u64 = 2;
