//! printk: format, record, show.
use crate::format::TextBuf;
use crate::record::{FLAG_CONT, FLAG_ENDS, FLAG_OPEN, Level, Line};
use crate::{display, kmsg};
use core::fmt::{self, Write};
use core::sync::atomic::{AtomicBool, Ordering};
use logring::{Meta, TEXT_MAX};

/// Gives the id of the running thread; what [`set_caller_id`] takes.
pub trait CallerId: Sync {
    /// The thread's id, or `None` where no thread runs.
    fn caller(&self) -> Option<u32>;
    /// The id and name of the thread that runs or was interrupted.
    fn interrupted(&self) -> Option<(u32, [u8; 16])>;
}

static CALLER: sync::Once<&'static dyn CallerId> = sync::Once::new();

/// Sets who knows the id of the running thread (sched, at its start). A second call is ignored.
pub fn set_caller_id(source: &'static dyn CallerId) {
    let _ = CALLER.set(source);
}

/// Id and name of the thread that runs or was interrupted, for reports.
pub(crate) fn caller() -> (u32, [u8; 16]) {
    let known = CALLER.get().and_then(|source| source.interrupted());
    known.unwrap_or((0, *b"swapper\0\0\0\0\0\0\0\0\0"))
}

/// Records a message and shows it on the consoles. What the macros call.
pub fn print(level: Level, line: Line, args: fmt::Arguments<'_>) {
    let mut text = TextBuf::<TEXT_MAX>::new();
    // It never fails: what is too long is cut. A `Display` that fails leaves what it had written.
    let _ = text.write_fmt(args);
    record(level as u16, line, text.as_bytes());
}

/// The line before has no end yet.
static LEFT_OPEN: AtomicBool = AtomicBool::new(false);

/// Records text as it is, with a full priority (`facility << 3 | level`): also what a write to /dev/kmsg does.
pub fn record(priority: u16, line: Line, text: &[u8]) {
    let (text, ended) = match text.strip_suffix(b"\n") {
        Some(text) => (text, true),
        None => (text, line == Line::Whole),
    };
    let before = match (line, LEFT_OPEN.swap(!ended, Ordering::Relaxed)) {
        (Line::Cont, _) => FLAG_CONT,
        (_, true) => FLAG_ENDS,
        (_, false) => 0,
    };
    let flags = before | if ended { 0 } else { FLAG_OPEN };
    let meta = Meta {
        ts_ns: hal::clock::now_ns(),
        cpu: hal::cpu::id() as u32,
        caller: CALLER.get().and_then(|source| source.caller()).unwrap_or(0),
        priority,
        flags,
    };
    kmsg::RING.push(&meta, text);
    kmsg::note_new();
    display::flush();
}

/// Records a message of a level: `printk!(Level::Info, "{} pages", n)`.
#[macro_export]
macro_rules! printk {
    ($level:expr, $($arg:tt)+) => {
        $crate::print($level, $crate::Line::Whole, $crate::__private::format_args!($($arg)+))
    };
}
/// Begins a line that [`pr_cont!`](crate::pr_cont) goes on with.
#[macro_export]
macro_rules! pr_begin {
    ($level:expr, $($arg:tt)+) => {
        $crate::print($level, $crate::Line::Begin, $crate::__private::format_args!($($arg)+))
    };
}
/// Goes on with the line before; a text that ends in a newline ends it.
#[macro_export]
macro_rules! pr_cont {
    ($($arg:tt)+) => {
        $crate::print($crate::Level::Info, $crate::Line::Cont, $crate::__private::format_args!($($arg)+))
    };
}
/// The system is unusable.
#[macro_export]
macro_rules! pr_emerg { ($($arg:tt)+) => { $crate::printk!($crate::Level::Emerg, $($arg)+) }; }
/// Something must be done at once.
#[macro_export]
macro_rules! pr_alert { ($($arg:tt)+) => { $crate::printk!($crate::Level::Alert, $($arg)+) }; }
/// Critical conditions.
#[macro_export]
macro_rules! pr_crit { ($($arg:tt)+) => { $crate::printk!($crate::Level::Crit, $($arg)+) }; }
/// Errors.
#[macro_export]
macro_rules! pr_err { ($($arg:tt)+) => { $crate::printk!($crate::Level::Err, $($arg)+) }; }
/// Warnings.
#[macro_export]
macro_rules! pr_warn { ($($arg:tt)+) => { $crate::printk!($crate::Level::Warning, $($arg)+) }; }
/// Normal but worth noting.
#[macro_export]
macro_rules! pr_notice { ($($arg:tt)+) => { $crate::printk!($crate::Level::Notice, $($arg)+) }; }
/// Information.
#[macro_export]
macro_rules! pr_info { ($($arg:tt)+) => { $crate::printk!($crate::Level::Info, $($arg)+) }; }
/// For whoever debugs.
#[macro_export]
macro_rules! pr_debug { ($($arg:tt)+) => { $crate::printk!($crate::Level::Debug, $($arg)+) }; }
