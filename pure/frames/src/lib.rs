//! The framed channel between the host tool (`cli`) and the guest's init (`user/init`) over one serial line.
//!
//! Job: cut a byte stream into typed frames and count the credit that keeps a 16550's FIFO and a tty's input queue from
//! overflowing. Called by the host tool and by the guest's init; calls nobody. No allocation, no machine.
//!
//! # On the wire
//! ```text
//! byte 0      0xA5
//! byte 1      kind (see `Kind`)
//! byte 2..4   length of the payload, little endian, at most `MAX_PAYLOAD`
//! byte 4      check: !(byte 1 ^ byte 2 ^ byte 3)
//! byte 5..    payload
//! ```
//! The line itself is reliable and ordered. A reader that meets a wrong header byte has lost data on the way (a driver
//! that dropped a byte, a second writer) and reports it; there is no resynchronisation.
//!
//! # Conversation
//! ```text
//! guest  Hello(version)                      init has the line in raw mode
//! host   Job chunks, then JobEnd             argv, environment, folder, terminal (see `job`)
//! both   Stdin / Stdout / Stderr data        an empty payload is the end of that stream
//! host   Resize(rows, columns), Signal(n)    at any time
//! guest  Exit(wait status) or Failed(errno, text)
//! ```
//! # Flow control
//! Bytes from the host (`Job`, `Stdin`) are sent only on credit, of which init grants `HOST_WINDOW` at the start (with
//! Hello) and more as it takes bytes off the line: never more are under way than a tty's input queue of 4095 bytes holds,
//! beside the small control frames. Bytes from the guest (`Stdout`, `Stderr`) have a window per stream that the host
//! widens as it writes them out, so that a stalled reader of one stream stalls neither the other nor the exit status.
#![no_std]
#![forbid(unsafe_code)]

pub mod job;
mod reader;

pub use reader::{Reader, Stray};

/// Raised with each change of the format; the host refuses a guest that says another number.
pub const VERSION: u8 = 1;
/// First byte of every frame.
pub const MAGIC: u8 = 0xA5;
/// Bytes before the payload.
pub const HEADER: usize = 5;
/// Largest payload of one frame.
pub const MAX_PAYLOAD: usize = 1024;
/// Payload bytes of `Job` and `Stdin` that may be on their way to the guest without having been granted again.
pub const HOST_WINDOW: u32 = 2560;
/// Payload bytes of each output stream that may be on their way to the host without having been granted again.
pub const GUEST_WINDOW: u32 = 128 * 1024;

/// What a frame carries. The numbers are the wire format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Kind {
    /// guest: one byte, [`VERSION`].
    Hello = 1,
    /// host: a piece of the encoded job.
    Job = 2,
    /// host: the job is complete (no payload).
    JobEnd = 3,
    /// host: bytes for the program's standard input; empty: end of file.
    Stdin = 4,
    /// guest: bytes of standard output (in terminal mode: of the terminal); empty: end of file.
    Stdout = 5,
    /// guest: bytes of standard error; empty: end of file.
    Stderr = 6,
    /// either: u8 stream kind (`Job`/`Stdin` share one: `Stdin`), u32 little endian: so many more bytes may be sent.
    Credit = 7,
    /// host: u16 rows, u16 columns, little endian.
    Resize = 8,
    /// host: one byte, a signal number for the job's process group.
    Signal = 9,
    /// guest: i32 little endian, the status as `wait4` gives it.
    Exit = 10,
    /// guest: i32 little endian errno, then text: the job could not be started.
    Failed = 11,
    /// guest: nobody reads standard input any more (no payload).
    StdinClosed = 12,
    /// guest: one line of text from a test driver (see the tests' README).
    Report = 13,
    /// host: u8 stream kind: nobody reads that output any more; the job's next write shall find a pipe without readers.
    OutputClosed = 14,
}

impl Kind {
    /// The kind with this wire number.
    #[must_use]
    pub fn from_wire(byte: u8) -> Option<Self> {
        use Kind::*;
        const ALL: [Kind; 14] = [
            Hello,
            Job,
            JobEnd,
            Stdin,
            Stdout,
            Stderr,
            Credit,
            Resize,
            Signal,
            Exit,
            Failed,
            StdinClosed,
            Report,
            OutputClosed,
        ];
        ALL.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// The header of a frame of `kind` with a payload of `len` bytes.
///
/// # Panics
/// When `len` is above [`MAX_PAYLOAD`]: the caller cuts its data with `chunks(MAX_PAYLOAD)`.
#[must_use]
pub fn header(kind: Kind, len: usize) -> [u8; HEADER] {
    assert!(
        len <= MAX_PAYLOAD,
        "a frame holds at most {MAX_PAYLOAD} bytes"
    );
    let [lo, hi] = (len as u16).to_le_bytes();
    let kind = kind as u8;
    [MAGIC, kind, lo, hi, !(kind ^ lo ^ hi)]
}

/// The payload of a `Credit` frame.
#[must_use]
pub fn credit(stream: Kind, bytes: u32) -> [u8; 5] {
    let [a, b, c, d] = bytes.to_le_bytes();
    [stream as u8, a, b, c, d]
}

/// Reads the payload of a `Credit` frame.
#[must_use]
pub fn parse_credit(payload: &[u8]) -> Option<(Kind, u32)> {
    let (&stream, bytes) = payload.split_first()?;
    Some((
        Kind::from_wire(stream)?,
        u32::from_le_bytes(bytes.try_into().ok()?),
    ))
}

/// The payload of a `Resize` frame.
#[must_use]
pub fn resize(rows: u16, columns: u16) -> [u8; 4] {
    let ([a, b], [c, d]) = (rows.to_le_bytes(), columns.to_le_bytes());
    [a, b, c, d]
}

/// Reads the payload of a `Resize` frame: rows, columns.
#[must_use]
pub fn parse_resize(payload: &[u8]) -> Option<(u16, u16)> {
    let [a, b, c, d] = *payload else { return None };
    Some((u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])))
}

/// Reads the number at the head of an `Exit` or `Failed` payload, and what follows it.
#[must_use]
pub fn parse_number(payload: &[u8]) -> Option<(i32, &[u8])> {
    let (number, rest) = payload.split_first_chunk::<4>()?;
    Some((i32::from_le_bytes(*number), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_keep_their_numbers() {
        for byte in 0..=255u8 {
            if let Some(kind) = Kind::from_wire(byte) {
                assert_eq!(kind as u8, byte);
            }
        }
        assert_eq!(Kind::from_wire(0), None);
        assert_eq!(Kind::from_wire(15), None);
    }

    #[test]
    fn small_payloads_survive() {
        assert_eq!(
            parse_credit(&credit(Kind::Stdin, 70_000)),
            Some((Kind::Stdin, 70_000))
        );
        assert_eq!(parse_credit(&[4, 1]), None);
        assert_eq!(parse_resize(&resize(24, 300)), Some((24, 300)));
        assert_eq!(parse_resize(&[1, 2, 3]), None);
        assert_eq!(
            parse_number(&[255, 255, 255, 255, 9]),
            Some((-1, &[9u8][..]))
        );
        assert_eq!(parse_number(&[0, 0]), None);
    }
}
