//! How many files are open, and how many may be (`fs.file-nr`, `fs.file-max`; ENFILE).
use abi::{Errno, Result};
use core::sync::atomic::{AtomicIsize, AtomicU64, Ordering};
use cred::{Cred, cap};
use sync::PerCpu;
use sync::percpu::CachePadded;

/// By CPU, since files are opened and closed everywhere; only the sum means something.
static OPEN: PerCpu<AtomicIsize> =
    PerCpu::new([const { CachePadded(AtomicIsize::new(0)) }; hal::MAX_CPUS]);
/// 0: not set, so as many as fit.
static MAX: AtomicU64 = AtomicU64::new(0);

/// Open files (open file descriptions) there are.
pub fn open_files() -> u64 {
    let sum: isize = OPEN.iter().map(|n| n.load(Ordering::Relaxed)).sum();
    sum.max(0).cast_unsigned() as u64
}

/// How many there may be: at first as many as fill a tenth of memory at a KiB each, as in Linux.
pub fn max_files() -> u64 {
    match MAX.load(Ordering::Relaxed) {
        0 => {
            let kib = kmem::frame::stats().total * (abi::PAGE_SIZE / 1024);
            let max = (kib as u64 / 10).max(1);
            MAX.store(max, Ordering::Relaxed);
            max
        }
        max => max,
    }
}

/// Sets it.
pub fn set_max_files(max: u64) {
    MAX.store(max.max(1), Ordering::Relaxed);
}

/// One more. ENFILE: there are too many, and `cred` has no privilege.
#[inline]
pub(crate) fn opened(cred: &Cred) -> Result<()> {
    let here = OPEN.here();
    let seen = here.fetch_add(1, Ordering::Relaxed);
    // The exact sum is looked at every now and then.
    if seen & 63 == 63 && open_files() > max_files() && !cred.capable(cap::SYS_ADMIN) {
        here.fetch_sub(1, Ordering::Relaxed);
        return Err(Errno::ENFILE);
    }
    Ok(())
}

/// One less.
#[inline]
pub(crate) fn closed() {
    OPEN.here().fetch_sub(1, Ordering::Relaxed);
}
