//! The lock words of leaf tables, in the metadata of their pages.
//!
//! Metadata of memory that was wholly free at boot is not written then: it holds what the firmware, or a kernel before this
//! one, left there. All its fields are set when a page is handed out, but for the lock word, which must survive that: a
//! late walker may hold it. So it is cleared for the 4 MiB around a page before the first table is made there.
use crate::machine;
use core::sync::atomic::{AtomicU64, Ordering};
use hal::addr::Pfn;
use sync::{LockClass, SpinLock, rank};

/// Pages that are cleared together.
const SECTION: usize = 1024;
/// All that boot hands over.
const SECTIONS: usize = crate::frame::MOST_PAGES / SECTION;

static CLEARED: [AtomicU64; SECTIONS / 64] = [const { AtomicU64::new(0) }; SECTIONS / 64];
static CLASS: LockClass = LockClass::new("table-locks", rank::NONE);
static CLEARING: SpinLock<()> = SpinLock::new(&CLASS, ());

/// Makes sure that the lock word of `page`, which becomes a table, is in order.
#[inline]
pub(super) fn prepare(page: Pfn) {
    let section = page / SECTION;
    let word = &CLEARED[section / 64];
    if word.load(Ordering::Acquire) & 1 << (section % 64) == 0 {
        clear(section, word);
    }
}

#[cold]
fn clear(section: usize, word: &AtomicU64) {
    let _one = CLEARING.lock_irq();
    let bit = 1 << (section % 64);
    if word.load(Ordering::Acquire) & bit == 0 {
        for page in section * SECTION..(section + 1) * SECTION {
            // SAFETY: metadata lives forever, and there is some for whole sections. Until the bit is set no table was
            // made there, so nobody holds such a lock.
            unsafe { machine::meta_of(page).as_ref() }
                .spare
                .store(0, Ordering::Relaxed);
        }
        word.fetch_or(bit, Ordering::Release);
    }
}
