//! `linux/utsname.h`.
use crate::export::exports;
use crate::foreign::write_bytes;
use task::uts::{self, Uts};

/// The names that the running task sees; a thread of the kernel sees the machine's own.
fn seen() -> Uts {
    let set = task::current().and_then(|me| me.ns());
    let names = set.as_ref().and_then(|set| uts::of(set).ok());
    names.map_or_else(uts::of_machine, uts::UtsNs::get)
}

/// `__utsname(names, first)`: the same address, with the names filled in.
extern "C" fn __utsname(place: usize, first: bool) -> usize {
    let names = if first { uts::of_machine() } else { seen() };
    if write_bytes(place, names.fields("x86_64").as_flattened()).is_err() {
        crate::enter::misuse("names at an address where none can be");
    }
    place
}

exports![__utsname];
