//! `devm_*` of `linux/device.h`: what a driver takes for a device and need not give back. It goes when the driver leaves the
//! device, last taken first, or with the device.
//!
//! Specification: Documentation/driver-api/driver-model/devres.rst.
use crate::enter::{self, misuse};
use crate::export::{exports, status};
use crate::memory::{self, GFP_ZERO, Manner};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use kmem::TryVec;
use module::Module;
use sync::{LockClass, SpinLock, rank};

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    /// Memory.
    Block(usize),
    /// A function to call, and what with.
    Action(usize, usize),
}

/// Something that a device has.
struct Managed {
    /// Address of the `struct device`.
    device: usize,
    what: What,
    module: Arc<Module>,
}

static CLASS: LockClass = LockClass::new("capi.managed", rank::NONE);
/// In the order in which they were taken.
static ALL: SpinLock<Vec<Managed>> = SpinLock::new(&CLASS, Vec::new());

/// What is taken for modules; the ledger gives it back with them.
static MANAGED: crate::ledger::Kind = crate::ledger::Kind {
    name: "",
    give_back: |at, resource| (memory::FOR_MODULE.give_back)(at, resource),
};

fn add(device: usize, what: What) -> Result<()> {
    let module = enter::running().ok_or(Errno::EINVAL)?;
    let entry = Managed {
        device,
        what,
        module,
    };
    ALL.lock_irq().try_push(entry)
}

/// Takes out the last one that `wanted` is true of.
fn take(wanted: impl Fn(&Managed) -> bool) -> Option<Managed> {
    let mut all = ALL.lock_irq();
    let last = all.iter().rposition(wanted)?;
    let taken = all.remove(last);
    if all.is_empty() {
        let none = core::mem::take(&mut *all);
        drop(all);
        drop(none);
    }
    Some(taken)
}

/// The driver left, or the device goes: so does what it has. What belongs to a module in quarantine is the ledger's.
pub(crate) fn release(device: usize) {
    while let Some(managed) = take(|managed| managed.device == device) {
        if !managed.module.may_enter() {
            continue;
        }
        match managed.what {
            What::Block(at) => memory::give(at, &MANAGED),
            What::Action(function, data) => {
                let _ = enter::call(&managed.module, function, &[data as u64, 0, 0, 0, 0, 0]);
            }
        }
    }
}

/// `devm_kmalloc(device, size, flags)`: NULL when there is no memory.
extern "C" fn devm_kmalloc(device: usize, size: usize, flags: u32) -> usize {
    let manner = Manner::of(flags, "devm_kmalloc");
    let at = memory::take_block(size, flags & GFP_ZERO != 0, &MANAGED);
    drop(manner);
    if at != 0 && size != 0 && add(device, What::Block(at)).is_err() {
        memory::give(at, &MANAGED);
        return 0;
    }
    at
}

/// `devm_kfree(device, block)`: nothing for NULL.
extern "C" fn devm_kfree(device: usize, block: usize) {
    if block == 0 {
        return;
    }
    let wanted = What::Block(block);
    let taken = take(|managed| managed.device == device && managed.what == wanted);
    if taken.is_none() {
        misuse("devm_kfree of what the device does not have");
    }
    drop(taken);
    memory::give(block, &MANAGED);
}

/// `devm_add_action(device, function, data)`: ENOMEM.
extern "C" fn devm_add_action(device: usize, function: usize, data: usize) -> i32 {
    status(add(device, What::Action(function, data)))
}

/// `devm_remove_action(device, function, data)`: it is not called.
extern "C" fn devm_remove_action(device: usize, function: usize, data: usize) {
    let wanted = What::Action(function, data);
    let taken = take(|managed| managed.device == device && managed.what == wanted);
    if taken.is_none() {
        misuse("devm_remove_action of what the device does not have");
    }
}

exports![; gpl: devm_kmalloc, devm_kfree, devm_add_action, devm_remove_action];
