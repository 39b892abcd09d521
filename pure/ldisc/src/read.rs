//! What a reader gets, and when it gets it.
use crate::Ldisc;
use crate::termios::DISABLED;
use abi::raw;

/// What one [`Ldisc::read`] gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chunk {
    /// Bytes put into the buffer.
    pub len: usize,
    /// Canonical mode: the line (or end of file) is complete, the read is over even with `len` 0.
    pub line_end: bool,
}

/// When a read is over (`MIN` and `TIME` of termios(3)). Times are tenths of a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadPolicy {
    /// Bytes that end the read; one in canonical mode.
    pub minimum: usize,
    /// How long to wait for the first byte; `None`: for ever.
    pub first_ds: Option<u8>,
    /// How long to wait between bytes once one came; `None`: for ever.
    pub next_ds: Option<u8>,
}

impl Ldisc {
    /// How a read that starts now has to wait.
    pub fn read_policy(&self) -> ReadPolicy {
        let (min, time) = (self.termios.cc(raw::VMIN), self.termios.cc(raw::VTIME));
        if self.termios.canonical() {
            return ReadPolicy {
                minimum: 1,
                first_ds: None,
                next_ds: None,
            };
        }
        if min == 0 {
            return ReadPolicy {
                minimum: 1,
                first_ds: Some(time),
                next_ds: Some(time),
            };
        }
        ReadPolicy {
            minimum: usize::from(min),
            first_ds: None,
            next_ds: (time > 0).then_some(time),
        }
    }

    /// Something can be read: a whole line or end of file, or a byte in raw mode.
    pub fn readable(&self) -> bool {
        self.readable_min(1)
    }

    /// [`Ldisc::readable`] as poll(2) asks: with `TIME` 0 not before `MIN` bytes are there.
    pub fn poll_readable(&self) -> bool {
        let (min, time) = (self.termios.cc(raw::VMIN), self.termios.cc(raw::VTIME));
        self.readable_min(if time == 0 && min > 0 {
            usize::from(min)
        } else {
            1
        })
    }

    fn readable_min(&self, min: usize) -> bool {
        if self.termios.cooked_lines() {
            self.queue.lines_len() > 0
        } else {
            self.queue.len() >= min
        }
    }

    /// Bytes a read would give (`FIONREAD`): whole lines without their ends of file, or all in raw mode.
    pub fn readable_len(&self) -> usize {
        if !self.termios.cooked_lines() {
            return self.queue.len();
        }
        let len = self.queue.lines_len();
        let eofs = (0..len).filter(|i| self.eof_at(self.queue.tail.wrapping_add(*i)));
        len - eofs.count()
    }

    /// Bytes in the ring, readable or not: what decides when the line may send again.
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Moves input to `dst`: at most one line (or what is left of it) in canonical mode.
    pub fn read(&mut self, dst: &mut [u8]) -> Chunk {
        if !self.termios.cooked_lines() {
            return Chunk {
                len: self.queue.pop_slice(dst),
                line_end: false,
            };
        }
        // An end of file takes no space in `dst`, so look one byte further than fits.
        let fits = dst.len().min(self.queue.lines_len());
        let Some(mark) = self.queue.first_mark(fits) else {
            self.queue.copy_out(&mut dst[..fits]);
            self.queue.drop_front(fits);
            return Chunk {
                len: fits,
                line_end: false,
            };
        };
        let with_end = mark.wrapping_sub(self.queue.tail) + 1;
        let len = with_end - usize::from(self.eof_at(mark));
        self.queue.copy_out(&mut dst[..len]);
        self.queue.drop_front(with_end);
        Chunk {
            len,
            line_end: true,
        }
    }

    /// The reader's buffer is full and the line did not end: an end of file that comes next belongs to what was
    /// read, not to the next read.
    pub fn skip_eof(&mut self) {
        let tail = self.queue.tail;
        if self.termios.cooked_lines() && self.queue.lines_len() > 0 && self.eof_at(tail) {
            self.queue.drop_front(1);
        }
    }

    fn eof_at(&self, pos: usize) -> bool {
        self.queue.marked(pos) && self.queue.at(pos) == DISABLED
    }
}
