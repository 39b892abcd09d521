//! Messages: `pr_info!` and its kin. A text is formed in pieces on the stack; nothing is allocated.
use crate::bindings::_printk;
use core::ffi::c_int;
use core::fmt::{self, Write};

/// Bytes that go to the log at once.
const PIECE: usize = 256;

/// A text on its way to the log.
struct Line {
    level: u8,
    /// The level has been said.
    begun: bool,
    piece: [u8; PIECE],
    used: usize,
}

impl Line {
    fn flush(&mut self) {
        if self.used == 0 {
            return;
        }
        // What follows belongs to the same line.
        let level = if self.begun { b'c' } else { self.level };
        let format = [1, level, b'%', b'.', b'*', b's', 0];
        // SAFETY: the format ends with 0 and names a length and a text of that length, which are there.
        unsafe {
            _printk(
                format.as_ptr().cast(),
                self.used as c_int,
                self.piece.as_ptr(),
            );
        }
        self.begun = true;
        self.used = 0;
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for part in text.as_bytes().chunks(PIECE) {
            if self.used + part.len() > PIECE {
                self.flush();
            }
            self.piece[self.used..self.used + part.len()].copy_from_slice(part);
            self.used += part.len();
        }
        Ok(())
    }
}

/// Logs a text at a level (a digit, or `c` to go on with the last line).
pub fn log(level: u8, prefix: &str, text: fmt::Arguments<'_>) {
    let mut line = Line {
        level,
        begun: false,
        piece: [0; PIECE],
        used: 0,
    };
    let prefixed = match prefix {
        "" => line.write_fmt(text),
        prefix => write!(line, "{prefix}: {text}"),
    };
    // A value that can't be shown leaves what was shown before it.
    let _ = prefixed;
    line.flush();
}

/// A message at a level, with the module's name before it.
#[doc(hidden)]
#[macro_export]
#[expect(
    clippy::crate_in_macro_def,
    reason = "each module has a name of its own, which `module!` leaves at its root"
)]
macro_rules! __log {
    ($level:literal, $($text:tt)*) => {
        $crate::print::log($level, crate::__LOG_PREFIX, ::core::format_args!($($text)*))
    };
}

/// The system is unusable.
#[macro_export]
macro_rules! pr_emerg {
    ($($text:tt)*) => { $crate::__log!(b'0', $($text)*) };
}

/// Action must be taken at once.
#[macro_export]
macro_rules! pr_alert {
    ($($text:tt)*) => { $crate::__log!(b'1', $($text)*) };
}

/// Critical conditions.
#[macro_export]
macro_rules! pr_crit {
    ($($text:tt)*) => { $crate::__log!(b'2', $($text)*) };
}

/// Errors.
#[macro_export]
macro_rules! pr_err {
    ($($text:tt)*) => { $crate::__log!(b'3', $($text)*) };
}

/// Warnings.
#[macro_export]
macro_rules! pr_warn {
    ($($text:tt)*) => { $crate::__log!(b'4', $($text)*) };
}

/// Normal, but significant.
#[macro_export]
macro_rules! pr_notice {
    ($($text:tt)*) => { $crate::__log!(b'5', $($text)*) };
}

/// Informational.
#[macro_export]
macro_rules! pr_info {
    ($($text:tt)*) => { $crate::__log!(b'6', $($text)*) };
}

/// For who debugs.
#[macro_export]
macro_rules! pr_debug {
    ($($text:tt)*) => { $crate::__log!(b'7', $($text)*) };
}

/// Goes on with the last line.
#[macro_export]
macro_rules! pr_cont {
    ($($text:tt)*) => { $crate::print::log(b'c', "", ::core::format_args!($($text)*)) };
}
