//! `linux/workqueue.h`. A `struct work_struct` in the module's memory is known by its address; the kernel's own object is
//! made when it is queued for the first time and lives until the module goes.
//!
//! Specification: Documentation/core-api/workqueue.rst.
use crate::enter::{self, misuse, must_sleep};
use crate::export::exports;
use crate::foreign;
use crate::ledger::{self, Resource};
use crate::va_list::{VaList, variadic};
use abi::Result;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};
use kmem::try_arc;
use module::Module;
use sync::{LockClass, SpinLock, rank};
use time::{Restart, Timer};
use workqueue::{Kind, Work, Workqueue};

/// Where the function stands in `struct work_struct`.
const FUNCTION: usize = 24;
/// `WQ_UNBOUND`, and what `alloc_ordered_workqueue` adds.
const UNBOUND: u32 = 1 << 1;
const ORDERED: u32 = 1 << 17;
/// `WQ_MEM_RECLAIM`.
const MEM_RECLAIM: u32 = 1 << 3;

/// A work of a module.
struct Item {
    work: Arc<Work>,
    /// It is not to run any more.
    cancelled: Arc<AtomicBool>,
}

impl Item {
    /// It waits to run.
    fn is_pending(&self) -> bool {
        self.work.is_queued() && !self.cancelled.load(Ordering::SeqCst)
    }
}

static HOME: LockClass = LockClass::new("capi.delayed", rank::NONE);

/// Works; the object is an [`Item`]. Kept for the module, so nothing is said when they are left.
static WORK: ledger::Kind = ledger::Kind {
    name: "",
    give_back: |_, resource| {
        if let Some(item) = resource.object::<Item>() {
            item.cancelled.store(true, Ordering::SeqCst);
            item.work.flush();
        }
    },
};

/// Queues of a module; the object is a [`Queue`].
static QUEUE: ledger::Kind = ledger::Kind {
    name: "workqueue",
    give_back: |_, resource| {
        if let Some(queue) = resource.object::<Queue>() {
            queue.0.retire();
        }
    },
};

struct Queue(Arc<Workqueue>);

/// The handles of the kernel's own queues: what `system_wq` and its kin hold.
static SYSTEM: usize = 0;
static SYSTEM_UNBOUND: usize = 0;

/// A variable of the kernel's that modules read.
#[repr(transparent)]
struct Handle(*const usize);
// SAFETY: never written, and the target is never read through it.
unsafe impl Sync for Handle {}

#[expect(non_upper_case_globals, reason = "modules know them by these names")]
mod handles {
    use super::{Handle, SYSTEM, SYSTEM_UNBOUND};
    pub(super) static system_wq: Handle = Handle(&raw const SYSTEM);
    pub(super) static system_highpri_wq: Handle = Handle(&raw const SYSTEM);
    pub(super) static system_long_wq: Handle = Handle(&raw const SYSTEM);
    pub(super) static system_unbound_wq: Handle = Handle(&raw const SYSTEM_UNBOUND);
}
use handles::{system_highpri_wq, system_long_wq, system_unbound_wq, system_wq};

/// The queue of a handle; ends the call when there is none.
fn queue_of(handle: usize) -> Arc<Workqueue> {
    if handle == (&raw const SYSTEM) as usize {
        return Arc::clone(workqueue::system_wq());
    }
    if handle == (&raw const SYSTEM_UNBOUND) as usize {
        return Arc::clone(workqueue::system_unbound_wq());
    }
    let queue = ledger::with(handle, &QUEUE, Resource::object::<Queue>).flatten();
    match queue {
        Some(queue) => Arc::clone(&queue.0),
        None => misuse("a workqueue that does not exist"),
    }
}

/// The work at an address, if it was queued before.
fn known(address: usize) -> Option<Arc<Item>> {
    ledger::with(address, &WORK, Resource::object::<Item>).flatten()
}

fn item(address: usize) -> Result<Arc<Item>> {
    if let Some(item) = known(address) {
        return Ok(item);
    }
    let module = enter::running().ok_or(abi::Errno::EINVAL)?;
    let cancelled = try_arc(AtomicBool::new(false))?;
    let mark = Arc::clone(&cancelled);
    let work = Work::new(move || run(&module, address, &mark))?;
    let item = try_arc(Item { work, cancelled })?;
    let resource = Resource {
        kind: &WORK,
        words: [0; 2],
        object: Some(item.clone()),
    };
    ledger::enter_or_undo(address, resource)?;
    Ok(item)
}

/// Calls the function that the work has now.
fn run(module: &Arc<Module>, address: usize, cancelled: &AtomicBool) {
    if cancelled.swap(false, Ordering::SeqCst) {
        return;
    }
    let function = foreign::read_u64(address + FUNCTION).unwrap_or(0) as usize;
    let arguments = [address as u64, 0, 0, 0, 0, 0];
    let _ = enter::call(module, function, &arguments);
}

/// `queue_work_on(cpu, queue, work)`: whether it was not queued yet.
extern "C" fn queue_work_on(cpu: i32, queue: usize, work: usize) -> bool {
    let queue = queue_of(queue);
    let Ok(item) = item(work) else {
        drop(queue);
        misuse("there is no memory for a work");
    };
    start(cpu, &queue, &item)
}

/// `DELAYED`: what queues a work when its time has come.
struct Delayed {
    item: Arc<Item>,
    /// Where it is queued next time.
    home: Arc<SpinLock<(Arc<Workqueue>, i32)>>,
    timer: Timer,
}

/// Timers of delayed works, by the address of the work's timer; the object is a [`Delayed`].
static DELAYED: ledger::Kind = ledger::Kind {
    name: "",
    give_back: |_, resource| {
        if let Some(delayed) = resource.object::<Delayed>() {
            delayed.timer.cancel();
        }
    },
};

/// Where the timer stands in `struct delayed_work`: its address names the timer's object.
const TIMER: usize = 32;

fn delayed(work: usize) -> Option<Arc<Delayed>> {
    ledger::object(work + TIMER, &DELAYED)
}

fn make_delayed(work: usize, queue: &Arc<Workqueue>) -> Result<Arc<Delayed>> {
    if let Some(delayed) = delayed(work) {
        return Ok(delayed);
    }
    let item = item(work)?;
    let home = try_arc(SpinLock::new(&HOME, (Arc::clone(queue), -1)))?;
    let (on_item, on_home) = (item.clone(), home.clone());
    let timer = Timer::new(move |_now| {
        let (queue, cpu) = on_home.lock_irq().clone();
        start(cpu, &queue, &on_item);
        Restart::No
    })?;
    let delayed = try_arc(Delayed { item, home, timer })?;
    let resource = Resource {
        kind: &DELAYED,
        words: [0; 2],
        object: Some(delayed.clone()),
    };
    ledger::enter_or_undo(work + TIMER, resource)?;
    Ok(delayed)
}

fn start(cpu: i32, queue: &Arc<Workqueue>, item: &Item) -> bool {
    // One that was cancelled while it waited still waits: it is only to run again.
    let revived = item.cancelled.swap(false, Ordering::SeqCst) && item.work.is_queued();
    let queued = match usize::try_from(cpu) {
        Ok(cpu) if cpu < hal::cpu::online() => queue.queue_on(cpu, &item.work),
        _ => queue.queue(&item.work),
    };
    queued || revived
}

/// Queues a delayed work, now or by its timer; whether it was waiting already.
fn delay(cpu: i32, queue: usize, work: usize, jiffies: u64, moves: bool) -> bool {
    let queue = queue_of(queue);
    let Ok(delayed) = make_delayed(work, &queue) else {
        drop(queue);
        misuse("there is no memory for a delayed work");
    };
    let was = delayed.timer.is_armed() || delayed.item.is_pending();
    if was && !moves {
        return true;
    }
    if jiffies == 0 {
        delayed.timer.try_cancel();
        start(cpu, &queue, &delayed.item);
        return was;
    }
    if was {
        delayed.item.cancelled.store(true, Ordering::SeqCst);
    }
    *delayed.home.lock_irq() = (queue, cpu);
    let due = crate::timer::tick_ns(time::jiffies().wrapping_add(jiffies));
    delayed.timer.arm(due);
    was
}

/// `queue_delayed_work_on(cpu, queue, work, delay)`: whether it was not waiting yet.
extern "C" fn queue_delayed_work_on(cpu: i32, queue: usize, work: usize, jiffies: u64) -> bool {
    !delay(cpu, queue, work, jiffies, false)
}

/// `mod_delayed_work_on(cpu, queue, work, delay)`: whether it was waiting; either way it comes after the delay.
extern "C" fn mod_delayed_work_on(cpu: i32, queue: usize, work: usize, jiffies: u64) -> bool {
    delay(cpu, queue, work, jiffies, true)
}

/// Stops the timer; whether it was armed.
fn unarm(work: usize) -> bool {
    delayed(work).is_some_and(|delayed| delayed.timer.cancel())
}

/// `cancel_work(work)`: whether it was queued. It may be running.
extern "C" fn cancel_work(work: usize) -> bool {
    known(work).is_some_and(|item| {
        let waited = item.is_pending();
        item.cancelled.store(waited, Ordering::SeqCst);
        waited
    })
}

/// `cancel_delayed_work(work)`: whether it was waiting. It may be running.
extern "C" fn cancel_delayed_work(work: usize) -> bool {
    unarm(work) || cancel_work(work)
}

/// `cancel_delayed_work_sync(work)`: it neither waits nor runs afterwards.
extern "C" fn cancel_delayed_work_sync(work: usize) -> bool {
    must_sleep("cancel_delayed_work_sync");
    let armed = unarm(work);
    let busy = cancel_work_sync(work);
    // It may have queued itself anew while it ran.
    unarm(work) || armed || busy
}

/// `flush_delayed_work(work)`: has it run now, and waits for it.
extern "C" fn flush_delayed_work(work: usize) -> bool {
    must_sleep("flush_delayed_work");
    if let Some(delayed) = delayed(work)
        && delayed.timer.cancel()
    {
        let (queue, cpu) = delayed.home.lock_irq().clone();
        start(cpu, &queue, &delayed.item);
    }
    flush_work(work)
}

/// `delayed_work_pending(work)`.
extern "C" fn __delayed_work_pending(work: usize) -> bool {
    delayed(work).is_some_and(|delayed| delayed.timer.is_armed())
        || known(work).is_some_and(|item| item.is_pending())
}

/// `flush_work(work)`: waits for it; whether there was anything to wait for.
extern "C" fn flush_work(work: usize) -> bool {
    must_sleep("flush_work");
    known(work).is_some_and(|item| {
        let busy = item.work.is_busy();
        item.work.flush();
        busy
    })
}

/// `cancel_work_sync(work)`: it is neither queued nor runs afterwards; whether it was queued or ran.
extern "C" fn cancel_work_sync(work: usize) -> bool {
    must_sleep("cancel_work_sync");
    known(work).is_some_and(|item| {
        let busy = item.work.is_busy();
        item.cancelled.store(busy, Ordering::SeqCst);
        item.work.flush();
        item.cancelled.store(false, Ordering::SeqCst);
        busy
    })
}

/// `work_busy(work)`: bit 0 when it waits, perhaps for its time; bit 1 when it runs.
extern "C" fn work_busy(work: usize) -> u32 {
    let runs = known(work).is_some_and(|item| item.work.is_running());
    u32::from(__delayed_work_pending(work)) | u32::from(runs) << 1
}

extern "C" fn named(format: usize, flags: u32, most: i32, list: &VaList) -> usize {
    must_sleep("alloc_workqueue");
    let mut name = [0; 24];
    let wanted = crate::print::format_to(&mut name, format, *list);
    let name = core::str::from_utf8(&name[..wanted.min(23)]).unwrap_or("module");
    let kind = match flags {
        flags if flags & ORDERED != 0 || flags & UNBOUND != 0 && most == 1 => Kind::Ordered,
        flags if flags & UNBOUND != 0 => Kind::Unbound,
        _ => Kind::Bound,
    };
    let alloc = if flags & MEM_RECLAIM != 0 {
        Workqueue::alloc_with_rescuer
    } else {
        Workqueue::alloc
    };
    let made = alloc(name, kind).and_then(|queue| {
        let queue = try_arc(Queue(queue))?;
        let handle = Arc::as_ptr(&queue) as usize;
        let resource = Resource {
            kind: &QUEUE,
            words: [0; 2],
            object: Some(queue),
        };
        ledger::enter_or_undo(handle, resource)?;
        Ok(handle)
    });
    made.unwrap_or(0)
}

variadic! {
    /// `alloc_workqueue(format, flags, most, ...)`: a handle, or NULL. A queue with `WQ_MEM_RECLAIM` has a thread by its
    /// name; the workers of others are shared, and show the queue that they worked for last.
    alloc_workqueue(3, "rcx") => named;
}

/// `__flush_workqueue(queue)`.
extern "C" fn __flush_workqueue(queue: usize) {
    must_sleep("flush_workqueue");
    queue_of(queue).flush();
}

/// `destroy_workqueue(queue)`: after what is queued has run.
extern "C" fn destroy_workqueue(queue: usize) {
    must_sleep("destroy_workqueue");
    match ledger::take(queue, &QUEUE) {
        Some(resource) => (QUEUE.give_back)(queue, resource),
        None => misuse("a workqueue that does not exist"),
    }
}

exports![
    queue_work_on, flush_work, cancel_work, cancel_work_sync, work_busy, queue_delayed_work_on, mod_delayed_work_on,
    cancel_delayed_work, cancel_delayed_work_sync, flush_delayed_work, __delayed_work_pending, alloc_workqueue, __flush_workqueue, destroy_workqueue;
    data: system_wq, system_highpri_wq, system_long_wq, system_unbound_wq
];
