//! Editing of the unfinished line: erase, word erase, kill, reprint.
use crate::Ldisc;
use crate::output::control;
use abi::raw;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Char,
    Word,
    Line,
}

/// A letter or digit in Latin-1, as Linux' own table has it.
fn alnum(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || (byte >= 0xc0 && byte != 0xd7 && byte != 0xf7)
}

impl Ldisc {
    /// Erases from the end of the unfinished line.
    pub(crate) fn erase(&mut self, kind: Kind) {
        if self.queue.head == self.queue.canon {
            return;
        }
        if kind == Kind::Line && !self.kill_is_visual() {
            return self.kill_at_once();
        }
        let mut in_word = false;
        while self.queue.head != self.queue.canon {
            let Some(start) = self.last_char() else {
                break;
            };
            let first = self.queue.at(start);
            if kind == Kind::Word {
                if alnum(first) || first == b'_' {
                    in_word = true;
                } else if in_word {
                    break;
                }
            }
            self.remove_last(start, kind);
            if kind == Kind::Char {
                break;
            }
        }
        if self.queue.head == self.queue.canon && self.termios.echo() {
            self.finish_erasing();
        }
    }

    /// A kill that takes the line from the screen again; otherwise it echoes the character (and a newline).
    fn kill_is_visual(&self) -> bool {
        let t = &self.termios;
        t.echo() && t.echok() && t.echoke() && t.echoe()
    }

    fn kill_at_once(&mut self) {
        self.queue.head = self.queue.canon;
        if !self.termios.echo() {
            return;
        }
        self.finish_erasing();
        self.echo_char(self.termios.cc(raw::VKILL));
        if self.termios.echok() {
            self.echo_raw(b'\n');
        }
    }

    /// Where the last character of the unfinished line starts; `None` if only the rest of one is there.
    fn last_char(&self) -> Option<usize> {
        let mut pos = self.queue.head;
        loop {
            pos = pos.wrapping_sub(1);
            if !self.termios.continuation(self.queue.at(pos)) {
                return Some(pos);
            }
            if pos == self.queue.canon {
                return None;
            }
        }
    }

    /// Takes the character at `start..head` away, and from the screen.
    fn remove_last(&mut self, start: usize, kind: Kind) {
        let end = self.queue.head;
        let byte = self.queue.at(start);
        self.queue.head = start;
        let t = self.termios;
        if !t.echo() {
            return;
        }
        if t.echoprt() {
            self.print_erased(start, end);
        } else if kind == Kind::Char && !t.echoe() {
            self.echo_char(t.cc(raw::VERASE));
        } else if byte == b'\t' {
            let (columns, after_tab) = self.columns_before_tab();
            self.echo_erase_tab(columns, after_tab);
        } else {
            if control(byte) && t.echoctl() {
                self.rub_out();
            }
            if !control(byte) || t.echoctl() {
                self.rub_out();
            }
        }
    }

    /// `ECHOPRT`: shows what is erased, as on paper, between `\` and `/`.
    fn print_erased(&mut self, start: usize, end: usize) {
        if !self.erasing {
            self.echo_raw(b'\\');
            self.erasing = true;
        }
        self.echo_char(self.queue.at(start));
        let mut pos = start.wrapping_add(1);
        while pos != end {
            self.echo_raw(self.queue.at(pos));
            self.pos.back();
            pos = pos.wrapping_add(1);
        }
    }

    fn rub_out(&mut self) {
        for byte in [0x08, b' ', 0x08] {
            self.echo_raw(byte);
        }
    }

    /// Columns that the line takes back to its start or the tab before, and whether it was a tab.
    fn columns_before_tab(&self) -> (usize, bool) {
        let mut columns = 0;
        let mut pos = self.queue.head;
        while pos != self.queue.canon {
            pos = pos.wrapping_sub(1);
            let byte = self.queue.at(pos);
            if byte == b'\t' {
                return (columns, true);
            } else if control(byte) {
                columns += if self.termios.echoctl() { 2 } else { 0 };
            } else if !self.termios.continuation(byte) {
                columns += 1;
            }
        }
        (columns, false)
    }

    /// Ends the `\.../` of `ECHOPRT`.
    pub(crate) fn finish_erasing(&mut self) {
        if core::mem::take(&mut self.erasing) {
            self.echo_raw(b'/');
        }
    }

    /// Shows the unfinished line again on a new one.
    pub(crate) fn reprint(&mut self, byte: u8) {
        self.finish_erasing();
        self.echo_char(byte);
        self.echo_raw(b'\n');
        let mut pos = self.queue.canon;
        while pos != self.queue.head {
            self.echo_char(self.queue.at(pos));
            pos = pos.wrapping_add(1);
        }
    }
}
