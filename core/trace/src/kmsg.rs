//! The record ring as its readers see it: /dev/kmsg, syslog(2), consoles.
use crate::format::SliceWriter;
use crate::record::{FLAG_CONT, FLAG_ENDS, FLAG_OPEN};
use core::fmt::Write;
use core::sync::atomic::{AtomicBool, Ordering};
use logring::{ReadError, Record, Ring, TEXT_MAX};
use sync::WaitQueue;

/// Bytes that hold any record in either format, escapes included.
pub const LINE_MAX: usize = 4 * TEXT_MAX + 64;

/// 2048 records in 224 KiB of text.
pub(crate) static RING: Ring<2048, 32768> = Ring::new();
static READERS: WaitQueue = WaitQueue::new();
static WAKE_PENDING: AtomicBool = AtomicBool::new(false);

/// Where readers wait for new records (also for poll(2)).
pub fn readers() -> &'static WaitQueue {
    &READERS
}

/// Wakes readers if a record came in a context that could not. Called at interrupt exit and at ticks: costs one load
/// when there is nothing to do.
#[inline]
pub fn poll_wakeups() {
    if WAKE_PENDING.load(Ordering::Relaxed) {
        wake_readers();
    }
}

#[cold]
fn wake_readers() {
    WAKE_PENDING.store(false, Ordering::Relaxed);
    READERS.wake_all();
}

/// A record was added: wakes readers, now if this context holds no spinlock (nothing counts), else soon.
pub(crate) fn note_new() {
    if READERS.is_empty() {
        return;
    }
    WAKE_PENDING.store(true, Ordering::Relaxed);
    if hal::preempt::count() == 0 && hal::irq::enabled() {
        poll_wakeups();
    }
}

/// What a cursor found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// A record, this many bytes in the buffer; the cursor has passed it.
    Line(usize),
    /// Records were overwritten before this reader came; the cursor now stands at the oldest one left. /dev/kmsg: EPIPE.
    Overrun,
    /// The buffer is too short for the record; the cursor stays. /dev/kmsg: EINVAL.
    TooShort,
    /// Nothing new. /dev/kmsg: EAGAIN, or wait on [`readers`].
    Nothing,
}

/// A reader's place in the ring.
#[derive(Clone, Copy, Debug)]
pub struct Cursor {
    seq: u64,
}

impl Cursor {
    /// At the oldest record (a fresh /dev/kmsg; `SEEK_SET`).
    pub fn oldest() -> Self {
        Self { seq: RING.oldest() }
    }
    /// After the last "clear" (`SEEK_DATA`).
    pub fn after_clear() -> Self {
        Self {
            seq: RING.visible_from().max(RING.oldest()),
        }
    }
    /// After the newest record (`SEEK_END`).
    pub fn end() -> Self {
        Self {
            seq: RING.next_seq(),
        }
    }
    /// Whether [`Cursor::next_kmsg`] would find something.
    pub fn has_more(&self) -> bool {
        let mut none = [0; 0];
        !matches!(RING.read(self.seq, &mut none), Err(ReadError::NotYet))
    }
    /// The sequence number it stands at.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The next record as /dev/kmsg gives it: `6,339,5140900,-;text\n`.
    pub fn next_kmsg(&mut self, out: &mut [u8]) -> Next {
        self.next_as(out, format_kmsg)
    }
    /// The next record as syslog(2) gives it: `<6>[    5.140900] text\n`.
    pub fn next_syslog(&mut self, out: &mut [u8]) -> Next {
        self.next_as(out, format_syslog)
    }

    fn next_as(&mut self, out: &mut [u8], format: Format) -> Next {
        let mut text = [0; TEXT_MAX];
        match RING.read(self.seq, &mut text) {
            Err(ReadError::NotYet) => Next::Nothing,
            Err(ReadError::Lost(_)) => {
                self.seq = RING.oldest();
                Next::Overrun
            }
            Ok(record) => {
                let mut writer = SliceWriter::new(out);
                format(&record, &text[..record.len], &mut writer);
                match writer.finish() {
                    Some(len) => {
                        self.seq += 1;
                        Next::Line(len)
                    }
                    None => Next::TooShort,
                }
            }
        }
    }

    pub(crate) fn next_raw(&mut self, text: &mut [u8; TEXT_MAX]) -> Option<Record> {
        let record = RING.read_from(self.seq, text)?;
        self.seq = record.seq + 1;
        Some(record)
    }
    pub(crate) fn at(seq: u64) -> Self {
        Self { seq }
    }
}

type Format = fn(&Record, &[u8], &mut SliceWriter<'_>);

/// `priority,seq,microseconds,flag;` and the text with everything unprintable and the backslash as `\xNN`.
fn format_kmsg(record: &Record, text: &[u8], out: &mut SliceWriter<'_>) {
    let meta = &record.meta;
    let flag = if meta.flags & FLAG_CONT != 0 {
        'c'
    } else {
        '-'
    };
    let _ = write!(
        out,
        "{},{},{},{flag};",
        meta.priority,
        record.seq,
        meta.ts_ns / 1000
    );
    for byte in text {
        match byte {
            b'\\' | 0..0x20 | 0x7f.. => {
                let _ = write!(out, "\\x{byte:02x}");
            }
            _ => out.put(&[*byte]),
        }
    }
    out.put(b"\n");
}

/// Every line of the text with `<priority>[seconds.micros] ` before it.
fn format_syslog(record: &Record, text: &[u8], out: &mut SliceWriter<'_>) {
    let mut lines = text.split(|b| *b == b'\n').peekable();
    let mut cont = record.meta.flags & FLAG_CONT != 0;
    if record.meta.flags & FLAG_ENDS != 0 {
        out.put(b"\n");
    }
    while let Some(line) = lines.next() {
        if !cont {
            let _ = write!(out, "<{}>", record.meta.priority);
            let _ = write_time(out, record.meta.ts_ns);
        }
        cont = false;
        out.put(line);
        if lines.peek().is_some() || record.meta.flags & FLAG_OPEN == 0 {
            out.put(b"\n");
        }
    }
}

/// `[    5.140900] `.
pub(crate) fn write_time(out: &mut dyn Write, ts_ns: u64) -> core::fmt::Result {
    let micros = ts_ns / 1000;
    write!(out, "[{:5}.{:06}] ", micros / 1_000_000, micros % 1_000_000)
}

/// `SYSLOG_ACTION_CLEAR`: later "read all"s start after what is there now.
pub fn clear() {
    RING.hide();
}

/// `SYSLOG_ACTION_SIZE_BUFFER`: bytes the ring holds.
pub fn buffer_size() -> usize {
    RING.capacity_bytes()
}

/// `SYSLOG_ACTION_READ_ALL`: where to start so that the records from there to the end take at most `room` bytes in
/// syslog's format: the newest are kept.
pub fn tail_fitting(room: usize) -> Cursor {
    let mut cursor = Cursor::after_clear();
    let mut total = unread_bytes(cursor);
    let mut text = [0; TEXT_MAX];
    while total > room {
        let mut next = cursor;
        let Some(record) = next.next_raw(&mut text) else {
            break;
        };
        total = total.saturating_sub(syslog_len(&record, &text));
        cursor = next;
    }
    cursor
}

/// `SYSLOG_ACTION_SIZE_UNREAD`: bytes in syslog's format from `cursor` on.
pub fn unread_bytes(mut cursor: Cursor) -> usize {
    let mut text = [0; TEXT_MAX];
    let mut total = 0;
    while let Some(record) = cursor.next_raw(&mut text) {
        total += syslog_len(&record, &text);
    }
    total
}

fn syslog_len(record: &Record, text: &[u8; TEXT_MAX]) -> usize {
    let mut counter = SliceWriter::new(&mut []);
    format_syslog(record, &text[..record.len], &mut counter);
    counter.wanted
}

#[cfg(test)]
mod tests {
    use super::*;
    use logring::Meta;

    fn formatted(format: Format, meta: Meta, text: &str) -> std::string::String {
        let record = Record {
            seq: 7,
            meta,
            len: text.len(),
        };
        let mut out = [0; LINE_MAX];
        let mut writer = SliceWriter::new(&mut out);
        format(&record, text.as_bytes(), &mut writer);
        let len = writer.finish().expect("fits");
        std::string::String::from_utf8_lossy(&out[..len]).into_owned()
    }

    #[test]
    fn formats_are_those_of_linux() {
        let meta = Meta {
            ts_ns: 5_140_900_123,
            priority: 6,
            ..Meta::default()
        };
        assert_eq!(
            formatted(format_kmsg, meta, "a\tb\\\u{e9}"),
            "6,7,5140900,-;a\\x09b\\x5c\\xc3\\xa9\n"
        );
        assert_eq!(
            formatted(format_syslog, meta, "one\ntwo"),
            "<6>[    5.140900] one\n<6>[    5.140900] two\n"
        );
        let open = Meta {
            flags: FLAG_OPEN,
            ..meta
        };
        assert_eq!(
            formatted(format_syslog, open, "part"),
            "<6>[    5.140900] part"
        );
        let cont = Meta {
            flags: FLAG_CONT,
            ..meta
        };
        assert_eq!(formatted(format_syslog, cont, " end"), " end\n");
        let other = Meta {
            flags: FLAG_ENDS,
            ..meta
        };
        assert_eq!(
            formatted(format_syslog, other, "new"),
            "\n<6>[    5.140900] new\n"
        );
    }

    #[test]
    fn cursors_read_what_was_printed() {
        let mut cursor = Cursor::end();
        crate::pr_debug!("hello {}", 1);
        crate::record(30, crate::Line::Whole, b"from user space\n");
        let mut out = [0; LINE_MAX];
        let Next::Line(len) = cursor.next_syslog(&mut out) else {
            panic!("no record")
        };
        assert!(out[..len].starts_with(b"<7>[") && out[..len].ends_with(b"] hello 1\n"));
        let mut short = [0; 10];
        assert_eq!(cursor.next_syslog(&mut short), Next::TooShort);
        let Next::Line(len) = cursor.next_kmsg(&mut out) else {
            panic!("no record")
        };
        assert!(out[..len].starts_with(b"30,") && out[..len].ends_with(b",-;from user space\n"));
        assert!(unread_bytes(tail_fitting(60)) <= 60);
    }
}
