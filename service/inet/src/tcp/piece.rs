//! Bytes of a stream: [`Piece`].
use crate::data::Data;
use abi::Result;
use alloc::sync::Arc;
use alloc::vec::Vec;
use kmem::user::UserBuf;
use kmem::{TryVec, try_arc};
use tcp::Payload;

/// Pieces up to this are copied together where many wait, so that each does not take a block of its own.
const SHORT: usize = 512;
/// The block that they are copied to.
const BLOCK: usize = 4000;

/// Some bytes of a block.
#[derive(Clone)]
pub(super) struct Piece {
    data: Arc<Data>,
    from: usize,
    len: usize,
}

impl Piece {
    /// The next `len` bytes of `src`. EFAULT, ENOMEM.
    pub(super) fn fetch(src: &mut UserBuf<'_>, len: usize) -> Result<Self> {
        Ok(Self {
            data: try_arc(Data::fetch(src, len)?)?,
            from: 0,
            len,
        })
    }

    /// Copies the first `len` bytes. EFAULT.
    pub(super) fn copy(&self, dst: &mut UserBuf<'_>, len: usize) -> Result<()> {
        self.data.copy(self.from, dst, len)
    }

    fn small(&self) -> Option<&[u8]> {
        match &*self.data {
            Data::Small(bytes) => bytes.get(self.from..self.from + self.len),
            Data::Pages(..) => None,
        }
    }
}

impl Payload for Piece {
    fn len(&self) -> usize {
        self.len
    }

    fn slice(&self, from: usize, len: usize) -> Self {
        Self {
            data: self.data.clone(),
            from: self.from + from,
            len,
        }
    }

    fn join(&mut self, next: &Self) -> bool {
        if next.len > SHORT || self.len + next.len > BLOCK {
            return false;
        }
        let Some(more) = next.small() else {
            return false;
        };
        let end = self.from + self.len;
        // A block that nobody else has may have room behind its bytes.
        if let Some(Data::Small(bytes)) = Arc::get_mut(&mut self.data)
            && bytes.len() == end
            && bytes.capacity() - end >= more.len()
            && bytes.try_extend(more).is_ok()
        {
            self.len += more.len();
            return true;
        }
        let Some(known) = self.small() else {
            return false;
        };
        let Ok(mut bytes) = Vec::try_with_capacity(BLOCK) else {
            return false;
        };
        if bytes.try_extend(known).is_err() || bytes.try_extend(more).is_err() {
            return false;
        }
        let len = bytes.len();
        let Ok(data) = try_arc(Data::Small(bytes)) else {
            return false;
        };
        *self = Self { data, from: 0, len };
        true
    }
}
