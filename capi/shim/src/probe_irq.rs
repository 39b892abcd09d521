//! `linux/interrupt.h`, which line a device has: all lines that nobody has are let through, the device is made to
//! interrupt, and the line that rose is its own.
//!
//! Specification: Documentation/core-api/genericirq.rst; lines 1 to 15, those of devices that can't say which they have.
use crate::enter::must_sleep;
use crate::export::exports;
use crate::ledger::{self, Kind, Resource};
use abi::Result;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use irq::{HandlerId, IrqHandler, IrqReturn, Sharing, free_irq, request_irq};
use kmem::try_arc;
use sync::{LockClass, SpinLock, WaitQueue, rank};

const LINES: core::ops::Range<u32> = 1..16;
/// How long what is pending anyway has to show itself.
const SETTLE_NS: u64 = 100_000_000;

static CLASS: LockClass = LockClass::new("capi.probe_irq", rank::NONE);
/// One at a time looks.
static BUSY: AtomicBool = AtomicBool::new(false);
static FREE: WaitQueue = WaitQueue::new();

/// Lines that rose.
struct Rose(AtomicU32);

impl IrqHandler for Rose {
    fn handle(&self, irq: u32) -> IrqReturn {
        self.0.fetch_or(1 << irq, Ordering::SeqCst);
        IrqReturn::None
    }
}

struct Search {
    rose: Arc<Rose>,
    lines: SpinLock<[Option<HandlerId>; 16]>,
}

/// A search; the object is a [`Search`]. There is one at most, at the address of [`BUSY`].
static SEARCH: Kind = Kind {
    name: "search for an interrupt line",
    give_back: |_, resource| {
        if let Some(search) = resource.object::<Search>() {
            search.give_back(u32::MAX);
        }
        BUSY.store(false, Ordering::SeqCst);
        FREE.wake_all();
    },
};

fn key() -> usize {
    (&raw const BUSY).addr()
}

impl Search {
    fn start() -> Result<Self> {
        let rose = try_arc(Rose(AtomicU32::new(0)))?;
        let mut lines = [None; 16];
        for line in LINES {
            // What somebody has, or the machine has not, is not looked at.
            lines[line as usize] = request_irq(line, "probe", Sharing::Alone, rose.clone()).ok();
        }
        Ok(Self {
            rose,
            lines: SpinLock::new(&CLASS, lines),
        })
    }

    /// Lines that are looked at.
    fn mask(&self) -> u32 {
        let lines = self.lines.lock();
        LINES
            .filter(|line| lines[*line as usize].is_some())
            .fold(0, |mask, line| mask | 1 << line)
    }

    /// Looks no longer at those of `mask`.
    fn give_back(&self, mask: u32) {
        for line in LINES.filter(|line| mask & 1 << line != 0) {
            let taken = self.lines.lock()[line as usize].take();
            if let Some(id) = taken
                && free_irq(id).is_err()
            {
                trace::pr_warn!("irq {line}: a handler stays listed");
            }
        }
    }
}

/// `probe_irq_on()`: the lines that may be found.
extern "C" fn probe_irq_on() -> u64 {
    must_sleep("probe_irq_on");
    let free = || (!BUSY.swap(true, Ordering::SeqCst)).then_some(());
    if FREE.wait(sync::WaitMode::Killable, None, free).is_err() {
        return 0;
    }
    let search = match Search::start().and_then(try_arc) {
        Ok(search) => search,
        Err(_) => {
            BUSY.store(false, Ordering::SeqCst);
            FREE.wake_all();
            return 0;
        }
    };
    sched::sleep_ns(SETTLE_NS);
    search.give_back(search.rose.0.load(Ordering::SeqCst));
    let mask = search.mask();
    let resource = Resource {
        kind: &SEARCH,
        words: [0; 2],
        object: Some(search),
    };
    match ledger::enter_or_undo(key(), resource) {
        Ok(()) => mask.into(),
        Err(_) => 0,
    }
}

/// `probe_irq_off(mask)`: the line that rose; 0 when none did, the first of several as a negative number.
extern "C" fn probe_irq_off(_mask: u64) -> i32 {
    must_sleep("probe_irq_off");
    let Some(resource) = ledger::take(key(), &SEARCH) else {
        return 0;
    };
    let rose = resource.object::<Search>().map_or(0, |search| {
        search.rose.0.load(Ordering::SeqCst) & search.mask()
    });
    (SEARCH.give_back)(key(), resource);
    let first = rose.trailing_zeros() as i32;
    match rose.count_ones() {
        0 => 0,
        1 => first,
        _ => -first,
    }
}

exports![probe_irq_on, probe_irq_off];
