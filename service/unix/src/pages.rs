//! Bytes that wait, in pages: those of all messages, one after the other. What is short shares a page.
use abi::{Errno, PAGE_SIZE, Result};
use alloc::collections::VecDeque;
use kmem::ReservedQueue;
use kmem::frame::Frame;
use kmem::user::UserBuf;

/// The bytes. The first page stays when all are gone, for the next.
pub(crate) struct Pages {
    pages: VecDeque<Frame>,
    /// Where in the first page the first byte is.
    start: usize,
    len: usize,
}

impl Pages {
    pub(crate) const fn new() -> Self {
        Self {
            pages: VecDeque::new(),
            start: 0,
            len: 0,
        }
    }

    /// Adds the next `len` bytes of `src`, all or none. EFAULT, ENOMEM.
    pub(crate) fn append(&mut self, src: &mut UserBuf<'_>, len: usize) -> Result<()> {
        let end = self.start + self.len + len;
        let missing = end.div_ceil(PAGE_SIZE).saturating_sub(self.pages.len());
        if missing != 0 && self.pages.try_reserve(missing).is_err() {
            return Err(Errno::ENOMEM);
        }
        match self.fill(src, self.start + self.len, end) {
            Ok(()) => {
                self.len += len;
                Ok(())
            }
            Err(e) => {
                self.trim();
                Err(e)
            }
        }
    }

    fn fill(&mut self, src: &mut UserBuf<'_>, mut at: usize, end: usize) -> Result<()> {
        while at < end {
            let (page, offset) = (at / PAGE_SIZE, at % PAGE_SIZE);
            if page == self.pages.len() {
                self.pages.push_back_reserved(Frame::uninit()?);
            }
            let n = (end - at).min(PAGE_SIZE - offset);
            if src.copy_frame_from(&self.pages[page], offset, n)? < n {
                return Err(Errno::EFAULT);
            }
            at += n;
        }
        Ok(())
    }

    /// Gives pages back that hold nothing, but for the first.
    #[cold]
    fn trim(&mut self) {
        let needed = (self.start + self.len).div_ceil(PAGE_SIZE).max(1);
        self.pages.truncate(needed);
    }

    /// Copies `len` bytes to `dst` after the first `skip`, all or none. They are there. EFAULT.
    pub(crate) fn copy(&self, skip: usize, dst: &mut UserBuf<'_>, len: usize) -> Result<()> {
        let mut at = self.start + skip;
        let end = at + len;
        while at < end {
            let (page, offset) = (at / PAGE_SIZE, at % PAGE_SIZE);
            let n = (end - at).min(PAGE_SIZE - offset);
            if dst.copy_frame_to(&self.pages[page], offset, n)? < n {
                return Err(Errno::EFAULT);
            }
            at += n;
        }
        Ok(())
    }

    /// Forgets the first `n` bytes.
    pub(crate) fn discard(&mut self, n: usize) {
        self.start += n;
        self.len -= n;
        if self.len == 0 {
            self.start = 0;
            if self.pages.len() > 1 {
                self.pages.truncate(1);
            }
            return;
        }
        while self.start >= PAGE_SIZE {
            self.pages.pop_front();
            self.start -= PAGE_SIZE;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec;
    use std::vec::Vec;

    fn put(pages: &mut Pages, bytes: &[u8]) {
        let mut src = UserBuf::kernel_src(bytes);
        pages.append(&mut src, bytes.len()).unwrap();
    }

    fn look(pages: &Pages, skip: usize, len: usize) -> Vec<u8> {
        let mut out = vec![0; len];
        pages
            .copy(skip, &mut UserBuf::kernel_dst(&mut out), len)
            .unwrap();
        out
    }

    proptest! {
        /// A queue of bytes, whatever is put in and taken out.
        #[test]
        fn bytes_come_out_as_they_went_in(steps in prop::collection::vec((0..9000usize, 0..9000usize), 1..40)) {
            let (mut pages, mut model, mut next) = (Pages::new(), Vec::new(), 0u8);
            for (add, take) in steps {
                let fresh: Vec<u8> = (0..add).map(|_| { next = next.wrapping_mul(5).wrapping_add(1); next }).collect();
                put(&mut pages, &fresh);
                model.extend(fresh);
                let take = take.min(model.len());
                prop_assert_eq!(look(&pages, 0, take), model[..take].to_vec());
                let skip = take / 2;
                prop_assert_eq!(look(&pages, skip, model.len() - skip), model[skip..].to_vec());
                pages.discard(take);
                model.drain(..take);
                prop_assert!(pages.pages.len() <= (model.len() + PAGE_SIZE - 1).div_ceil(PAGE_SIZE).max(1) + 1);
            }
        }
    }

    #[test]
    fn what_cannot_be_read_leaves_nothing() {
        let mut pages = Pages::new();
        put(&mut pages, b"before");
        let mut short = UserBuf::kernel_src(b"only");
        assert_eq!(pages.append(&mut short, 20_000), Err(Errno::EFAULT));
        assert_eq!(pages.pages.len(), 1);
        put(&mut pages, b"after");
        assert_eq!(look(&pages, 0, 11), b"beforeafter");
        pages.discard(11);
        assert_eq!((pages.start, pages.len), (0, 0));
    }
}
