//! `linux/interrupt.h`, tasklets: functions of a module that run once per scheduling in a softirq.
//!
//! Specification: Documentation/kernel-hacking/hacking.rst, "Software Interrupt Context".
use crate::enter::{self, misuse, must_sleep};
use crate::export::exports;
use crate::foreign;
use crate::ledger::{self, Kind, Resource};
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};
use irq::tasklet::Tasklet;
use kmem::{try_arc, try_box};
use module::Module;

/// Where things stand in `struct tasklet_struct`.
const COUNT: usize = 12;
const CALLBACK: usize = 16;
const FUNCTION: usize = 24;
const DATA: usize = 32;
const NOBODY: usize = usize::MAX;

struct Shared {
    module: Arc<Module>,
    address: usize,
    /// It is to run; taken back by the run.
    wanted: AtomicBool,
    /// It was to run while it was disabled.
    held_back: AtomicBool,
    running: AtomicUsize,
}

struct Item {
    shared: Arc<Shared>,
    normal: Arc<Tasklet>,
    high: Arc<Tasklet>,
}

/// Tasklets; the object is an [`Item`]. Known from the first scheduling until `tasklet_kill` or the module's end.
static TASKLET: Kind = Kind {
    name: "",
    give_back: |_, resource| {
        if let Some(item) = resource.object::<Item>() {
            item.shared.wanted.store(false, Ordering::SeqCst);
            item.normal.wait();
            item.high.wait();
        }
    },
};

/// The count of disablings in a tasklet that a module passes.
fn count<'a>(address: usize) -> &'a AtomicI32 {
    if !address.is_multiple_of(8) || foreign::read_u64(address + 8).is_err() {
        misuse("a tasklet at an address where none can be");
    }
    // SAFETY: there is memory, and the caller passes what its header calls a tasklet; any value is a valid word.
    unsafe { &*((address + COUNT) as *const AtomicI32) }
}

fn disabled(address: usize) -> bool {
    let mut bytes = [0; 4];
    foreign::read_bytes(address + COUNT, &mut bytes).is_ok_and(|()| bytes != [0; 4])
}

fn run(shared: &Shared) {
    if !shared.wanted.swap(false, Ordering::SeqCst) {
        return;
    }
    if disabled(shared.address) {
        shared.held_back.store(true, Ordering::SeqCst);
        return;
    }
    let word = |at: usize| foreign::read_u64(shared.address + at).unwrap_or(0);
    let argument = match word(CALLBACK) & 0xff {
        0 => word(DATA),
        _ => shared.address as u64,
    };
    shared.running.store(hal::cpu::id(), Ordering::SeqCst);
    let arguments = [argument, 0, 0, 0, 0, 0];
    let _ = enter::call(&shared.module, word(FUNCTION) as usize, &arguments);
    shared.running.store(NOBODY, Ordering::SeqCst);
}

fn known(address: usize) -> Option<Arc<Item>> {
    ledger::object(address, &TASKLET)
}

fn object(address: usize) -> Result<Arc<Item>> {
    if let Some(item) = known(address) {
        return Ok(item);
    }
    let shared = try_arc(Shared {
        module: enter::running().ok_or(Errno::EINVAL)?,
        address,
        wanted: AtomicBool::new(false),
        held_back: AtomicBool::new(false),
        running: AtomicUsize::new(NOBODY),
    })?;
    let call = |shared: Arc<Shared>| -> Result<Box<dyn Fn() + Send + Sync>> {
        Ok(try_box(move || run(&shared))? as Box<dyn Fn() + Send + Sync>)
    };
    let item = try_arc(Item {
        normal: Tasklet::new(call(shared.clone())?)?,
        high: Tasklet::new_high(call(shared.clone())?)?,
        shared,
    })?;
    let resource = Resource {
        kind: &TASKLET,
        words: [0; 2],
        object: Some(item.clone()),
    };
    ledger::enter_or_undo(address, resource)?;
    Ok(item)
}

fn schedule(address: usize, high: bool) {
    let _ = count(address);
    match object(address) {
        Ok(item) => {
            if !item.shared.wanted.swap(true, Ordering::SeqCst) {
                let tasklet = if high { &item.high } else { &item.normal };
                tasklet.schedule();
            }
        }
        Err(_) => misuse("there is no memory for a tasklet"),
    }
}

/// `tasklet_schedule(tasklet)`.
extern "C" fn tasklet_schedule(address: usize) {
    schedule(address, false);
}

/// `tasklet_hi_schedule(tasklet)`.
extern "C" fn tasklet_hi_schedule(address: usize) {
    schedule(address, true);
}

/// `tasklet_disable_nosync(tasklet)`.
extern "C" fn tasklet_disable_nosync(address: usize) {
    count(address).fetch_add(1, Ordering::SeqCst);
}

/// `tasklet_disable(tasklet)`: afterwards its function does not run until it is enabled.
extern "C" fn tasklet_disable(address: usize) {
    tasklet_disable_nosync(address);
    while known(address).is_some_and(|item| item.shared.running.load(Ordering::SeqCst) != NOBODY) {
        let own = known(address)
            .is_some_and(|item| item.shared.running.load(Ordering::SeqCst) == hal::cpu::id());
        if own && hal::preempt::count() >= hal::preempt::SOFTIRQ {
            misuse("tasklet_disable by the tasklet itself");
        }
        hal::cpu::relax();
    }
}

/// `tasklet_enable(tasklet)`: what was scheduled meanwhile runs.
extern "C" fn tasklet_enable(address: usize) {
    if count(address).fetch_sub(1, Ordering::SeqCst) == 1
        && known(address).is_some_and(|item| item.shared.held_back.swap(false, Ordering::SeqCst))
    {
        schedule(address, false);
    }
}

/// `tasklet_kill(tasklet)`: waits until it neither runs nor is to run.
extern "C" fn tasklet_kill(address: usize) {
    must_sleep("tasklet_kill");
    if let Some(item) = known(address) {
        item.normal.wait();
        item.high.wait();
        drop(item);
        drop(ledger::take(address, &TASKLET));
    }
}

exports![
    tasklet_schedule,
    tasklet_hi_schedule,
    tasklet_disable_nosync,
    tasklet_disable,
    tasklet_enable,
    tasklet_kill,
];
