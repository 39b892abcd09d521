//! The buffers of a pipe: a ring of pages, each partly filled.
use abi::{Errno, PAGE_SIZE, Result};
use alloc::boxed::Box;
use alloc::vec::Vec;
use kmem::TryVec;
use kmem::frame::Frame;
use kmem::user::UserBuf;

/// What may be done with the bytes of one buffer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// The page is the pipe's own and later bytes may be added after these.
    Stream,
    /// The bytes are one packet (`O_DIRECT`): nothing is added, and one read takes it.
    Packet,
    /// Others hold the page too: nothing is added.
    Shared,
}

/// Bytes in one page.
pub(crate) struct Buf {
    frame: Frame,
    offset: u16,
    len: u16,
    kind: Kind,
}

/// Pages kept for the next write, so that a busy pipe allocates nothing.
const SPARES: usize = 2;

pub(crate) struct Ring {
    slots: Box<[Option<Buf>]>,
    /// Positions count up for ever; the slot is their remainder.
    head: u32,
    tail: u32,
    spare: [Option<Frame>; SPARES],
}

fn empty_slots(n: usize) -> Result<Box<[Option<Buf>]>> {
    Vec::try_collect_from((0..n).map(|_| None))?.try_into_boxed_slice()
}

impl Ring {
    /// A ring of `slots` pages, a power of two.
    pub(crate) fn new(slots: usize) -> Result<Self> {
        Ok(Self {
            slots: empty_slots(slots)?,
            head: 0,
            tail: 0,
            spare: [None, None],
        })
    }

    #[inline]
    pub(crate) fn head(&self) -> u32 {
        self.head
    }

    #[inline]
    pub(crate) fn tail(&self) -> u32 {
        self.tail
    }

    /// Buffers in use.
    #[inline]
    pub(crate) fn used(&self) -> usize {
        self.head.wrapping_sub(self.tail) as usize
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.head == self.tail
    }

    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.used() >= self.slots.len()
    }

    #[inline]
    fn index(&self, pos: u32) -> usize {
        pos as usize & (self.slots.len() - 1)
    }

    /// Bytes in all buffers (`FIONREAD`).
    pub(crate) fn bytes(&self) -> usize {
        let lens = self.slots.iter().flatten().map(|buf| usize::from(buf.len));
        lens.sum()
    }

    /// Gives the ring `slots` slots. EBUSY when more are in use; ENOMEM.
    pub(crate) fn resize(&mut self, slots: usize) -> Result<()> {
        if self.used() > slots {
            return Err(Errno::EBUSY);
        }
        let mut new = empty_slots(slots)?;
        let used = self.used() as u32;
        for i in 0..used {
            let from = self.index(self.tail.wrapping_add(i));
            new[i as usize] = self.slots[from].take();
        }
        self.slots = new;
        (self.tail, self.head) = (0, used);
        Ok(())
    }

    /// Adds the next `len` bytes of `src` to the last buffer, all or none; `None` if they do not fit there.
    /// EFAULT when not all of them can be read.
    #[inline]
    pub(crate) fn merge(&mut self, src: &mut UserBuf<'_>, len: usize) -> Result<Option<usize>> {
        let index = self.index(self.head.wrapping_sub(1));
        let Some(last) = &mut self.slots[index] else {
            return Ok(None);
        };
        let end = usize::from(last.offset) + usize::from(last.len);
        if last.kind != Kind::Stream || end + len > PAGE_SIZE {
            return Ok(None);
        }
        let n = src.copy_frame_from(&last.frame, end, len)?;
        if n < len {
            return Err(Errno::EFAULT);
        }
        last.len += n as u16;
        Ok(Some(n))
    }

    /// Puts up to a page of `src` into a new buffer; the ring is not full. EFAULT: not all of it can be read, and nothing is
    /// put; ENOMEM.
    #[inline]
    pub(crate) fn push(&mut self, src: &mut UserBuf<'_>, kind: Kind) -> Result<usize> {
        let frame = self.take_spare()?;
        let len = src.remaining().min(PAGE_SIZE);
        if src.copy_frame_from(&frame, 0, len) != Ok(len) {
            self.keep_spare(frame);
            return Err(Errno::EFAULT);
        }
        self.append(frame, 0, len, kind);
        Ok(len)
    }

    /// Moves bytes of the first buffer to `dst`. The buffer goes when it is empty or was a packet. Answers how many
    /// bytes moved, and whether this read ends here. The ring is not empty. EFAULT: not all bytes could be put, and the buffer
    /// stays as it is.
    #[inline]
    pub(crate) fn pop(&mut self, dst: &mut UserBuf<'_>) -> Result<(usize, bool)> {
        let index = self.index(self.tail);
        let Some(first) = &mut self.slots[index] else {
            return Ok((0, true));
        };
        let want = usize::from(first.len).min(dst.remaining());
        let n = dst.copy_frame_to(&first.frame, usize::from(first.offset), want)?;
        if n < want {
            return Err(Errno::EFAULT);
        }
        first.offset += n as u16;
        first.len -= n as u16;
        let packet = first.kind == Kind::Packet;
        if packet {
            first.len = 0;
        }
        if first.len == 0 {
            self.drop_first(index);
        }
        Ok((n, packet))
    }

    /// The page, offset and length of the first buffer.
    pub(crate) fn first(&self) -> Option<(&Frame, usize, usize)> {
        self.at(self.tail)
    }

    fn at(&self, pos: u32) -> Option<(&Frame, usize, usize)> {
        let buf = self.slots[self.index(pos)].as_ref()?;
        Some((&buf.frame, buf.offset.into(), buf.len.into()))
    }

    /// Forgets the first `n` bytes of the first buffer.
    pub(crate) fn skip(&mut self, n: usize) {
        let index = self.index(self.tail);
        if let Some(first) = &mut self.slots[index] {
            first.offset += n as u16;
            first.len -= n as u16;
            if first.len == 0 {
                self.drop_first(index);
            }
        }
    }

    /// Puts a buffer that `make` fills, given a page of its own and how many bytes at most; the ring is not full. Nothing
    /// is put for 0 bytes. ENOMEM, and what `make` says.
    pub(crate) fn put(
        &mut self,
        len: usize,
        make: impl FnOnce(&Frame, usize) -> Result<usize>,
    ) -> Result<usize> {
        let frame = self.take_spare()?;
        let result = make(&frame, len.min(PAGE_SIZE));
        match result {
            Ok(n) if n > 0 => self.append(frame, 0, n, Kind::Stream),
            _ => self.keep_spare(frame),
        }
        result
    }

    fn append(&mut self, frame: Frame, offset: usize, len: usize, kind: Kind) {
        let index = self.index(self.head);
        self.slots[index] = Some(Buf {
            frame,
            offset: offset as u16,
            len: len as u16,
            kind,
        });
        self.head = self.head.wrapping_add(1);
    }

    /// Moves up to `len` bytes of `from` here, whole buffers as they are.
    pub(crate) fn take_from(&mut self, from: &mut Self, len: usize) -> usize {
        let mut done = 0;
        while done < len && !self.is_full() && !from.is_empty() {
            let index = from.index(from.tail);
            let Some(first) = &mut from.slots[index] else {
                break;
            };
            let n = usize::from(first.len).min(len - done);
            if n == usize::from(first.len) {
                let place = self.index(self.head);
                self.slots[place] = from.slots[index].take();
                self.head = self.head.wrapping_add(1);
                from.tail = from.tail.wrapping_add(1);
            } else {
                self.append(first.frame.clone(), first.offset.into(), n, Kind::Shared);
                from.skip(n);
            }
            done += n;
        }
        done
    }

    /// Puts up to `len` bytes of `from` here, which stay there: both refer to the same pages.
    pub(crate) fn share(&mut self, from: &Self, len: usize) -> usize {
        let mut done = 0;
        let mut pos = from.tail;
        while done < len && !self.is_full() && pos != from.head {
            if let Some((frame, offset, there)) = from.at(pos) {
                let n = there.min(len - done);
                self.append(frame.clone(), offset, n, Kind::Shared);
                done += n;
            }
            pos = pos.wrapping_add(1);
        }
        done
    }

    #[inline]
    fn drop_first(&mut self, index: usize) {
        if let Some(buf) = self.slots[index].take() {
            self.keep_spare(buf.frame);
        }
        self.tail = self.tail.wrapping_add(1);
    }

    #[inline]
    fn take_spare(&mut self) -> Result<Frame> {
        for spare in &mut self.spare {
            if let Some(frame) = spare.take() {
                return Ok(frame);
            }
        }
        Frame::uninit()
    }

    /// Keeps a page that nobody else refers to.
    #[inline]
    fn keep_spare(&mut self, frame: Frame) {
        if frame.refs() != 1 {
            return;
        }
        if let Some(slot) = self.spare.iter_mut().find(|slot| slot.is_none()) {
            *slot = Some(frame);
        }
    }
}
