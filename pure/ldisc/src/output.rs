//! Output processing (`OPOST`), columns, and echo.
//!
//! Echo is processed when it arises, so that columns are those of what goes out; what finds no room waits in a
//! ring, and while it waits nothing that a program writes may pass it.
use crate::{Events, Ldisc, NoMemory, Termios, fixed};
use alloc::vec::Vec;

/// Where processed bytes go: the transmit queue of a line, or what the master of a pseudo-terminal reads.
pub trait Output {
    /// Bytes that [`Output::put`] would take now.
    fn room(&self) -> usize;
    /// Takes `bytes`, of which there are at most [`Output::room`].
    fn put(&mut self, bytes: &[u8]);
    /// Throws away what was put and not yet sent.
    fn discard(&mut self);
}

/// Column of the cursor, and of the place where the line being edited starts.
#[derive(Clone, Copy, Default)]
pub(crate) struct Position {
    pub(crate) column: usize,
    pub(crate) canon_column: usize,
}

/// Echoed bytes that are processed but have no room yet.
pub(crate) struct Echo {
    data: Vec<u8>,
    head: usize,
    tail: usize,
    /// Bytes were put since the last look.
    pub(crate) put: bool,
}

const ECHO_SIZE: usize = 4096;

impl Echo {
    pub(crate) fn new() -> Result<Self, NoMemory> {
        Ok(Self {
            data: fixed(ECHO_SIZE)?,
            head: 0,
            tail: 0,
            put: false,
        })
    }

    pub(crate) fn clear(&mut self) {
        (self.head, self.tail) = (0, 0);
    }

    fn is_empty(&self) -> bool {
        self.head == self.tail
    }

    /// Queues a byte; a full ring loses it, as a terminal that reads nothing deserves.
    fn push(&mut self, byte: u8) {
        if self.head - self.tail < ECHO_SIZE {
            self.data[self.head % ECHO_SIZE] = byte;
            self.head += 1;
        }
    }

    fn drain(&mut self, out: &mut impl Output) {
        while !self.is_empty() && out.room() > 0 {
            let at = self.tail % ECHO_SIZE;
            let n = (self.head - self.tail).min(ECHO_SIZE - at).min(out.room());
            out.put(&self.data[at..at + n]);
            self.tail += n;
            self.put = true;
        }
    }
}

/// What one output byte becomes: at most eight bytes (a tab as spaces).
enum Processed {
    Nothing,
    Byte(u8),
    CrLf,
    Spaces(usize),
}

pub(crate) fn control(byte: u8) -> bool {
    byte < 0x20 || byte == 0x7f
}

impl Position {
    /// Processes one byte under `OPOST` and moves the column.
    fn process(&mut self, t: &Termios, byte: u8) -> Processed {
        match byte {
            b'\n' => {
                if t.onlret() {
                    self.column = 0;
                }
                if t.onlcr() {
                    (self.column, self.canon_column) = (0, 0);
                    return Processed::CrLf;
                }
                self.canon_column = self.column;
            }
            b'\r' => return self.carriage_return(t),
            b'\t' => {
                let spaces = 8 - (self.column & 7);
                self.column += spaces;
                if t.xtabs() {
                    return Processed::Spaces(spaces);
                }
            }
            0x08 => self.back(),
            _ if control(byte) => {}
            _ => {
                if !t.continuation(byte) {
                    self.column += 1;
                }
                if t.olcuc() {
                    return Processed::Byte(upper(byte));
                }
            }
        }
        Processed::Byte(byte)
    }

    fn carriage_return(&mut self, t: &Termios) -> Processed {
        if t.onocr() && self.column == 0 {
            return Processed::Nothing;
        }
        if t.ocrnl() {
            if t.onlret() {
                (self.column, self.canon_column) = (0, 0);
            }
            return Processed::Byte(b'\n');
        }
        (self.column, self.canon_column) = (0, 0);
        Processed::Byte(b'\r')
    }

    pub(crate) fn back(&mut self) {
        self.column = self.column.saturating_sub(1);
    }
}

/// Upper case in Latin-1, as Linux' own table has it.
fn upper(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' | 0xdf..=0xf6 | 0xf8..=0xff => byte - 0x20,
        _ => byte,
    }
}

const SPACES: [u8; 8] = [b' '; 8];

impl Ldisc {
    /// Takes bytes that a program writes, as many as `out` has room for; answers how many of them. Zero: wait for
    /// room (or for [`Ldisc::stopped`] to end).
    pub fn write(&mut self, bytes: &[u8], out: &mut impl Output) -> usize {
        self.flush_echo(out);
        if self.stopped || !self.echo.is_empty() {
            return 0;
        }
        if !self.termios.opost() {
            let n = bytes.len().min(out.room());
            out.put(&bytes[..n]);
            return n;
        }
        let mut done = 0;
        while done < bytes.len() {
            let run = self.plain_run(&bytes[done..], out.room());
            if run > 0 {
                out.put(&bytes[done..done + run]);
                done += run;
                continue;
            }
            if !self.write_one(bytes[done], out) {
                break;
            }
            done += 1;
        }
        done
    }

    /// Length of the run at the front of `bytes` that goes out as it is and one column each.
    fn plain_run(&mut self, bytes: &[u8], room: usize) -> usize {
        if self.termios.olcuc() {
            return 0;
        }
        let limit = bytes.len().min(room);
        let ascii = |b: &&u8| matches!(**b, 0x20..=0x7e);
        let run = bytes[..limit].iter().take_while(ascii).count();
        self.pos.column += run;
        run
    }

    /// Processes one byte into `out`; false if there is no room (and nothing was changed).
    fn write_one(&mut self, byte: u8, out: &mut impl Output) -> bool {
        let before = self.pos;
        let room = out.room();
        match self.pos.process(&self.termios, byte) {
            Processed::Nothing if room > 0 => {}
            Processed::Byte(b) if room > 0 => out.put(&[b]),
            Processed::CrLf if room > 1 => out.put(b"\r\n"),
            Processed::Spaces(n) if room >= n => out.put(&SPACES[..n]),
            _ => {
                self.pos = before;
                return false;
            }
        }
        true
    }

    /// Puts waiting echo to `out`. To be called when room appears there.
    pub fn flush_echo(&mut self, out: &mut impl Output) -> Events {
        if !self.stopped {
            self.echo.drain(out);
        }
        if core::mem::take(&mut self.echo.put) {
            Events::OUTPUT
        } else {
            Events::empty()
        }
    }

    /// Echoes a byte as a program's output would go (`echo_char_raw` in Linux' words).
    pub(crate) fn echo_raw(&mut self, byte: u8) {
        // Linux' echo queue uses 0xff as its escape, and the escaped byte is not processed.
        if byte == 0xff {
            self.pos.column += 1;
            return self.echo.push(byte);
        }
        if !self.termios.opost() {
            return self.echo.push(byte);
        }
        match self.pos.process(&self.termios, byte) {
            Processed::Nothing => {}
            Processed::Byte(b) => self.echo.push(b),
            Processed::CrLf => {
                self.echo.push(b'\r');
                self.echo.push(b'\n');
            }
            Processed::Spaces(n) => (0..n).for_each(|_| self.echo.push(b' ')),
        }
    }

    /// Echoes an input byte: a control character as `^X` under `ECHOCTL`.
    pub(crate) fn echo_char(&mut self, byte: u8) {
        if self.termios.echoctl() && control(byte) && byte != b'\t' {
            self.echo.push(b'^');
            self.echo.push(byte ^ 0x40);
            self.pos.column += 2;
        } else {
            self.echo_raw(byte);
        }
    }

    /// Moves the echo back over a tab whose text before it takes `columns` columns since the start of the line
    /// (or, `after_tab`, since the tab before).
    pub(crate) fn echo_erase_tab(&mut self, columns: usize, after_tab: bool) {
        let from = if after_tab {
            columns
        } else {
            columns + self.pos.canon_column
        };
        for _ in 0..8 - (from & 7) {
            self.echo.push(0x08);
            self.pos.back();
        }
    }
}
