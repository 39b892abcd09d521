//! `linux/rcupdate.h`: read sections keep preemption off; what is called after a grace period runs with softirqs off.
//!
//! Specification: Documentation/RCU/whatisRCU.rst.
use crate::enter::{self, misuse, must_sleep};
use crate::export::exports;
use crate::ledger;
use crate::memory::MEMORY;
use alloc::boxed::Box;
use hal::preempt;
use kmem::try_box;
use sync::rcu::{self, Deferred};
use trace::pr_alert;

extern "C" fn __rcu_read_lock() {
    preempt::add(preempt::PREEMPT);
}

extern "C" fn __rcu_read_unlock() {
    if hal::landing::preempt_added() == 0 {
        misuse("rcu_read_unlock without rcu_read_lock");
    }
    sync::context::preempt_enable();
}

/// Waits for the read sections that are open.
extern "C" fn synchronize_rcu() {
    must_sleep("synchronize_rcu");
    rcu::synchronize();
}

/// Runs `work` after a grace period; without memory for it, waits, if that may be.
fn defer(work: impl FnOnce() + Send + 'static) -> Result<(), ()> {
    let deferred = try_box(work).and_then(|work| {
        let work: Box<dyn FnOnce() + Send> = work;
        try_box(Deferred::new(work))
    });
    deferred.map(rcu::call).map_err(drop)
}

/// `call_rcu(head, function)`.
extern "C" fn call_rcu(head: usize, function: usize) {
    let Some(module) = enter::running() else {
        return;
    };
    let deferred = defer(move || {
        let _softirqs_off = irq::local_bh_disable();
        let arguments = [head as u64, 0, 0, 0, 0, 0];
        if enter::call(&module, function, &arguments).is_err() {
            let name = module.name();
            pr_alert!("{name}: an RCU callback came when the module was gone or had crashed");
        }
    });
    if deferred.is_err() {
        misuse("there is no memory for call_rcu");
    }
}

/// `kvfree_call_rcu(head, block)`: frees the block after a grace period.
extern "C" fn kvfree_call_rcu(_head: usize, block: usize) {
    let resource = match ledger::take(block, &MEMORY) {
        Some(resource) => resource,
        None => misuse("kfree_rcu of what was not allocated, or was freed before"),
    };
    let words = resource.words;
    drop(resource);
    let deferred = defer(move || crate::block::release(block, words));
    if deferred.is_err() {
        misuse("there is no memory for kfree_rcu");
    }
}

/// `rcu_barrier()`: waits until what `call_rcu` was given has run.
extern "C" fn rcu_barrier() {
    must_sleep("rcu_barrier");
    rcu::barrier();
}

/// Whether a read section may be open: preemption is off.
extern "C" fn rcu_read_lock_held() -> i32 {
    i32::from(preempt::count() != 0)
}

exports![
    __rcu_read_lock,
    __rcu_read_unlock,
    synchronize_rcu,
    call_rcu,
    kvfree_call_rcu,
    rcu_barrier,
    rcu_read_lock_held,
];
