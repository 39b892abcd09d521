//! What a record of the ring says besides its text.

/// How grave a message is (syslog(2)); smaller is graver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// The system is unusable.
    Emerg = 0,
    /// Something must be done at once.
    Alert = 1,
    /// Critical conditions.
    Crit = 2,
    /// Errors.
    Err = 3,
    /// Warnings.
    Warning = 4,
    /// Normal but worth noting.
    Notice = 5,
    /// Information.
    Info = 6,
    /// For whoever debugs.
    Debug = 7,
}

/// Whether a message is a line of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// A whole line.
    Whole,
    /// Begins a line that [`Line::Cont`] goes on with.
    Begin,
    /// Goes on with the line before; ends it if its text ends in a newline.
    Cont,
}

/// Record flag: no prefix before it, it goes on with the line before.
pub(crate) const FLAG_CONT: u8 = 1;
/// Record flag: no newline after it.
pub(crate) const FLAG_OPEN: u8 = 2;
/// Record flag: a line of its own, after one that was left open and so ends here.
pub(crate) const FLAG_ENDS: u8 = 4;
