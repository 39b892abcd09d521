//! What the terminal's lock protects: the discipline, the bytes on their way out, the input it has no room for.
use crate::ring::Ring;
use abi::Result;
use ldisc::{Events, Ldisc, Termios};

/// Bytes of output that wait for the line.
const OUT_SIZE: usize = 8192;
/// Bytes of input that wait for room in the discipline.
const BACKLOG_SIZE: usize = 8192;
/// Output that has fallen this low wakes writers: they then fill in one go what is sent in many interrupts.
const LOW_WATER: usize = 256;

pub(crate) struct Line {
    pub(crate) ldisc: Ldisc,
    pub(crate) out: Ring,
    backlog: Ring,
    /// The line below was told to hold input back.
    throttled: bool,
}

impl Line {
    /// `received`: as many bytes of output count as received by the other side before anybody has read them.
    pub(crate) fn new(termios: Termios, received: usize) -> Result<Self> {
        let mut line = Self {
            ldisc: Ldisc::new(termios)?,
            out: Ring::new(OUT_SIZE)?,
            backlog: Ring::new(BACKLOG_SIZE)?,
            throttled: false,
        };
        line.out.keep_on_discard(received);
        Ok(line)
    }

    /// Takes input; answers how many bytes there was room for. Fewer than given: [`Line::take_unthrottle`] says when
    /// to go on.
    pub(crate) fn receive(&mut self, bytes: &[u8]) -> (usize, Events) {
        let (mut taken, events) = if self.backlog.is_empty() {
            self.ldisc.receive(bytes, &mut self.out)
        } else {
            (0, Events::empty())
        };
        if taken < bytes.len() {
            taken += self.backlog.push(&bytes[taken..]);
            self.throttled |= taken < bytes.len();
        }
        (taken, events)
    }

    /// Room for input: what [`Line::receive`] takes at least.
    pub(crate) fn input_room(&self) -> usize {
        self.backlog.room()
    }

    /// Lets waiting input into the room that a reader made.
    pub(crate) fn feed(&mut self) -> Events {
        let mut events = Events::empty();
        while !self.backlog.is_empty() {
            let (n, more) = self.ldisc.receive(self.backlog.front(), &mut self.out);
            events |= more;
            if n == 0 {
                break;
            }
            self.backlog.consume(n);
        }
        events
    }

    /// The line below holds input back; false if there is room again already.
    pub(crate) fn throttle(&mut self) -> bool {
        self.throttled = self.backlog.room() == 0;
        self.throttled
    }

    /// True once when the line below was throttled and there is room again.
    pub(crate) fn take_unthrottle(&mut self) -> bool {
        let go_on = self.throttled && self.backlog.room() >= BACKLOG_SIZE / 2;
        if go_on {
            self.throttled = false;
        }
        go_on
    }

    /// Forgets all input.
    pub(crate) fn flush_input(&mut self) -> Events {
        self.backlog.clear();
        self.ldisc.flush_input()
    }

    /// Forgets all output.
    pub(crate) fn flush_output(&mut self) -> Events {
        self.out.discard();
        Events::FLUSHED_OUTPUT
    }

    /// A writer that waited may go on (it was full, now it is nearly empty).
    pub(crate) fn low(&self) -> bool {
        self.out.len() < LOW_WATER && !self.ldisc.stopped()
    }

    /// A write would take at least one byte of any kind (a tab can become eight).
    pub(crate) fn writable(&self) -> bool {
        self.out.room() >= 8 && !self.ldisc.stopped()
    }
}
