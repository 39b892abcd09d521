//! What each received byte does.
use crate::erase::Kind;
use crate::queue::CAPACITY;
use crate::termios::DISABLED;
use crate::{Events, Ldisc, Output};
use abi::raw;

/// What a line can report instead of a good byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A break condition.
    Break,
    /// This byte came with a parity or framing error.
    Parity(u8),
}

/// Lower case in Latin-1, as Linux' own table has it.
fn lower(byte: u8) -> u8 {
    match byte {
        b'A'..=b'Z' | 0xc0..=0xd6 | 0xd8..=0xde => byte + 0x20,
        _ => byte,
    }
}

impl Ldisc {
    /// Takes bytes from the line, in canonical mode with editing and echo. Answers how many were taken: fewer than
    /// there are when unread input fills the ring (the line has to hold the rest back until a reader made room).
    pub fn receive(&mut self, bytes: &[u8], out: &mut impl Output) -> (usize, Events) {
        let before = (self.queue.canon, self.queue.head);
        let (taken, mut events) = if self.termios.raw_input() && !self.lnext {
            (self.queue.push_slice(bytes, 1), Events::empty())
        } else {
            self.receive_each(bytes, out)
        };
        events |= self.flush_echo(out) | self.input_event(before);
        (taken, events)
    }

    /// Takes a break or a damaged byte, as `IGNBRK`, `BRKINT`, `INPCK`, `IGNPAR` and `PARMRK` say.
    pub fn receive_fault(&mut self, fault: Fault, out: &mut impl Output) -> Events {
        let before = (self.queue.canon, self.queue.head);
        let mut events = Events::empty();
        let t = self.termios;
        if self.room() >= 3 {
            match fault {
                Fault::Break if t.ignbrk() => {}
                Fault::Break if t.brkint() => events |= self.signal(Events::SIGINT, out),
                Fault::Break => self.mark_fault(0),
                Fault::Parity(byte) if !t.inpck() => events |= self.ordinary(byte, out),
                Fault::Parity(_) if t.ignpar() => {}
                Fault::Parity(byte) if t.parmrk() => self.mark_fault(byte),
                Fault::Parity(_) => self.queue.push(0),
            }
        }
        events | self.flush_echo(out) | self.input_event(before)
    }

    /// Bytes that [`Ldisc::receive`] would take at least.
    pub fn room(&self) -> usize {
        let room = (CAPACITY - self.queue.len()).saturating_sub(1);
        if room == 0 && self.overflowing() {
            1
        } else {
            room
        }
    }

    /// The ring is full of one unfinished line: further bytes replace its last one, so that its end can come in.
    fn overflowing(&self) -> bool {
        self.termios.canonical() && self.queue.canon == self.queue.tail
    }

    fn receive_each(&mut self, bytes: &[u8], out: &mut impl Output) -> (usize, Events) {
        let mut events = Events::empty();
        for (i, &byte) in bytes.iter().enumerate() {
            // A byte takes two slots when PARMRK doubles it, and one slot always stays free.
            let need = if self.termios.parmrk() { 3 } else { 2 };
            if CAPACITY - self.queue.len() < need {
                if !self.overflowing() {
                    return (i, events);
                }
                if self.queue.len() >= CAPACITY {
                    self.queue.head = self.queue.head.wrapping_sub(1);
                }
            }
            events |= self.receive_one(byte, out);
        }
        (bytes.len(), events)
    }

    fn receive_one(&mut self, byte: u8, out: &mut impl Output) -> Events {
        let t = &self.termios;
        let mut byte = byte;
        if t.istrip() {
            byte &= 0x7f;
        }
        if t.iuclc() && t.iexten() {
            byte = lower(byte);
        }
        if core::mem::take(&mut self.lnext) {
            return self.ordinary(byte, out);
        }
        if t.extproc() {
            self.queue.push(byte);
            return Events::empty();
        }
        if self.special.has(byte) {
            self.special(byte, out)
        } else {
            self.ordinary(byte, out)
        }
    }

    /// A byte without a meaning of its own.
    fn ordinary(&mut self, byte: u8, out: &mut impl Output) -> Events {
        let events = self.any_starts(out);
        self.echo_input(byte);
        self.store(byte);
        events
    }

    fn special(&mut self, byte: u8, out: &mut impl Output) -> Events {
        let t = self.termios;
        if t.ixon() && t.is_cc(byte, raw::VSTART) {
            return self.start(out);
        }
        if t.ixon() && t.is_cc(byte, raw::VSTOP) {
            return self.stop();
        }
        if let Some(signal) = self.signal_of(byte) {
            return self.signal_char(signal, byte, out);
        }
        let events = self.any_starts(out);
        let byte = match byte {
            b'\r' if t.igncr() => return events,
            b'\r' if t.icrnl() => b'\n',
            b'\n' if t.inlcr() => b'\r',
            other => other,
        };
        if t.canonical() && self.edit(byte) {
            return events;
        }
        if t.echo() && byte == b'\n' {
            self.finish_erasing();
            self.echo_raw(byte);
        } else {
            self.echo_input(byte);
        }
        self.store(byte);
        events
    }

    fn signal_of(&self, byte: u8) -> Option<Events> {
        let t = &self.termios;
        if !t.isig() {
            None
        } else if t.is_cc(byte, raw::VINTR) {
            Some(Events::SIGINT)
        } else if t.is_cc(byte, raw::VQUIT) {
            Some(Events::SIGQUIT)
        } else if t.is_cc(byte, raw::VSUSP) {
            Some(Events::SIGTSTP)
        } else {
            None
        }
    }

    fn signal_char(&mut self, signal: Events, byte: u8, out: &mut impl Output) -> Events {
        let mut events = self.signal(signal, out);
        if self.termios.ixon() {
            events |= self.start(out);
        }
        if self.termios.echo() {
            self.echo_char(byte);
        }
        events
    }

    /// A signal empties both queues unless `NOFLSH` is set.
    fn signal(&mut self, signal: Events, out: &mut impl Output) -> Events {
        if self.termios.noflsh() {
            return signal;
        }
        out.discard();
        signal | self.flush_input() | Events::FLUSHED_OUTPUT
    }

    /// Canonical mode's own characters; false if `byte` is none of them.
    fn edit(&mut self, byte: u8) -> bool {
        let t = self.termios;
        let extended = t.iexten();
        if t.is_cc(byte, raw::VERASE) {
            self.erase(Kind::Char);
        } else if t.is_cc(byte, raw::VKILL) {
            self.erase(Kind::Line);
        } else if extended && t.is_cc(byte, raw::VWERASE) {
            self.erase(Kind::Word);
        } else if extended && t.is_cc(byte, raw::VLNEXT) {
            self.literal_next();
        } else if extended && t.echo() && t.is_cc(byte, raw::VREPRINT) {
            self.reprint(byte);
        } else if byte == b'\n' {
            if t.echo() || t.echonl() {
                self.echo_raw(b'\n');
            }
            self.queue.push_end(b'\n');
        } else if t.is_cc(byte, raw::VEOF) {
            self.queue.push_end(DISABLED);
        } else if t.is_cc(byte, raw::VEOL) || (extended && t.is_cc(byte, raw::VEOL2)) {
            self.end_by(byte);
        } else {
            return false;
        }
        true
    }

    fn literal_next(&mut self) {
        self.lnext = true;
        if !self.termios.echo() {
            return;
        }
        self.finish_erasing();
        if self.termios.echoctl() {
            self.echo_raw(b'^');
            self.echo_raw(0x08);
        }
    }

    /// `VEOL` and `VEOL2`: an end of line that stays in it.
    fn end_by(&mut self, byte: u8) {
        if self.termios.echo() {
            self.note_canon_column();
            self.echo_char(byte);
        }
        if byte == 0xff && self.termios.parmrk() {
            self.queue.push(byte);
        }
        self.queue.push_end(byte);
    }

    fn echo_input(&mut self, byte: u8) {
        if !self.termios.echo() {
            return;
        }
        self.finish_erasing();
        self.note_canon_column();
        self.echo_char(byte);
    }

    /// The first character of a line tells where on the screen the line starts.
    fn note_canon_column(&mut self) {
        if self.queue.canon == self.queue.head {
            self.pos.canon_column = self.pos.column;
        }
    }

    /// Puts a byte into the ring; 0xff is doubled under `PARMRK`, so that a mark cannot be mistaken.
    fn store(&mut self, byte: u8) {
        if byte == 0xff && self.termios.parmrk() {
            self.queue.push(byte);
        }
        self.queue.push(byte);
    }

    fn mark_fault(&mut self, byte: u8) {
        if self.termios.parmrk() {
            self.queue.push(0xff);
            self.queue.push(0);
        }
        self.queue.push(byte);
    }

    /// `IXANY`: any character starts output that `STOP` stopped.
    fn any_starts(&mut self, out: &mut impl Output) -> Events {
        if self.stopped && self.termios.ixon() && self.termios.ixany() {
            self.start(out)
        } else {
            Events::empty()
        }
    }

    /// Whether readers have something new: in canonical mode a whole line.
    fn input_event(&self, (canon, head): (usize, usize)) -> Events {
        let news = if self.termios.cooked_lines() {
            self.queue.canon != canon && self.queue.lines_len() > 0
        } else {
            self.queue.head != head && self.queue.len() > 0
        };
        if news { Events::INPUT } else { Events::empty() }
    }
}
