//! `linux/percpu.h`: variables of which each CPU has its own. The first CPU's stand at their address; those of the others
//! follow at the same distance for all, so that an address and a CPU's number name one.
//!
//! Specification: Documentation/core-api/this_cpu_ops.rst.
use crate::enter::misuse;
use crate::export::exports;
use crate::ledger::{self, Kind, Resource};
use kmem::modspace::percpu::{self as room, Room};
use kmem::try_arc;

/// Variables that were asked for; the object is their [`Room`].
static VARIABLES: Kind = Kind {
    name: "per-CPU variable",
    give_back: |_, _| {},
};

/// `__alloc_percpu(size, align)`: zeroed, or NULL.
extern "C" fn __alloc_percpu(size: usize, align: usize) -> usize {
    crate::enter::must_sleep("alloc_percpu");
    let Ok(room) = room::take(size, align).and_then(try_arc::<Room>) else {
        return 0;
    };
    let address = room.address();
    let resource = Resource {
        kind: &VARIABLES,
        words: [0; 2],
        object: Some(room),
    };
    ledger::enter_or_undo(address, resource).map_or(0, |()| address)
}

/// `free_percpu(variable)`: nothing for NULL.
extern "C" fn free_percpu(address: usize) {
    if address == 0 {
        return;
    }
    if ledger::take(address, &VARIABLES).is_none() {
        misuse("free_percpu of what was not allocated, or was freed before");
    }
}

/// How far a CPU's variables are from the first one's.
extern "C" fn __per_cpu_offset(cpu: u32) -> usize {
    if cpu as usize >= hal::cpu::online() {
        misuse("per_cpu of a CPU that is not there");
    }
    cpu as usize * room::STRIDE
}

/// The same for the running CPU.
extern "C" fn __my_cpu_offset() -> usize {
    hal::cpu::id() * room::STRIDE
}

exports![
    __alloc_percpu,
    free_percpu,
    __per_cpu_offset,
    __my_cpu_offset,
];
