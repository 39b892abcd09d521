//! `linux/hrtimer.h`: timers of nanoseconds that call a function of a module in the interrupt itself.
//!
//! Specification: Documentation/timers/hrtimers.rst.
use crate::enter::{self, misuse};
use crate::export::exports;
use crate::foreign;
use crate::ledger::{self, Kind, Resource};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use kmem::try_arc;
use module::Module;
use time::{Restart, Timer};

/// Where things stand in `struct hrtimer`.
const FUNCTION: usize = 0;
const EXPIRES: usize = 8;
const CLOCK: usize = 16;
/// `HRTIMER_MODE_REL`, and the bits of a mode that say nothing here.
const RELATIVE: u32 = 1;
/// `CLOCK_REALTIME`, `CLOCK_BOOTTIME`.
const REALTIME: u64 = 0;
const BOOTTIME: u64 = 7;
const RESTART: i32 = 1;
const NOBODY: usize = usize::MAX;

/// What a callback looks at.
struct Shared {
    module: Arc<Module>,
    address: usize,
    /// When it fires, on the monotonic clock; 0: it was cancelled.
    due: AtomicU64,
    running: AtomicUsize,
}

struct HrTimer {
    shared: Arc<Shared>,
    clock: Timer,
}

/// High-resolution timers; the object is a [`HrTimer`]. Known from the first start until the module goes.
static HRTIMER: Kind = Kind {
    name: "",
    give_back: |_, resource| {
        if let Some(timer) = resource.object::<HrTimer>() {
            timer.clock.cancel();
        }
    },
};

/// How far the clock of a timer is ahead of the monotonic one.
fn offset(address: usize) -> u64 {
    match foreign::read_u64(address + CLOCK) {
        Ok(REALTIME) => time::realtime_ns().wrapping_sub(time::monotonic_ns()),
        Ok(BOOTTIME) => time::boottime_ns().wrapping_sub(time::monotonic_ns()),
        _ => 0,
    }
}

fn fire(shared: &Shared, now: u64) -> Restart {
    let due = shared.due.load(Ordering::SeqCst);
    if due == 0 {
        return Restart::No;
    }
    if due > now {
        return Restart::At(due);
    }
    shared.running.store(hal::cpu::id(), Ordering::SeqCst);
    shared.due.store(0, Ordering::SeqCst);
    let function = foreign::read_u64(shared.address + FUNCTION).unwrap_or(0) as usize;
    let arguments = [shared.address as u64, 0, 0, 0, 0, 0];
    let answer = enter::call(&shared.module, function, &arguments);
    let mut next = Restart::No;
    if answer.is_ok_and(|answer| answer as i32 == RESTART)
        && let Ok(expires) = foreign::read_u64(shared.address + EXPIRES)
    {
        let due = expires.wrapping_sub(offset(shared.address)).max(1);
        let free = shared
            .due
            .compare_exchange(0, due, Ordering::SeqCst, Ordering::SeqCst);
        if free.is_ok() {
            next = Restart::At(due);
        }
    }
    shared.running.store(NOBODY, Ordering::SeqCst);
    next
}

fn known(address: usize) -> Option<Arc<HrTimer>> {
    ledger::object(address, &HRTIMER)
}

fn object(address: usize) -> Result<Arc<HrTimer>> {
    if let Some(timer) = known(address) {
        return Ok(timer);
    }
    let shared = try_arc(Shared {
        module: enter::running().ok_or(Errno::EINVAL)?,
        address,
        due: AtomicU64::new(0),
        running: AtomicUsize::new(NOBODY),
    })?;
    let on_clock = shared.clone();
    let clock = Timer::new(move |now| fire(&on_clock, now))?;
    let timer = try_arc(HrTimer { shared, clock })?;
    let resource = Resource {
        kind: &HRTIMER,
        words: [0; 2],
        object: Some(timer.clone()),
    };
    ledger::enter_or_undo(address, resource)?;
    Ok(timer)
}

/// `hrtimer_start_range_ns(timer, time, slack, mode)`.
extern "C" fn hrtimer_start_range_ns(address: usize, at: i64, _slack: u64, mode: u32) {
    let ahead = offset(address);
    let now = time::monotonic_ns();
    let due = if mode & RELATIVE != 0 {
        now.saturating_add(at.max(0) as u64)
    } else {
        (at as u64).wrapping_sub(ahead)
    };
    let due = due.clamp(1, i64::MAX as u64);
    let expires = due.wrapping_add(ahead);
    if foreign::write_bytes(address + EXPIRES, &expires.to_le_bytes()).is_err()
        || foreign::read_u64(address + FUNCTION) == Ok(0)
    {
        misuse("a hrtimer that is none, or without a function");
    }
    match object(address) {
        Ok(timer) => {
            timer.shared.due.store(due, Ordering::SeqCst);
            timer.clock.arm(due);
        }
        Err(_) => misuse("there is no memory for a hrtimer"),
    }
}

/// Disarms it: 0 or 1, whether it was armed; -1 when its function runs.
extern "C" fn hrtimer_try_to_cancel(address: usize) -> i32 {
    known(address).map_or(0, |timer| {
        if timer.shared.running.load(Ordering::SeqCst) != NOBODY {
            return -1;
        }
        let was = timer.shared.due.swap(0, Ordering::SeqCst) != 0;
        timer.clock.try_cancel();
        i32::from(was)
    })
}

/// `hrtimer_cancel(timer)`: afterwards its function does not run either.
extern "C" fn hrtimer_cancel(address: usize) -> i32 {
    loop {
        let own = known(address).is_some_and(|timer| {
            timer.shared.running.load(Ordering::SeqCst) == hal::cpu::id()
                && hal::preempt::count() >= hal::preempt::HARDIRQ
        });
        if own {
            misuse("hrtimer_cancel of a timer by its own function");
        }
        match hrtimer_try_to_cancel(address) {
            -1 => hal::cpu::relax(),
            was => return was,
        }
    }
}

/// `hrtimer_active(timer)`: armed, or its function runs.
extern "C" fn hrtimer_active(address: usize) -> bool {
    known(address).is_some_and(|timer| {
        timer.shared.due.load(Ordering::SeqCst) != 0
            || timer.shared.running.load(Ordering::SeqCst) != NOBODY
    })
}

/// `hrtimer_forward(timer, now, interval)`: puts the expiry off by whole intervals until it is past `now`; how many.
extern "C" fn hrtimer_forward(address: usize, now: i64, interval: i64) -> u64 {
    let Ok(expires) = foreign::read_u64(address + EXPIRES) else {
        misuse("a hrtimer at an address where none can be");
    };
    let behind = now.wrapping_sub(expires as i64);
    if behind < 0 || hrtimer_is_queued(address) {
        return 0;
    }
    let interval = interval.max(1);
    let times = behind / interval + 1;
    let expires = (expires as i64).wrapping_add(interval.wrapping_mul(times));
    let _ = foreign::write_bytes(address + EXPIRES, &expires.to_le_bytes());
    times as u64
}

/// `hrtimer_is_queued(timer)`.
extern "C" fn hrtimer_is_queued(address: usize) -> bool {
    known(address).is_some_and(|timer| timer.shared.due.load(Ordering::SeqCst) != 0)
}

/// The clock that a timer reads, now.
extern "C" fn __hrtimer_now(address: usize) -> u64 {
    time::monotonic_ns().wrapping_add(offset(address))
}

exports![
    hrtimer_start_range_ns,
    hrtimer_try_to_cancel,
    hrtimer_cancel,
    hrtimer_active,
    hrtimer_forward,
    hrtimer_is_queued,
    __hrtimer_now,
];
