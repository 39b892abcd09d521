//! The terminal line discipline of Linux (`N_TTY`) as a state machine without a machine.
//!
//! **Job.** Bytes that arrive from a line go through [`Ldisc::receive`]: editing, echo, signals, flow control; what
//! a program may read comes out of [`Ldisc::read`]. Bytes that a program writes go through [`Ldisc::write`] (`OPOST`
//! with column tracking) into an [`Output`]. What the terminal above has to do then (send a signal, wake readers)
//! is told by [`Events`]; nothing here blocks, locks or calls back.
//!
//! **Called by** `service/tty`, under the terminal's own lock. **Calls** nobody but its [`Output`].
//!
//! **Memory.** One allocation when the terminal is made (input ring, echo ring), none afterwards.
//!
//! **Specification**: termios(3), ioctl_tty(2), POSIX 11 "General Terminal Interface", and where these are silent
//! what Linux does: `tests/oracle.rs` runs the same sessions through a real pseudo-terminal.
//!
//! | file | holds |
//! |---|---|
//! | `termios.rs` | `struct termios`, flags as questions, defaults |
//! | `queue.rs` | the input ring with its line marks |
//! | `input.rs` | what each received byte does |
//! | `erase.rs` | character, word and line erase, reprint |
//! | `output.rs` | output processing and echo |
//! | `read.rs` | what a reader gets, and when |
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod erase;
mod input;
mod output;
mod queue;
mod read;
mod termios;

pub use input::Fault;
pub use output::Output;
pub use queue::CAPACITY;
pub use read::{Chunk, ReadPolicy};
use reserved::Reserved;
pub use termios::{Speed, Termios};

use alloc::vec::Vec;
use output::{Echo, Position};
use queue::Queue;

/// The one way this crate fails: no memory for the rings of a new terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMemory;

impl From<NoMemory> for abi::Errno {
    fn from(_: NoMemory) -> Self {
        Self::ENOMEM
    }
}

bitflags::bitflags! {
    /// What the caller has to see to after a call, once it has dropped its lock.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Events: u16 {
        /// Send `SIGINT` to the foreground process group.
        const SIGINT = 1 << 0;
        /// Send `SIGQUIT` to the foreground process group.
        const SIGQUIT = 1 << 1;
        /// Send `SIGTSTP` to the foreground process group.
        const SIGTSTP = 1 << 2;
        /// Something became readable: wake readers.
        const INPUT = 1 << 3;
        /// Output was stopped by the `STOP` character.
        const STOPPED = 1 << 4;
        /// Output may go on: wake writers, start the transmitter.
        const STARTED = 1 << 5;
        /// The input queue was emptied.
        const FLUSHED_INPUT = 1 << 6;
        /// The output queue was emptied.
        const FLUSHED_OUTPUT = 1 << 7;
        /// Bytes (echo) went to the [`Output`]: start the transmitter.
        const OUTPUT = 1 << 8;
        /// Settings changed: whoever waits to write looks again.
        const CHANGED = 1 << 9;
    }
}

/// Line discipline of one terminal.
pub struct Ldisc {
    termios: Termios,
    special: termios::CharMap,
    queue: Queue,
    echo: Echo,
    pos: Position,
    /// The next byte is taken literally (`VLNEXT` came).
    lnext: bool,
    /// Inside the `\...` of `ECHOPRT`.
    erasing: bool,
    /// Output is stopped by `STOP` or `TCXONC`.
    stopped: bool,
    /// It was `TCXONC`: `IXANY` and `START` do not undo it.
    stopped_by_ioctl: bool,
}

impl Ldisc {
    /// A discipline with `termios` in force and nothing queued.
    pub fn new(termios: Termios) -> Result<Self, NoMemory> {
        Ok(Self {
            special: termios.special_chars(),
            termios,
            queue: Queue::new()?,
            echo: Echo::new()?,
            pos: Position::default(),
            lnext: false,
            erasing: false,
            stopped: false,
            stopped_by_ioctl: false,
        })
    }

    /// The settings in force.
    pub fn termios(&self) -> &Termios {
        &self.termios
    }

    /// Puts new settings in force, keeping pending input as Linux does: leaving canonical mode makes all of it
    /// readable, entering it makes what is there one line.
    pub fn set_termios(&mut self, new: Termios, out: &mut impl Output) -> Events {
        let old = core::mem::replace(&mut self.termios, new);
        self.special = new.special_chars();
        if old.cooked_lines() != new.cooked_lines() || old.extproc() != new.extproc() {
            self.queue.change_mode(new.canonical());
            self.erasing = false;
            self.lnext = false;
        }
        // Who turns IXON off must not be left with a line that nothing can start again.
        let mut events = Events::INPUT;
        if old.ixon() && !new.ixon() && !self.stopped_by_ioctl {
            events |= self.start(out);
        }
        events | Events::CHANGED
    }

    /// True while output is stopped: [`Output`] must not be drained to the line.
    pub fn stopped(&self) -> bool {
        self.stopped
    }

    /// `TCXONC` with `TCOOFF`: stop output until [`Ldisc::resume`].
    pub fn suspend(&mut self) -> Events {
        if self.stopped_by_ioctl {
            return Events::empty();
        }
        self.stopped_by_ioctl = true;
        self.stop()
    }

    /// `TCXONC` with `TCOON`.
    pub fn resume(&mut self, out: &mut impl Output) -> Events {
        if !core::mem::take(&mut self.stopped_by_ioctl) {
            return Events::empty();
        }
        self.start(out)
    }

    /// Throws away unread input (`TCFLSH` with `TCIFLUSH`, hang-up).
    pub fn flush_input(&mut self) -> Events {
        self.queue.clear();
        self.echo.clear();
        self.erasing = false;
        self.lnext = false;
        Events::FLUSHED_INPUT
    }

    /// Back to the state of a fresh terminal but for its settings: a hang-up.
    pub fn reset(&mut self) {
        self.flush_input();
        self.pos = Position::default();
        self.stopped = false;
        self.stopped_by_ioctl = false;
    }

    fn stop(&mut self) -> Events {
        if core::mem::replace(&mut self.stopped, true) {
            return Events::empty();
        }
        Events::STOPPED
    }

    fn start(&mut self, out: &mut impl Output) -> Events {
        if self.stopped_by_ioctl || !core::mem::take(&mut self.stopped) {
            return Events::empty();
        }
        Events::STARTED | self.flush_echo(out)
    }
}

/// A byte buffer of a fixed length.
fn fixed(len: usize) -> Result<Vec<u8>, NoMemory> {
    let mut v = Vec::new();
    v.try_reserve_exact(len).map_err(|_| NoMemory)?;
    v.resize_reserved(len, || 0);
    Ok(v)
}
