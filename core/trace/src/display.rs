//! Records are shown on the consoles as they come.
use crate::format::TextBuf;
use crate::kmsg::{Cursor, RING, write_time};
use crate::record::{FLAG_CONT, FLAG_OPEN, Level};
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use logring::{Record, TEXT_MAX};
use sync::Once;

/// Something that shows kernel messages.
pub trait Console: Sync {
    /// Its name with number, such as `ttyS0`.
    fn name(&self) -> &'static str;
    /// Shows bytes (a newline is `\n` alone). Called in any context, with interrupts off at times: must not sleep, take
    /// a lock that its own interrupt handler holds with interrupts on, or call printk.
    fn write(&self, bytes: &[u8]);
}

/// Whether a new console shows what was said before it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// From the oldest record on.
    All,
    /// Only what comes from now on: the early console showed the rest on the same device.
    None,
}

const MAX_CONSOLES: usize = 4;

struct Slot {
    console: Once<&'static dyn Console>,
    enabled: AtomicBool,
}

static SLOTS: [Slot; MAX_CONSOLES] = [const {
    Slot {
        console: Once::new(),
        enabled: AtomicBool::new(false),
    }
}; MAX_CONSOLES];
/// The machine's own console, until a real one replaces it.
static EARLY: AtomicBool = AtomicBool::new(true);
/// Somebody is showing records; others leave theirs to him.
static BUSY: AtomicBool = AtomicBool::new(false);
/// The next record to show.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Linux' default: everything but debug messages.
const DEFAULT_LOGLEVEL: u8 = 7;
/// With `debug`, or when the machine dies: everything.
const ALL_LOGLEVEL: u8 = 15;
static LOGLEVEL: AtomicU8 = AtomicU8::new(DEFAULT_LOGLEVEL);
static IGNORE_LOGLEVEL: AtomicBool = AtomicBool::new(false);

/// Messages graver (smaller) than this are shown; /proc/sys/kernel/printk's first number.
pub fn loglevel() -> u8 {
    LOGLEVEL.load(Ordering::Relaxed)
}
/// Sets it: `SYSLOG_ACTION_CONSOLE_LEVEL`, /proc/sys/kernel/printk, sysrq.
pub fn set_loglevel(level: u8) {
    LOGLEVEL.store(level, Ordering::Relaxed);
}
/// Messages of every level are shown (`ignore_loglevel`).
pub(crate) fn ignore_loglevel() {
    IGNORE_LOGLEVEL.store(true, Ordering::Relaxed);
}
/// /proc/sys/kernel/printk: current, default for messages, minimum, boot-time default.
pub fn printk_levels() -> [u8; 4] {
    [loglevel(), Level::Warning as u8, 1, DEFAULT_LOGLEVEL]
}

/// Adds a console and, unless it stays beside it, ends the early one.
///
/// # Errors
/// `ENOSPC`: there are four already.
pub(crate) fn add(console: &'static dyn Console, replay: Replay) -> abi::Result<()> {
    for slot in &SLOTS {
        if slot.console.set(console).is_err() {
            continue;
        }
        if replay == Replay::All {
            replay_to(console);
        }
        slot.enabled.store(true, Ordering::Release);
        disable_early();
        return Ok(());
    }
    Err(abi::Errno::ENOSPC)
}

/// Ends the early console.
pub fn disable_early() {
    EARLY.store(false, Ordering::Relaxed);
}

/// The consoles in use, for /proc/consoles.
pub fn for_each(mut f: impl FnMut(&'static dyn Console)) {
    for slot in &SLOTS {
        if let (Some(console), true) = (slot.console.get(), slot.enabled.load(Ordering::Acquire)) {
            f(*console);
        }
    }
}

fn replay_to(console: &dyn Console) {
    let mut cursor = Cursor::oldest();
    let mut text = [0; TEXT_MAX];
    while cursor.seq() < NEXT.load(Ordering::Relaxed) {
        let Some(record) = cursor.next_raw(&mut text) else {
            return;
        };
        if wanted(&record) {
            show(&record, &text[..record.len], &mut |bytes| {
                console.write(bytes);
            });
        }
    }
}

/// Shows what is new, unless somebody is at it: he then sees the new record before he leaves or this call retries.
pub fn flush() {
    while Cursor::at(NEXT.load(Ordering::Relaxed)).has_more() {
        // Whoever shows must not be preempted: the others' records would wait for its turn.
        let _pinned = sync::preempt_disable();
        if BUSY.swap(true, Ordering::Acquire) {
            return;
        }
        show_new();
        BUSY.store(false, Ordering::Release);
    }
}

/// The machine is dying: show everything, whoever was showing before (he may have been stopped in the middle).
pub(crate) fn flush_for_panic() {
    set_loglevel(ALL_LOGLEVEL);
    BUSY.store(false, Ordering::Relaxed);
    flush();
}

fn show_new() {
    let mut cursor = Cursor::at(NEXT.load(Ordering::Relaxed));
    let mut text = [0; TEXT_MAX];
    while let Some(record) = cursor.next_raw(&mut text) {
        // Advance first: a console that faults must not be shown the same record again by the report of it.
        NEXT.store(cursor.seq(), Ordering::Relaxed);
        if wanted(&record) {
            show(&record, &text[..record.len], &mut write_all);
        }
    }
}

fn write_all(bytes: &[u8]) {
    if EARLY.load(Ordering::Relaxed) {
        hal::console::write(bytes);
    }
    for_each(|console| console.write(bytes));
}

fn wanted(record: &Record) -> bool {
    (record.meta.priority & 7) < u16::from(loglevel()) || IGNORE_LOGLEVEL.load(Ordering::Relaxed)
}

/// The line that was shown last has no end yet.
static SHOWN_OPEN: AtomicBool = AtomicBool::new(false);

fn show(record: &Record, text: &[u8], write: &mut dyn FnMut(&[u8])) {
    debug_assert!(RING.next_seq() > record.seq, "a record shown was written");
    let mut prefix = TextBuf::<32>::new();
    let _ = write_time(&mut prefix, record.meta.ts_ns);
    let mut cont = record.meta.flags & FLAG_CONT != 0;
    // What was left open may have been of a level that is not shown.
    let open = record.meta.flags & FLAG_OPEN != 0;
    if SHOWN_OPEN.swap(open, Ordering::Relaxed) && !cont {
        write(b"\n");
    }
    let mut lines = text.split(|b| *b == b'\n').peekable();
    while let Some(line) = lines.next() {
        if !cont {
            write(prefix.as_bytes());
        }
        cont = false;
        write(line);
        if lines.peek().is_some() || !open {
            write(b"\n");
        }
    }
}
