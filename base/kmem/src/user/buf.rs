//! [`UserBuf`]: where a read or write moves its data: one user range, a list of them (readv(2)), or kernel memory for
//! callers inside the kernel. A cursor runs through it; data moves once.
use super::{UserAddr, copy_from_user_partial, partial, raw_from_user, raw_to_user};
use crate::frame::Frame;
use crate::machine;
use abi::pod::Iovec;
use abi::{Errno, Result};
use core::marker::PhantomData;

/// A cursor over the memory of a read or write. `'a` is the life of the iovec list or of the kernel slice.
#[derive(Debug)]
pub struct UserBuf<'a> {
    part: Part<'a>,
    /// Bytes from the cursor to the end, all segments.
    remaining: usize,
}

/// The same, under the name that says kernel memory works too.
pub type IoBuf<'a> = UserBuf<'a>;

#[derive(Debug)]
enum Part<'a> {
    User {
        addr: usize,
        len: usize,
        rest: &'a [Iovec],
    },
    KernelDst(&'a mut [u8]),
    KernelSrc(&'a [u8]),
    /// Bytes of a page that others may look at too, so no slice: read from when it is a source.
    Page {
        at: *mut u8,
        len: usize,
        source: bool,
        frame: PhantomData<&'a Frame>,
    },
}

impl<'a> UserBuf<'a> {
    /// One user range; checked when used.
    #[inline]
    pub const fn single(addr: UserAddr, len: usize) -> Self {
        UserBuf {
            part: Part::User {
                addr: addr.0,
                len,
                rest: &[],
            },
            remaining: len,
        }
    }

    /// A list of user ranges, copied into the kernel by the caller. The total is cut to `MAX_RW_COUNT`.
    /// EINVAL when a length is negative.
    pub fn vectored(list: &'a [Iovec]) -> Result<Self> {
        let mut total = 0usize;
        for iov in list {
            if iov.iov_len > isize::MAX as usize {
                return Err(Errno::EINVAL);
            }
            total = total.saturating_add(iov.iov_len);
        }
        let remaining = total.min(abi::MAX_RW_COUNT);
        Ok(UserBuf {
            part: Part::User {
                addr: 0,
                len: 0,
                rest: list,
            },
            remaining,
        })
    }

    /// Kernel memory to read a file into.
    #[inline]
    pub const fn kernel_dst(dst: &'a mut [u8]) -> Self {
        let remaining = dst.len();
        UserBuf {
            part: Part::KernelDst(dst),
            remaining,
        }
    }

    /// Kernel memory to write to a file.
    #[inline]
    pub const fn kernel_src(src: &'a [u8]) -> Self {
        UserBuf {
            remaining: src.len(),
            part: Part::KernelSrc(src),
        }
    }

    /// Part of a page to read a file into. Panics when the range leaves the page.
    pub fn page_dst(frame: &'a Frame, offset: usize, len: usize) -> Self {
        Self::page(frame, offset, len, false)
    }

    /// Part of a page to write to a file. Panics when the range leaves the page.
    pub fn page_src(frame: &'a Frame, offset: usize, len: usize) -> Self {
        Self::page(frame, offset, len, true)
    }

    fn page(frame: &'a Frame, offset: usize, len: usize, source: bool) -> Self {
        UserBuf {
            remaining: len,
            part: Part::Page {
                at: frame.at(offset, len),
                len,
                source,
                frame: PhantomData,
            },
        }
    }

    /// Bytes left from the cursor on.
    #[inline]
    pub const fn remaining(&self) -> usize {
        self.remaining
    }
    /// Bytes left of the segment at the cursor: what one write(2) would have, for a writev(2) that is a row of those.
    pub fn first_segment(&mut self) -> usize {
        self.segment_len().min(self.remaining)
    }
    /// Whether nothing is left.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.remaining == 0
    }
    /// Whether it is kernel memory (no fault can happen).
    #[inline]
    pub const fn is_kernel(&self) -> bool {
        !matches!(self.part, Part::User { .. })
    }

    /// Forgets all but the first `len` bytes from the cursor on.
    #[inline]
    pub fn limit(&mut self, len: usize) {
        self.remaining = self.remaining.min(len);
    }

    /// The user range at the cursor that ends where the next one begins. `None`: nothing is left, or it is kernel memory.
    #[inline]
    pub fn segment(&mut self) -> Option<(UserAddr, usize)> {
        let len = self.segment_len().min(self.remaining);
        match self.part {
            Part::User { addr, .. } if len != 0 => Some((UserAddr(addr), len)),
            _ => None,
        }
    }

    /// Moves the cursor `n` bytes on (at most to the end) without a transfer.
    #[inline]
    pub fn advance(&mut self, n: usize) {
        match &mut self.part {
            Part::User { addr, len, .. } if n <= *len && n <= self.remaining => {
                *addr = addr.wrapping_add(n);
                *len -= n;
                self.remaining -= n;
            }
            _ => self.advance_far(n),
        }
    }

    /// [`advance`](Self::advance) over more than what the cursor stands in.
    fn advance_far(&mut self, n: usize) {
        let mut n = n.min(self.remaining);
        while n != 0 {
            let step = self.segment_len().min(n);
            self.step(step);
            n -= step;
        }
    }

    /// Copies `src` to the buffer (a read). Returns how much arrived: less than `src` when the buffer or what is
    /// mapped of it ends. EFAULT when nothing arrived because of a fault.
    #[inline]
    pub fn copy_to(&mut self, src: &[u8]) -> Result<usize> {
        // SAFETY: within the slice.
        self.transfer(src.len(), |at, done, len| unsafe {
            let from = src.as_ptr().add(done);
            match at {
                At::User(addr) => raw_to_user(addr, from, len),
                At::Kernel(dst) => copy_kernel(dst, from, len),
                At::KernelConst(_) => len,
            }
        })
    }

    /// Copies from the buffer to `dst` (a write). Returns how much arrived, as [`copy_to`](Self::copy_to).
    #[inline]
    pub fn copy_from(&mut self, dst: &mut [u8]) -> Result<usize> {
        let to = dst.as_mut_ptr();
        // SAFETY: within the slice.
        self.transfer(dst.len(), |at, done, len| unsafe {
            match at {
                At::User(addr) => raw_from_user(to.add(done), addr, len),
                At::Kernel(src) => copy_kernel(to.add(done), src, len),
                At::KernelConst(src) => copy_kernel(to.add(done), src, len),
            }
        })
    }

    /// Copies part of a page to the buffer (a read), as [`copy_to`](Self::copy_to).
    #[inline]
    #[track_caller]
    pub fn copy_frame_to(&mut self, frame: &Frame, offset: usize, len: usize) -> Result<usize> {
        let from = frame.at(offset, len);
        // SAFETY: within the page, which the borrow keeps.
        self.transfer(len, |at, done, len| unsafe {
            match at {
                At::User(addr) => raw_to_user(addr, from.add(done), len),
                At::Kernel(dst) => copy_kernel(dst, from.add(done), len),
                At::KernelConst(_) => len,
            }
        })
    }

    /// Copies from the buffer into part of a page (a write), as [`copy_to`](Self::copy_to).
    #[inline]
    #[track_caller]
    pub fn copy_frame_from(&mut self, frame: &Frame, offset: usize, len: usize) -> Result<usize> {
        let to = frame.at(offset, len);
        // SAFETY: within the page, which the borrow keeps.
        self.transfer(len, |at, done, len| unsafe {
            match at {
                At::User(addr) => raw_from_user(to.add(done), addr, len),
                At::Kernel(src) => copy_kernel(to.add(done), src, len),
                At::KernelConst(src) => copy_kernel(to.add(done), src, len),
            }
        })
    }

    /// Fills up to `len` bytes with zeros (a read of /dev/zero or of a hole), as [`copy_to`](Self::copy_to).
    #[inline]
    pub fn zero(&mut self, len: usize) -> Result<usize> {
        self.transfer(len, |at, _, len| match at {
            At::User(addr) => match super::check(addr, len) {
                Ok(()) => machine::clear_user(addr, len),
                Err(_) => len,
            },
            // SAFETY: the segment is valid for `len` bytes.
            At::Kernel(dst) => unsafe {
                machine::zero(dst, len);
                0
            },
            At::KernelConst(_) => len,
        })
    }

    /// Reads one byte on (line disciplines). EFAULT; `None` at the end.
    pub fn next_byte(&mut self) -> Result<Option<u8>> {
        let mut byte = [0];
        Ok((self.copy_from(&mut byte)? == 1).then_some(byte[0]))
    }

    /// Copies from the cursor on without moving it (what must be looked at before it is accepted).
    pub fn peek(&self, dst: &mut [u8]) -> Result<usize> {
        let want = dst.len().min(self.remaining);
        let dst = &mut dst[..want];
        match &self.part {
            Part::KernelSrc(src) => dst.copy_from_slice(&src[..want]),
            Part::KernelDst(src) => dst.copy_from_slice(&src[..want]),
            // SAFETY: `want` bytes of the page follow, which the borrow keeps.
            Part::Page { at, .. } => unsafe {
                copy_kernel(dst.as_mut_ptr(), *at, want);
            },
            Part::User { addr, len, rest } => {
                let mut done = 0;
                let mut seg = (*addr, *len);
                let mut rest = rest.iter();
                while done < want {
                    let step = seg.1.min(want - done);
                    match copy_from_user_partial(&mut dst[done..done + step], UserAddr(seg.0)) {
                        Ok(n) => done += n,
                        Err(e) => return if done == 0 { Err(e) } else { Ok(done) },
                    }
                    let Some(iov) = rest.next() else { break };
                    seg = (iov.iov_base, iov.iov_len);
                }
                return Ok(done);
            }
        }
        Ok(want)
    }

    /// Runs `op(where, bytes done before, len)` over the segments; `op` says how many bytes it left.
    #[inline]
    fn transfer(
        &mut self,
        want: usize,
        mut op: impl FnMut(At, usize, usize) -> usize,
    ) -> Result<usize> {
        let want = want.min(self.remaining);
        if want == 0 {
            return Ok(0);
        }
        if self.segment_len() < want {
            return self.transfer_segments(want, op);
        }
        let left = op(self.place(), 0, want);
        self.step(want - left);
        if left != 0 {
            return partial(want, left);
        }
        Ok(want)
    }

    /// A transfer that the segment at the cursor isn't long enough for.
    #[inline(never)]
    fn transfer_segments(
        &mut self,
        want: usize,
        mut op: impl FnMut(At, usize, usize) -> usize,
    ) -> Result<usize> {
        let mut done = 0;
        while done < want {
            let len = self.segment_len().min(want - done);
            let left = op(self.place(), done, len);
            self.step(len - left);
            done += len - left;
            if left != 0 {
                return partial(want, want - done);
            }
        }
        Ok(done)
    }

    /// Length of the segment at the cursor, never 0 unless nothing remains: moves to the next one where needed.
    #[inline]
    fn segment_len(&mut self) -> usize {
        match &mut self.part {
            Part::KernelDst(s) => s.len(),
            Part::KernelSrc(s) => s.len(),
            Part::Page { len, .. } => *len,
            Part::User { addr, len, rest } => {
                while *len == 0 {
                    let Some((first, tail)) = rest.split_first() else {
                        return 0;
                    };
                    (*addr, *len, *rest) = (first.iov_base, first.iov_len, tail);
                }
                *len
            }
        }
    }

    #[inline]
    fn place(&mut self) -> At {
        match &mut self.part {
            Part::User { addr, .. } => At::User(UserAddr(*addr)),
            Part::KernelDst(s) => At::Kernel(s.as_mut_ptr()),
            Part::KernelSrc(s) => At::KernelConst(s.as_ptr()),
            Part::Page { at, source, .. } if *source => At::KernelConst(*at),
            Part::Page { at, .. } => At::Kernel(*at),
        }
    }

    #[inline]
    fn step(&mut self, n: usize) {
        self.remaining -= n;
        match &mut self.part {
            Part::User { addr, len, .. } => {
                *addr = addr.wrapping_add(n);
                *len -= n;
            }
            Part::KernelDst(s) => *s = &mut core::mem::take(s)[n..],
            Part::KernelSrc(s) => *s = &s[n..],
            Part::Page { at, len, .. } => {
                *at = at.wrapping_add(n);
                *len -= n;
            }
        }
    }
}

/// Where a segment lies.
enum At {
    User(UserAddr),
    Kernel(*mut u8),
    KernelConst(*const u8),
}

/// # Safety
/// As `machine::copy`.
#[inline]
unsafe fn copy_kernel(dst: *mut u8, src: *const u8, len: usize) -> usize {
    // SAFETY: the caller's promise.
    unsafe { machine::copy(dst, src, len) };
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(s: &[u8]) -> UserAddr {
        UserAddr(s.as_ptr() as usize)
    }

    #[test]
    fn vectored_skips_empty_segments() {
        let (a, b) = (*b"abc", *b"defgh");
        let list = [
            Iovec {
                iov_base: 0,
                iov_len: 0,
            },
            Iovec {
                iov_base: addr(&a).0,
                iov_len: 3,
            },
            Iovec {
                iov_base: 1,
                iov_len: 0,
            },
            Iovec {
                iov_base: addr(&b).0,
                iov_len: 5,
            },
            Iovec {
                iov_base: 0,
                iov_len: 0,
            },
        ];
        let mut buf = UserBuf::vectored(&list).unwrap();
        let mut out = [0; 4];
        assert_eq!(buf.peek(&mut out), Ok(4));
        assert_eq!(&out, b"abcd");
        assert_eq!(buf.copy_from(&mut out), Ok(4));
        assert_eq!(&out, b"abcd");
        buf.advance(1);
        let mut out = [0; 9];
        assert_eq!(buf.copy_from(&mut out), Ok(3));
        assert_eq!(&out[..3], b"fgh");
        assert_eq!(buf.copy_from(&mut out), Ok(0));
        assert_eq!(buf.next_byte(), Ok(None));
    }

    #[test]
    fn a_fault_counts_only_when_nothing_arrived() {
        let a = [0u8; 3];
        let list = [
            Iovec {
                iov_base: addr(&a).0,
                iov_len: 3,
            },
            Iovec {
                iov_base: 0,
                iov_len: 8,
            },
        ];
        let mut buf = UserBuf::vectored(&list).unwrap();
        assert_eq!(buf.copy_to(b"123456"), Ok(3));
        assert_eq!(buf.remaining(), 8);
        assert_eq!(buf.copy_to(b"456"), Err(Errno::EFAULT));
        let mut kernel = UserBuf::single(UserAddr(0xffff_8000_0000_0000), 4);
        assert_eq!(kernel.copy_to(b"x"), Err(Errno::EFAULT));
        assert_eq!(kernel.zero(1), Err(Errno::EFAULT));
    }

    #[test]
    fn lengths_are_checked_as_readv_does() {
        let huge = Iovec {
            iov_base: 0,
            iov_len: isize::MAX as usize,
        };
        let one = Iovec {
            iov_base: 0,
            iov_len: 1,
        };
        assert_eq!(
            UserBuf::vectored(&[huge, huge, huge, one])
                .unwrap()
                .remaining(),
            abi::MAX_RW_COUNT
        );
        assert!(
            UserBuf::vectored(&[Iovec {
                iov_base: 0,
                iov_len: usize::MAX
            }])
            .is_err()
        );
        assert_eq!(
            UserBuf::vectored(&[huge]).unwrap().remaining(),
            abi::MAX_RW_COUNT
        );
    }

    #[test]
    fn kernel_slices() {
        let mut buf = UserBuf::kernel_src(b"hello");
        let frame = Frame::zeroed().unwrap();
        assert_eq!(buf.copy_frame_from(&frame, 10, 100), Ok(5));
        assert!(buf.is_empty());
        assert_eq!(buf.copy_to(b"x"), Ok(0));
        assert_eq!(UserBuf::kernel_src(b"a").copy_to(b"x"), Err(Errno::EFAULT));
        let mut out = *b"........";
        let mut buf = UserBuf::kernel_dst(&mut out);
        assert_eq!(buf.copy_frame_to(&frame, 10, 5), Ok(5));
        assert_eq!(buf.zero(1), Ok(1));
        assert_eq!(buf.copy_to(b"ab!"), Ok(2));
        assert_eq!(&out, b"hello\0ab");
    }
}
