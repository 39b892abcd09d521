//! splice(2), tee(2) and vmsplice(2): what moves between a pipe and a file, or between two pipes.
//!
//! Between pipes pages change hands, and tee(2) lets both refer to them. Between a pipe and a file bytes are copied once,
//! inside the kernel. A ring stays locked while its file is read or written, so that nothing read is lost and nothing
//! written comes twice.
use crate::pipe::{IN, OUT, Pipe};
use crate::ring::Ring;
use abi::{Errno, PAGE_SIZE, Result};
use core::sync::atomic::Ordering;
use kmem::user::UserBuf;
use sync::{MutexGuard, WaitMode};

/// What a ring said before something moved.
struct Was {
    empty: bool,
    full: bool,
}

impl Was {
    fn look(ring: &Ring) -> Self {
        Self {
            empty: ring.is_empty(),
            full: ring.is_full(),
        }
    }
}

impl Pipe {
    /// Moves up to `len` bytes to `sink`, which answers how much it took, waiting for the first. 0: no writer is left.
    ///
    /// # Errors
    /// `EAGAIN` (`nonblock`), `ERESTARTSYS` (signal), what `sink` says; all only if nothing moved.
    pub fn splice_to<E: From<Errno>>(
        &self,
        len: usize,
        nonblock: bool,
        mut sink: impl FnMut(&mut UserBuf<'_>) -> core::result::Result<usize, E>,
    ) -> core::result::Result<usize, E> {
        let Some(mut ring) = self.lock_readable(nonblock)? else {
            return Ok(0);
        };
        let was = Was::look(&ring);
        let mut done = 0;
        let mut result = Ok(());
        while let (true, Some((frame, offset, there))) = (done < len, ring.first()) {
            let want = there.min(len - done);
            match sink(&mut UserBuf::page_src(frame, offset, want)) {
                Ok(n) => {
                    ring.skip(n);
                    done += n;
                    if n < want {
                        break;
                    }
                }
                Err(e) => {
                    result = Err(e);
                    break;
                }
            }
        }
        self.unlock(ring, &was);
        match result {
            Err(e) if done == 0 => Err(e),
            _ => Ok(done),
        }
    }

    /// Moves up to `len` bytes from `source`, which fills what it is given and answers how far, waiting for room.
    ///
    /// # Errors
    /// `EPIPE` (no reader is left), `EAGAIN` (`nonblock`), `ERESTARTSYS` (signal), `ENOMEM`, what `source` says; all only
    /// if nothing moved.
    pub fn splice_from(
        &self,
        len: usize,
        nonblock: bool,
        mut source: impl FnMut(&mut UserBuf<'_>) -> Result<usize>,
    ) -> Result<usize> {
        let mut left = len;
        self.feed(nonblock, |ring| {
            let want = left.min(PAGE_SIZE);
            let n = ring.put(want, |frame, want| {
                source(&mut UserBuf::page_dst(frame, 0, want))
            })?;
            left -= n;
            Ok((n, n == want && left > 0))
        })
    }

    /// Copies of `src` what there is room for (vmsplice(2)), waiting for the first room; a fault ends it where it is.
    /// Errors as [`Pipe::write`].
    pub fn gather(&self, src: &mut UserBuf<'_>, nonblock: bool) -> Result<usize> {
        self.feed(nonblock, |ring| {
            let want = src.first_segment().min(PAGE_SIZE);
            let n = ring.put(want, |frame, want| src.copy_frame_from(frame, 0, want))?;
            Ok((n, n == want && !src.is_empty()))
        })
    }

    /// Puts buffers until the ring is full or `next` says that it was the last; it answers their length.
    fn feed(
        &self,
        nonblock: bool,
        mut next: impl FnMut(&mut Ring) -> Result<(usize, bool)>,
    ) -> Result<usize> {
        let mut ring = self.lock_writable(nonblock)?;
        let was = Was::look(&ring);
        let mut result = Ok(0);
        while !ring.is_full() {
            match next(&mut ring) {
                Ok((n, more)) => {
                    result = result.map(|done| done + n);
                    if !more {
                        break;
                    }
                }
                // What moved before counts.
                Err(e) if result == Ok(0) => {
                    result = Err(e);
                    break;
                }
                Err(_) => break,
            }
        }
        self.unlock(ring, &was);
        result
    }

    /// Moves up to `len` bytes to another pipe, waiting for the first byte and for room. 0: no writer is left.
    ///
    /// # Errors
    /// `EPIPE` (nobody reads from `to`), `EAGAIN` (`nonblock`), `ERESTARTSYS` (signal).
    pub fn splice_to_pipe(&self, to: &Self, len: usize, nonblock: bool) -> Result<usize> {
        self.between(to, nonblock, |from, to| to.take_from(from, len))
    }

    /// Lets another pipe have the first `len` bytes too (tee(2)). Waits and fails as [`Pipe::splice_to_pipe`].
    pub fn tee(&self, to: &Self, len: usize, nonblock: bool) -> Result<usize> {
        self.between(to, nonblock, |from, to| to.share(from, len))
    }

    fn between(
        &self,
        to: &Self,
        nonblock: bool,
        mut shift: impl FnMut(&mut Ring, &mut Ring) -> usize,
    ) -> Result<usize> {
        loop {
            // Waiting holds neither lock; another may be faster then.
            if self.lock_readable(nonblock)?.is_none() {
                return Ok(0);
            }
            drop(to.lock_writable(nonblock)?);
            let (mut from_ring, mut to_ring);
            if core::ptr::from_ref(self) < core::ptr::from_ref(to) {
                from_ring = self.ring.lock();
                to_ring = to.ring.lock();
            } else {
                to_ring = to.ring.lock();
                from_ring = self.ring.lock();
            }
            let (was_from, was_to) = (Was::look(&from_ring), Was::look(&to_ring));
            let done = shift(&mut from_ring, &mut to_ring);
            self.unlock(from_ring, &was_from);
            to.unlock(to_ring, &was_to);
            if done > 0 {
                return Ok(done);
            }
        }
    }

    /// The ring with something to read in it; `None`: it is empty and no writer is left. EAGAIN, ERESTARTSYS.
    fn lock_readable(&self, nonblock: bool) -> Result<Option<MutexGuard<'_, Ring>>> {
        loop {
            let ring = self.ring.lock();
            if !ring.is_empty() {
                return Ok(Some(ring));
            }
            drop(ring);
            if self.writers() == 0 && !self.readable() {
                return Ok(None);
            }
            if nonblock {
                return Err(Errno::EAGAIN);
            }
            let ready = || (self.readable() || self.writers() == 0).then_some(());
            self.read_wait.wait(WaitMode::Interruptible, None, ready)?;
        }
    }

    /// The ring with room in it. EPIPE, EAGAIN, ERESTARTSYS.
    fn lock_writable(&self, nonblock: bool) -> Result<MutexGuard<'_, Ring>> {
        loop {
            let ring = self.ring.lock();
            if self.readers() == 0 {
                return Err(Errno::EPIPE);
            }
            if !ring.is_full() {
                return Ok(ring);
            }
            drop(ring);
            if nonblock {
                return Err(Errno::EAGAIN);
            }
            let ready = || (self.writable() || self.readers() == 0).then_some(());
            self.write_wait.wait(WaitMode::Interruptible, None, ready)?;
        }
    }

    /// Gives the ring back and tells those who wait what it holds now. A wake-up reaches one; what is left is for the next.
    fn unlock(&self, ring: MutexGuard<'_, Ring>, was: &Was) {
        self.tail.store(ring.tail(), Ordering::Release);
        self.head.store(ring.head(), Ordering::Release);
        let now = Was::look(&ring);
        drop(ring);
        if !now.empty && (was.empty || !was.full || self.polled.load(Ordering::Relaxed)) {
            self.read_wait.wake_some(1, IN, true);
        }
        if !now.full && (was.full || !was.empty) {
            self.write_wait.wake_some(1, OUT, true);
        }
    }
}
