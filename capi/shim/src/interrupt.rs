//! `linux/interrupt.h`, lines: functions of a module that serve a device's interrupts, and threads that go on with them.
//!
//! Specification: Documentation/core-api/genericirq.rst, request_irq(9).
use crate::enter::{self, must_sleep};
use crate::export::exports;
use crate::foreign::Name;
use crate::ledger::{self, Kind, Resource};
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use irq::{HandlerId, IrqHandler, IrqReturn, Sharing, free_irq as free_line, request_irq};
use kmem::{try_arc, try_box, try_format};
use module::Module;
use sched::Thread;
use sync::{Once, WaitMode, WaitQueue};

/// `IRQF_SHARED`, `IRQF_ONESHOT`.
const SHARED: u32 = 0x80;
const ONESHOT: u32 = 0x2000;
/// `irqreturn_t`.
const HANDLED: u32 = 1;
const WAKE_THREAD: u32 = 2;

/// A handler of a module.
struct Line {
    module: Arc<Module>,
    irq: u32,
    cookie: usize,
    handler: usize,
    /// What its thread calls; 0: there is no thread.
    threaded: usize,
    gone: AtomicBool,
    /// Calls of the thread's function that are due.
    due: AtomicU32,
    wake: WaitQueue,
    running: AtomicUsize,
}

struct Taken {
    line: Arc<Line>,
    id: Once<HandlerId>,
    thread: Once<Arc<Thread>>,
}

/// Handlers; the object is a [`Taken`].
static LINE: Kind = Kind {
    name: "interrupt handler",
    give_back: |_, resource| {
        if let Some(taken) = resource.object::<Taken>() {
            release(&taken);
        }
    },
};

fn release(taken: &Taken) {
    taken.line.gone.store(true, Ordering::SeqCst);
    if let Some(id) = taken.id.get()
        && free_line(*id).is_err()
    {
        // Without memory for a shorter list it stays there, and answers that the interrupt was not its own.
        trace::pr_warn!("irq {}: a handler stays listed", taken.line.irq);
    }
    taken.line.wake.wake_all();
    if let Some(thread) = taken.thread.get() {
        thread.wait_exit();
    }
}

impl Line {
    fn call(&self, function: usize) -> u32 {
        let arguments = [u64::from(self.irq), self.cookie as u64, 0, 0, 0, 0];
        enter::call(&self.module, function, &arguments).map_or(0, |answer| answer as u32)
    }

    /// The thread: calls the module's function for each time that the handler asked for it.
    fn serve(&self) {
        loop {
            let due = || {
                let stop = self.gone.load(Ordering::SeqCst);
                let due = self.due.swap(0, Ordering::SeqCst) != 0;
                (stop || due).then_some(stop)
            };
            match self.wake.wait(WaitMode::Idle, None, due) {
                Ok(false) => {
                    self.running.store(1, Ordering::SeqCst);
                    self.call(self.threaded);
                    self.running.store(0, Ordering::SeqCst);
                }
                _ => return,
            }
        }
    }
}

impl IrqHandler for Line {
    fn handle(&self, _irq: u32) -> IrqReturn {
        if self.gone.load(Ordering::SeqCst) {
            return IrqReturn::None;
        }
        let answer = match self.handler {
            0 => WAKE_THREAD,
            handler => self.call(handler),
        };
        if answer & WAKE_THREAD != 0 && self.threaded != 0 {
            self.due.fetch_add(1, Ordering::SeqCst);
            self.wake.wake_all();
        }
        match answer & (HANDLED | WAKE_THREAD) {
            0 => IrqReturn::None,
            _ => IrqReturn::Handled,
        }
    }
}

/// Handlers are told apart by line and cookie: no address is like this.
fn key(irq: u32, cookie: usize) -> usize {
    cookie ^ (irq as usize + 1) << 48
}

fn take(
    irq: u32,
    handler: usize,
    threaded: usize,
    flags: u32,
    name: usize,
    cookie: usize,
) -> Result<()> {
    let shared = flags & SHARED != 0;
    if handler == 0 && threaded == 0 || shared && cookie == 0 {
        return Err(Errno::EINVAL);
    }
    if handler == 0 && flags & ONESHOT == 0 {
        trace::pr_err!("Threaded irq requested with handler=NULL and !ONESHOT for irq {irq}");
        return Err(Errno::EINVAL);
    }
    let name = Name::<32>::read(name).map_err(|_| Errno::EFAULT)?;
    let name = core::str::from_utf8(name.as_bytes()).unwrap_or("?");
    let line = try_arc(Line {
        module: enter::running().ok_or(Errno::EINVAL)?,
        irq,
        cookie,
        handler,
        threaded,
        gone: AtomicBool::new(false),
        due: AtomicU32::new(0),
        wake: WaitQueue::new(),
        running: AtomicUsize::new(0),
    })?;
    let taken = try_arc(Taken {
        line: line.clone(),
        id: Once::new(),
        thread: Once::new(),
    })?;
    if threaded != 0 {
        let server = line.clone();
        let body = try_box(move || server.serve())? as Box<dyn FnOnce() + Send>;
        let _ = taken.thread.set(Thread::spawn_kthread(
            &try_format!("irq/{irq}-{name}")?,
            body,
        )?);
    }
    let sharing = if shared {
        Sharing::Shared
    } else {
        Sharing::Alone
    };
    match request_irq(irq, name, sharing, line) {
        Ok(id) => drop(taken.id.set(id)),
        Err(e) => {
            release(&taken);
            return Err(e);
        }
    }
    let resource = Resource {
        kind: &LINE,
        words: [0; 2],
        object: Some(taken),
    };
    ledger::enter_or_undo(key(irq, cookie), resource)
}

/// `request_threaded_irq(irq, handler, thread, flags, name, cookie)`: 0, or an error.
extern "C" fn request_threaded_irq(
    irq: u32,
    handler: usize,
    threaded: usize,
    flags: u64,
    name: usize,
    cookie: usize,
) -> i32 {
    must_sleep("request_irq");
    match take(irq, handler, threaded, flags as u32, name, cookie) {
        Ok(()) => 0,
        Err(Errno::ENXIO) => -Errno::EINVAL.code(),
        Err(e) => -e.code(),
    }
}

/// `free_irq(irq, cookie)`: afterwards the handler does not run. The cookie, or NULL when there was none.
extern "C" fn free_irq(irq: u32, cookie: usize) -> usize {
    must_sleep("free_irq");
    let key = key(irq, cookie);
    match ledger::take(key, &LINE) {
        Some(resource) => (LINE.give_back)(key, resource),
        None => {
            trace::pr_warn!("Trying to free already-free IRQ {irq}");
            trace::oops::dump_stack(trace::Level::Warning);
            return 0;
        }
    }
    cookie
}

/// `synchronize_irq(irq)`: waits for handlers that run.
extern "C" fn synchronize_irq(_irq: u32) {
    must_sleep("synchronize_irq");
    // Handlers run in read sections.
    sync::rcu::synchronize();
}

exports![request_threaded_irq, free_irq, synchronize_irq];
