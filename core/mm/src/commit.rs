//! How much memory was promised (proc(5): `Committed_AS`, `vm.overcommit_memory`).
//!
//! One counter per CPU, so that mapping never writes a shared line; a sum is only taken where it is shown or where the
//! strict mode asks for it.
use abi::{Errno, PAGE_SIZE, Result};
use core::sync::atomic::{AtomicIsize, AtomicU8, AtomicUsize, Ordering};
use hal::MAX_CPUS;

/// `vm.overcommit_memory`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// 0: refuse only what could never be had.
    Heuristic,
    /// 1: refuse nothing.
    Always,
    /// 2: refuse what goes beyond the limit.
    Never,
}

#[repr(align(64))]
struct Counter(AtomicIsize);

static COMMITTED: [Counter; MAX_CPUS] = [const { Counter(AtomicIsize::new(0)) }; MAX_CPUS];
static MODE: AtomicU8 = AtomicU8::new(0);
static RATIO: AtomicUsize = AtomicUsize::new(50);

/// The mode in force.
pub fn mode() -> Mode {
    match MODE.load(Ordering::Relaxed) {
        0 => Mode::Heuristic,
        1 => Mode::Always,
        _ => Mode::Never,
    }
}

/// Sets the mode.
pub fn set_mode(mode: Mode) {
    MODE.store(mode as u8, Ordering::Relaxed);
}

/// `vm.overcommit_ratio`, in percent.
pub fn ratio() -> usize {
    RATIO.load(Ordering::Relaxed)
}

/// Sets the ratio.
pub fn set_ratio(percent: usize) {
    RATIO.store(percent, Ordering::Relaxed);
}

/// Pages promised: `Committed_AS`.
pub fn committed_pages() -> usize {
    let sum: isize = COMMITTED.iter().map(|c| c.0.load(Ordering::Relaxed)).sum();
    sum.max(0) as usize
}

/// Pages that may be promised in mode [`Mode::Never`]: `CommitLimit`.
pub fn limit_pages() -> usize {
    kmem::frame::stats().total / 100 * ratio()
}

/// Promises pages. `ENOMEM` as the mode says.
pub fn charge(pages: usize) -> Result<()> {
    if pages == 0 {
        return Ok(());
    }
    // The common case must not ask the allocator for its statistics: 16 MiB are never obvious overcommit.
    const SMALL: usize = (16 << 20) / PAGE_SIZE;
    let refuse = match mode() {
        Mode::Always => false,
        Mode::Heuristic => pages > SMALL && pages > kmem::frame::stats().total,
        Mode::Never => committed_pages() + pages > limit_pages(),
    };
    if refuse {
        return Err(Errno::ENOMEM);
    }
    add(pages as isize);
    Ok(())
}

/// Takes a promise back.
pub fn uncharge(pages: usize) {
    if pages != 0 {
        add(-(pages as isize));
    }
}

fn add(pages: isize) {
    // Any slot will do: the sum is what counts.
    COMMITTED[hal::cpu::id() % MAX_CPUS]
        .0
        .fetch_add(pages, Ordering::Relaxed);
}
