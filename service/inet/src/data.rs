//! Bytes on their way: copied once from who sends, once to who receives.
use abi::{Errno, PAGE_SIZE, Result};
use alloc::vec::Vec;
use kmem::TryVec;
use kmem::frame::Frame;
use kmem::user::UserBuf;

/// So many bytes and less stand in a block of their own size; more have pages.
const SMALL: usize = 2048;

/// Some bytes.
pub(crate) enum Data {
    Small(Vec<u8>),
    Pages(Vec<Frame>, usize),
}

impl Data {
    /// The next `len` bytes of `src`. EFAULT, ENOMEM.
    pub(crate) fn fetch(src: &mut UserBuf<'_>, len: usize) -> Result<Self> {
        if len <= SMALL {
            let mut bytes = Vec::try_filled(0, len)?;
            if len != 0 && src.copy_from(&mut bytes)? < len {
                return Err(Errno::EFAULT);
            }
            return Ok(Self::Small(bytes));
        }
        let mut pages = Vec::try_with_capacity(len.div_ceil(PAGE_SIZE))?;
        let mut done = 0;
        while done < len {
            let n = (len - done).min(PAGE_SIZE);
            let page = Frame::uninit()?;
            if src.copy_frame_from(&page, 0, n)? < n {
                return Err(Errno::EFAULT);
            }
            pages.try_push(page)?;
            done += n;
        }
        Ok(Self::Pages(pages, len))
    }

    pub(crate) const fn len(&self) -> usize {
        match self {
            Self::Small(bytes) => bytes.len(),
            Self::Pages(_, len) => *len,
        }
    }

    /// Copies `len` bytes from `from` on; they are there. EFAULT.
    pub(crate) fn copy(&self, from: usize, dst: &mut UserBuf<'_>, len: usize) -> Result<()> {
        let pages = match self {
            Self::Small(bytes) => {
                let copied = dst.copy_to(&bytes[from..from + len])?;
                return if copied < len {
                    Err(Errno::EFAULT)
                } else {
                    Ok(())
                };
            }
            Self::Pages(pages, _) => pages,
        };
        let (mut at, end) = (from, from + len);
        while at < end {
            let (page, offset) = (at / PAGE_SIZE, at % PAGE_SIZE);
            let n = (end - at).min(PAGE_SIZE - offset);
            if dst.copy_frame_to(&pages[page], offset, n)? < n {
                return Err(Errno::EFAULT);
            }
            at += n;
        }
        Ok(())
    }
}
