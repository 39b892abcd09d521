//! Reading, writing and waiting.
use crate::caller::{self, Charge};
use crate::ring::{Kind, Ring};
use crate::share::Share;
use abi::{Errno, PAGE_SIZE, Result, raw};
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use kmem::user::UserBuf;
use sync::{LockClass, Mutex, WaitMode, WaitQueue, rank};

static RING: LockClass = LockClass::new("pipe", rank::PIPE);

/// Buffers of a new pipe: 64 KiB.
pub const DEFAULT_SLOTS: usize = 16;

/// More bytes are no size at all.
pub(crate) const LARGEST: usize = 1 << 31;
/// The largest ring: as in Linux, where its 40 bytes a buffer have to come in one piece of at most 4 MiB.
const MOST_SLOTS: usize = (4 << 20) / 40;

/// Poll events of "something to read".
pub(crate) const IN: u32 = raw::POLLIN | raw::POLLRDNORM;
/// Poll events of "room to write".
pub(crate) const OUT: u32 = raw::POLLOUT | raw::POLLWRNORM;

/// How a read or write behaves when it would have to wait, and what a write makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mode {
    /// `O_NONBLOCK`: EAGAIN instead of waiting.
    pub nonblock: bool,
    /// `O_DIRECT`: each write is a packet.
    pub packets: bool,
}

/// A pipe or the inside of an open FIFO.
///
/// `head`, `tail` and `slots` repeat what the ring says, for looks without its lock; they change under it.
pub struct Pipe {
    pub(crate) ring: Mutex<Ring>,
    pub(crate) head: AtomicU32,
    pub(crate) tail: AtomicU32,
    slots: AtomicU32,
    /// Open files that read and that write.
    readers: AtomicU32,
    writers: AtomicU32,
    /// How often a reader or writer came: what the open of a FIFO waits for.
    reader_opens: AtomicU32,
    writer_opens: AtomicU32,
    pub(crate) read_wait: WaitQueue,
    pub(crate) write_wait: WaitQueue,
    /// Somebody polls: edge-triggered watchers hear of every write, not of the first into an empty pipe only.
    pub(crate) polled: AtomicBool,
    /// Changes under the ring's lock.
    charge: Charge,
}

/// Who was at a pipe before an end opened: how often each side had been opened, and how many were open.
#[derive(Clone, Copy)]
pub(crate) struct Before {
    pub(crate) reader_opens: u32,
    pub(crate) writer_opens: u32,
    pub(crate) readers: u32,
    pub(crate) writers: u32,
}

impl Pipe {
    /// A pipe with no ends open. ENOMEM.
    pub fn new() -> Result<Self> {
        Ok(Self {
            ring: Mutex::new(&RING, Ring::new(DEFAULT_SLOTS)?),
            head: AtomicU32::new(0),
            tail: AtomicU32::new(0),
            slots: AtomicU32::new(DEFAULT_SLOTS as u32),
            readers: AtomicU32::new(0),
            writers: AtomicU32::new(0),
            reader_opens: AtomicU32::new(0),
            writer_opens: AtomicU32::new(0),
            read_wait: WaitQueue::new(),
            write_wait: WaitQueue::new(),
            polled: AtomicBool::new(false),
            charge: Charge::new(DEFAULT_SLOTS),
        })
    }

    /// Reads what is there, waiting for the first byte. 0: no writer is left.
    ///
    /// # Errors
    /// `EAGAIN` (`mode`), `ERESTARTSYS` (signal), `EFAULT`.
    pub fn read(&self, dst: &mut UserBuf<'_>, mode: Mode) -> Result<usize> {
        if dst.is_empty() {
            return Ok(0);
        }
        let mut waited = false;
        loop {
            // An empty pipe is seen without the lock: a reader that comes to wait takes none.
            if self.readable() {
                let result = self.read_now(dst, waited);
                if result != Ok(0) {
                    return result;
                }
            }
            // In this order: what the last writer wrote is there before it is gone.
            if self.writers() == 0 && !self.readable() {
                return Ok(0);
            }
            if mode.nonblock {
                return Err(Errno::EAGAIN);
            }
            let ready = || (self.readable() || self.writers() == 0).then_some(());
            self.read_wait.wait(WaitMode::Interruptible, None, ready)?;
            waited = true;
        }
    }

    /// Reads what is there; 0: another reader was faster.
    fn read_now(&self, dst: &mut UserBuf<'_>, waited: bool) -> Result<usize> {
        let mut ring = self.ring.lock();
        let was_full = ring.is_full();
        let result = drain(&mut ring, dst);
        self.tail.store(ring.tail(), Ordering::Release);
        let (empty, full) = (ring.is_empty(), ring.is_full());
        drop(ring);
        if was_full && !full {
            self.write_wait.wake_some(1, OUT, true);
        }
        // A wake-up reaches one reader; what it leaves is for the next.
        if waited && !empty {
            self.read_wait.wake_some(1, IN, true);
        }
        result
    }

    /// Writes all of `src`, waiting for room; up to `PIPE_BUF` bytes go in one piece.
    ///
    /// # Errors
    /// `EPIPE` when no reader is left (the caller sends `SIGPIPE`), `EAGAIN` (`mode`), `ERESTARTSYS` (signal),
    /// `EFAULT`, `ENOMEM`; all only if nothing was written.
    pub fn write(&self, src: &mut UserBuf<'_>, mode: Mode) -> Result<usize> {
        if src.is_empty() {
            return Ok(0);
        }
        let mut done = 0;
        let mut waited = false;
        loop {
            let mut ring = self.ring.lock();
            if self.readers() == 0 {
                return if done > 0 {
                    Ok(done)
                } else {
                    Err(Errno::EPIPE)
                };
            }
            let was_empty = ring.is_empty();
            let result = fill(&mut ring, src, mode, done == 0);
            self.head.store(ring.head(), Ordering::Release);
            let full = ring.is_full();
            drop(ring);
            let n = *result.as_ref().unwrap_or(&0);
            if n > 0 && (was_empty || self.polled.load(Ordering::Relaxed)) {
                self.read_wait.wake_some(1, IN, true);
            }
            done += n;
            let over = match result {
                Err(e) if done == 0 => Some(Err(e)),
                Err(_) => Some(Ok(done)),
                Ok(_) if src.is_empty() => Some(Ok(done)),
                Ok(_) if mode.nonblock && done == 0 => Some(Err(Errno::EAGAIN)),
                Ok(_) if mode.nonblock => Some(Ok(done)),
                Ok(_) => None,
            };
            if let Some(over) = over {
                if waited && !full {
                    self.write_wait.wake_some(1, OUT, true);
                }
                return over;
            }
            let ready = || (self.writable() || self.readers() == 0).then_some(());
            if let Err(e) = self.write_wait.wait(WaitMode::Interruptible, None, ready) {
                return if done > 0 { Ok(done) } else { Err(e.into()) };
            }
            waited = true;
        }
    }

    #[inline]
    pub(crate) fn readable(&self) -> bool {
        self.head.load(Ordering::Acquire) != self.tail.load(Ordering::Acquire)
    }

    #[inline]
    pub(crate) fn writable(&self) -> bool {
        let used = self
            .head
            .load(Ordering::Acquire)
            .wrapping_sub(self.tail.load(Ordering::Acquire));
        used < self.slots.load(Ordering::Relaxed)
    }

    /// Files open for reading.
    #[inline]
    pub fn readers(&self) -> u32 {
        self.readers.load(Ordering::Acquire)
    }

    /// Files open for writing.
    #[inline]
    pub fn writers(&self) -> u32 {
        self.writers.load(Ordering::Acquire)
    }

    /// Where readers wait.
    pub fn read_queue(&self) -> &WaitQueue {
        &self.read_wait
    }

    /// Where writers wait.
    pub fn write_queue(&self) -> &WaitQueue {
        &self.write_wait
    }

    /// From now on every write wakes, since somebody polls.
    pub fn note_polled(&self) {
        if !self.polled.load(Ordering::Relaxed) {
            self.polled.store(true, Ordering::Relaxed);
        }
    }

    /// Poll events of the end that `reads` and the one that `writes`. `seen` is the count of writers that had come
    /// when the reader opened: a FIFO without a writer is no hang-up before there was one.
    pub fn poll_events(&self, reads: bool, writes: bool, seen: Option<u32>) -> u32 {
        let mut events = 0;
        if reads {
            if self.readable() {
                events |= IN;
            }
            if self.writers() == 0 && seen != Some(self.writer_opens.load(Ordering::Relaxed)) {
                events |= raw::POLLHUP;
            }
        }
        if writes {
            if self.writable() {
                events |= OUT;
            }
            if self.readers() == 0 {
                events |= raw::POLLERR;
            }
        }
        events
    }

    /// Bytes that can be read (`FIONREAD`).
    pub fn len(&self) -> usize {
        self.ring.lock().bytes()
    }

    /// True when nothing can be read.
    pub fn is_empty(&self) -> bool {
        !self.readable()
    }

    /// Capacity in bytes (`F_GETPIPE_SZ`).
    pub fn capacity(&self) -> usize {
        self.slots.load(Ordering::Relaxed) as usize * PAGE_SIZE
    }

    /// Sets the capacity to at least `bytes` (`F_SETPIPE_SZ`); answers what it is now. EBUSY when more than that is
    /// in use; EINVAL when it is no size of a pipe; ENOMEM.
    pub fn set_capacity(&self, bytes: usize) -> Result<usize> {
        if bytes > LARGEST {
            return Err(Errno::EINVAL);
        }
        let slots = bytes.div_ceil(PAGE_SIZE).max(1).next_power_of_two();
        if slots > MOST_SLOTS {
            return Err(Errno::ENOMEM);
        }
        let mut ring = self.ring.lock();
        let old = self.slots.load(Ordering::Relaxed) as usize;
        self.charge.set(slots);
        let resized = if slots > old && self.exceeds_share(&[Share::Soft, Share::Hard]) {
            Err(Errno::EPERM)
        } else {
            ring.resize(slots)
        };
        resized.inspect_err(|_| self.charge.set(old))?;
        self.slots.store(slots as u32, Ordering::Relaxed);
        self.tail.store(ring.tail(), Ordering::Release);
        self.head.store(ring.head(), Ordering::Release);
        drop(ring);
        self.read_wait.wake_all_key(IN);
        self.write_wait.wake_all_key(OUT);
        Ok(slots * PAGE_SIZE)
    }

    /// Whether the pipes of its user are beyond one of these limits, and they hold for the caller.
    pub(crate) fn exceeds_share(&self, limits: &[Share]) -> bool {
        let pages = self.charge.of_user();
        limits.iter().any(|limit| limit.is_exceeded(pages)) && !caller::may_exceed_share()
    }

    /// An end opens. Answers who was there before. A partner that waits may come, talk and go at once when it sees the
    /// new end, so what there was is looked at first: opens, then ends, in the order opposite to theirs.
    pub(crate) fn open(&self, reads: bool, writes: bool) -> Before {
        let before = Before {
            reader_opens: self.reader_opens.load(Ordering::SeqCst),
            writer_opens: self.writer_opens.load(Ordering::SeqCst),
            readers: self.readers.load(Ordering::SeqCst),
            writers: self.writers.load(Ordering::SeqCst),
        };
        if reads {
            self.readers.fetch_add(1, Ordering::SeqCst);
            self.reader_opens.fetch_add(1, Ordering::SeqCst);
        }
        if writes {
            self.writers.fetch_add(1, Ordering::SeqCst);
            self.writer_opens.fetch_add(1, Ordering::SeqCst);
        }
        self.read_wait.wake_all();
        self.write_wait.wake_all();
        before
    }

    /// An end closes; the other side hears of it when it was the last.
    pub(crate) fn close(&self, reads: bool, writes: bool) {
        let last_reader = reads && self.readers.fetch_sub(1, Ordering::AcqRel) == 1;
        let last_writer = writes && self.writers.fetch_sub(1, Ordering::AcqRel) == 1;
        if last_reader || last_writer {
            let all = IN | OUT | raw::POLLERR | raw::POLLHUP;
            self.read_wait.wake_all_key(all);
            self.write_wait.wake_all_key(all);
        }
    }

    /// Waits until another reader (or, `writer`, writer) has come than the `seen` ones. ERESTARTSYS.
    pub(crate) fn wait_for_partner(&self, writer: bool, seen: u32) -> Result<()> {
        let (queue, opens) = if writer {
            (&self.read_wait, &self.writer_opens)
        } else {
            (&self.write_wait, &self.reader_opens)
        };
        queue.wait(WaitMode::Interruptible, None, || {
            (opens.load(Ordering::Acquire) != seen).then_some(())
        })?;
        Ok(())
    }
}

/// Moves what is in the ring to `dst`; an error counts only when nothing moved.
fn drain(ring: &mut Ring, dst: &mut UserBuf<'_>) -> Result<usize> {
    let mut done = 0;
    while !ring.is_empty() && !dst.is_empty() {
        match ring.pop(dst) {
            Ok((n, false)) => done += n,
            Ok((n, true)) => return Ok(done + n),
            Err(e) if done == 0 => return Err(e),
            Err(_) => break,
        }
    }
    Ok(done)
}

/// Moves from `src` to the ring until one of them ends; an error counts only when nothing moved. At the `start` of a
/// write its last, partial page may join the last buffer, so that small writes share pages.
pub(crate) fn fill(
    ring: &mut Ring,
    src: &mut UserBuf<'_>,
    mode: Mode,
    start: bool,
) -> Result<usize> {
    let mut done = 0;
    let odd = src.remaining() % PAGE_SIZE;
    if start && odd != 0 && !ring.is_empty() && !mode.packets {
        done = ring.merge(src, odd)?.unwrap_or(0);
        if done != 0 && done != odd {
            return Ok(done);
        }
    }
    let kind = if mode.packets {
        Kind::Packet
    } else {
        Kind::Stream
    };
    while !src.is_empty() && !ring.is_full() {
        match ring.push(src, kind) {
            Ok(n) => done += n,
            Err(e) if done == 0 => return Err(e),
            Err(_) => break,
        }
    }
    Ok(done)
}
