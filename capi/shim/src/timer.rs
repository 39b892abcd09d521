//! `linux/timer.h`: timers that call a function of a module in the TIMER softirq once their tick has come. A
//! `struct timer_list` is known by its address; the kernel's own object is there from arming until it has fired.
//!
//! Specification: mod_timer(9), Documentation/timers.
use crate::enter::{self, misuse};
use crate::export::exports;
use crate::foreign;
use crate::ledger::{self, Kind, Resource};
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::sync::{Arc, Weak};
use core::sync::atomic::{AtomicUsize, Ordering};
use irq::tasklet::Tasklet;
use kmem::{try_arc, try_arc_cyclic, try_box};
use module::Module;
use sync::{LockClass, SpinLock, rank};
use time::{Restart, TICK_NS, Timer};

static CLASS: LockClass = LockClass::new("capi.timer", rank::NONE);

/// Where `expires` and `function` stand in `struct timer_list`.
const EXPIRES: usize = 16;
const FUNCTION: usize = 24;
const NOBODY: usize = usize::MAX;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Idle,
    /// It fires at this time of the monotonic clock.
    Pending(u64),
    /// The ledger has it no more.
    Dropped,
}

/// An armed timer.
struct ModTimer {
    module: Arc<Module>,
    address: usize,
    phase: SpinLock<Phase>,
    /// The CPU whose softirq calls the function.
    running: AtomicUsize,
    clock: Timer,
    softirq: Arc<Tasklet>,
}

/// Timers; the object is a [`ModTimer`].
static TIMER: Kind = Kind {
    name: "timer",
    give_back: |_, resource| {
        if let Some(timer) = resource.object::<ModTimer>() {
            *timer.phase.lock_irq() = Phase::Dropped;
            timer.clock.cancel();
            timer.settle();
        }
    },
};

/// When a tick is reached, on the monotonic clock.
pub(crate) fn tick_ns(jiffies: u64) -> u64 {
    let now = time::jiffies();
    let ahead = jiffies.wrapping_sub(now) as i64;
    let start = time::monotonic_ns() / TICK_NS * TICK_NS;
    match u64::try_from(ahead) {
        Ok(ahead) => start.saturating_add(ahead.saturating_mul(TICK_NS)),
        Err(_) => start,
    }
}

impl ModTimer {
    fn new(module: Arc<Module>, address: usize) -> Result<Arc<Self>> {
        // Both parts find the timer by a weak reference, which is there once they are put together.
        let cell: Arc<sync::Once<Weak<Self>>> = try_arc(sync::Once::new())?;
        let (on_clock, on_softirq) = (cell.clone(), cell.clone());
        let clock = Timer::new(move |_| {
            if let Some(timer) = on_clock.get().and_then(Weak::upgrade) {
                timer.softirq.schedule();
            }
            Restart::No
        })?;
        let call = try_box(move || {
            if let Some(timer) = on_softirq.get().and_then(Weak::upgrade) {
                timer.fire();
            }
        })? as Box<dyn Fn() + Send + Sync>;
        let softirq = Tasklet::new_timer(call)?;
        try_arc_cyclic(|this| {
            let _ = cell.set(this.clone());
            Self {
                module,
                address,
                phase: SpinLock::new(&CLASS, Phase::Idle),
                running: AtomicUsize::new(NOBODY),
                clock,
                softirq,
            }
        })
    }

    /// In the softirq: calls the function if the timer is still due.
    fn fire(&self) {
        {
            let mut phase = self.phase.lock_irq();
            match *phase {
                Phase::Pending(due) if due <= time::monotonic_ns() => *phase = Phase::Idle,
                _ => return,
            }
            self.running.store(hal::cpu::id(), Ordering::SeqCst);
        }
        let function = foreign::read_u64(self.address + FUNCTION).unwrap_or(0) as usize;
        let arguments = [self.address as u64, 0, 0, 0, 0, 0];
        let _ = enter::call(&self.module, function, &arguments);
        self.running.store(NOBODY, Ordering::SeqCst);
        self.drop_if_idle();
    }

    /// An idle timer needs no object: the structure around it may be freed and used for something else.
    fn drop_if_idle(&self) {
        let mut phase = self.phase.lock_irq();
        if *phase == Phase::Idle {
            *phase = Phase::Dropped;
            drop(phase);
            drop(ledger::take(self.address, &TIMER));
        }
    }

    /// Arms it for a tick; whether it was armed before. None: it is just being dropped.
    fn arm(&self, jiffies: u64, only_pending: bool) -> Option<bool> {
        let due = tick_ns(jiffies);
        let mut phase = self.phase.lock_irq();
        let was = match *phase {
            Phase::Dropped => return None,
            Phase::Pending(_) => true,
            Phase::Idle => false,
        };
        if was || !only_pending {
            *phase = Phase::Pending(due);
            self.clock.arm(due);
        }
        Some(was)
    }

    /// Disarms it; whether it was armed.
    fn disarm(&self) -> bool {
        let mut phase = self.phase.lock_irq();
        let was = matches!(*phase, Phase::Pending(_));
        if was {
            *phase = Phase::Idle;
            self.clock.try_cancel();
        }
        was
    }

    /// Waits until its function does not run. False: it is the function that asks.
    fn settle(&self) -> bool {
        loop {
            let running = self.running.load(Ordering::SeqCst);
            if running == NOBODY {
                return true;
            }
            if running == hal::cpu::id() && hal::preempt::count() >= hal::preempt::SOFTIRQ {
                return false;
            }
            if sync::context::may_sleep() {
                sync::thread::yield_now();
            } else {
                hal::cpu::relax();
            }
        }
    }
}

fn known(address: usize) -> Option<Arc<ModTimer>> {
    ledger::object(address, &TIMER)
}

fn object(address: usize) -> Result<Arc<ModTimer>> {
    if let Some(timer) = known(address) {
        return Ok(timer);
    }
    let module = enter::running().ok_or(Errno::EINVAL)?;
    let timer = ModTimer::new(module, address)?;
    let resource = Resource {
        kind: &TIMER,
        words: [0; 2],
        object: Some(timer.clone()),
    };
    ledger::enter_or_undo(address, resource)?;
    Ok(timer)
}

fn modify(address: usize, jiffies: u64, only_pending: bool) -> i32 {
    if foreign::write_bytes(address + EXPIRES, &jiffies.to_le_bytes()).is_err() {
        misuse("a timer at an address where none can be");
    }
    if foreign::read_u64(address + FUNCTION) == Ok(0) {
        misuse("a timer without a function is armed");
    }
    loop {
        let timer = match known(address) {
            None if only_pending => return 0,
            Some(timer) => Ok(timer),
            None => object(address),
        };
        match timer.map(|timer| timer.arm(jiffies, only_pending)) {
            Ok(Some(was)) => return i32::from(was),
            Ok(None) => hal::cpu::relax(),
            Err(_) => misuse("there is no memory for a timer"),
        }
    }
}

/// `mod_timer(timer, expires)`: 1 when it was pending.
extern "C" fn mod_timer(address: usize, jiffies: u64) -> i32 {
    modify(address, jiffies, false)
}

/// `mod_timer_pending(timer, expires)`: does nothing for one that is not pending.
extern "C" fn mod_timer_pending(address: usize, jiffies: u64) -> i32 {
    modify(address, jiffies, true)
}

/// `add_timer(timer)`, by its `expires`.
extern "C" fn add_timer(address: usize) {
    if timer_pending(address) != 0 {
        misuse("add_timer of a timer that is pending");
    }
    let jiffies = foreign::read_u64(address + EXPIRES).unwrap_or(0);
    modify(address, jiffies, false);
}

/// `timer_pending(timer)`.
extern "C" fn timer_pending(address: usize) -> i32 {
    let pending = |timer: Arc<ModTimer>| matches!(*timer.phase.lock_irq(), Phase::Pending(_));
    i32::from(known(address).is_some_and(pending))
}

/// `del_timer(timer)`: 1 when it was pending. Its function may be running.
extern "C" fn del_timer(address: usize) -> i32 {
    known(address).map_or(0, |timer| {
        let was = timer.disarm();
        if timer.running.load(Ordering::SeqCst) == NOBODY {
            timer.drop_if_idle();
        }
        i32::from(was)
    })
}

/// `try_to_del_timer_sync(timer)`: -1 when its function runs.
extern "C" fn try_to_del_timer_sync(address: usize) -> i32 {
    match known(address) {
        Some(timer) if timer.running.load(Ordering::SeqCst) != NOBODY => -1,
        _ => del_timer(address),
    }
}

/// `del_timer_sync(timer)`: afterwards its function does not run either.
extern "C" fn del_timer_sync(address: usize) -> i32 {
    let mut was = 0;
    let settled = loop {
        was |= del_timer(address);
        let Some(timer) = known(address) else {
            break true;
        };
        if !timer.settle() {
            break false;
        }
    };
    if !settled {
        misuse("del_timer_sync of a timer by its own function");
    }
    was
}

exports![
    mod_timer,
    mod_timer_pending,
    add_timer,
    timer_pending,
    del_timer,
    try_to_del_timer_sync,
    del_timer_sync,
];
