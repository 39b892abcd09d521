//! What kernel modules see: the functions that `include/linux/*.h` declares, thin and checked, and the calls from the
//! kernel into modules.
//!
//! | file | holds |
//! |---|---|
//! | `export.rs`, `table.rs` | how a file lists what it exports, and all lists |
//! | `watch.rs`, `limits.rs`, `containment.rs` | calls that do not come back; /sys/kernel/containment |
//! | `enter.rs` | calls into modules: each has a landing, and a fault in the module ends there |
//! | `runtime.rs` | [`module::Runtime`]: the module's record, parameters, init and exit |
//! | `ledger.rs` | what modules took and have not given back |
//! | `block.rs`, `redzone.rs` | blocks of memory; guards behind them, and what was freed |
//! | `foreign.rs` | reading and writing memory that a module names |
//! | `lock_class.rs` | classes of modules' locks, for lockdep |
//! | `objects.rs` | where the objects of modules are shown |
//! | `file.rs`, `calls.rs` | open files that a module serves, and by which functions |
//! | `mapping.rs`, `rows.rs`, `vm_flags.rs` | what such files show in memory |
//! | `page.rs`, `param_files.rs` | text of attributes; /sys/module/M/parameters |
//! | `layout.rs` | structures that modules look into |
//! | `task.rs` | threads as modules know them |
//! | `park.rs` | waiting at addresses: no list of the kernel's runs through module memory |
//! | `probe_place.rs`, `probe_table.rs`, `probe_hit.rs`, `probe_return.rs`, `kprobe_layout.rs` | kprobes: where they may be, the breakpoints, what happens there |
//! | `va_list.rs`, `number.rs`, `param.rs`, `print.rs`, `hexdump.rs`, `memory.rs`, `cache.rs`, `pages.rs`, `page_refs.rs`, `area_pages.rs`, `percpu.rs`, `random.rs`, `capability.rs`, `scan.rs`, `interrupt.rs`, `text.rs`, `user.rs`, `mutex.rs`, `spin.rs`, `string.rs`, `bug.rs`, `semaphore.rs`, `rcu.rs`, `request.rs`, `wait.rs`, `delay.rs`, `timer.rs`, `hrtimer.rs`, `tasklet.rs`, `work.rs`, `kthread.rs`, `owner.rs`, `proc.rs`, `cdev.rs`, `seek.rs`, `fasync.rs`, `class.rs`, `device.rs`, `managed.rs`, `dev_printk.rs`, `kobject.rs`, `uevent.rs`, `environment.rs`, `description.rs`, `sysfs.rs`, `bus.rs`, `platform.rs`, `misc.rs`, `regions.rs`, `ioremap.rs`, `probe_irq.rs`, `debugfs.rs`, `kprobes.rs`, `kretprobes.rs` | the functions, a file a header |
//!
//! With `base/` the only home of `unsafe`. An exported function runs on the stack of the module that calls it: until it
//! returns no Rust value that owns something may be alive across a read or write of module memory, since a fault there
//! must not skip its end; all such accesses go by `foreign`, which answers errors instead.
//!
//! Lock order: the ledger's shards are leaves. Specification: the documents of Linux' core API; names by
//! Documentation/core-api and the man pages' section 9 as Debian has them.
#![cfg(target_os = "none")]
#![no_std]

extern crate alloc;

mod area_pages;
mod block;
mod bug;
mod bus;
mod cache;
mod calls;
mod capability;
mod cdev;
mod class;
mod containment;
mod debugfs;
mod delay;
mod description;
mod dev_printk;
mod device;
mod enter;
mod environment;
mod export;
mod fasync;
mod file;
mod foreign;
mod hexdump;
mod hrtimer;
mod interrupt;
mod ioremap;
mod iter;
mod kobject;
mod kprobe_layout;
mod kprobes;
mod kretprobes;
mod kthread;
mod layout;
mod ledger;
mod limits;
mod lock_class;
mod managed;
mod mapping;
mod memory;
mod misc;
mod mutex;
mod number;
mod objects;
mod owner;
mod page;
mod page_refs;
mod pages;
mod param;
mod param_files;
mod park;
mod percpu;
mod platform;
mod print;
mod probe_hit;
mod probe_irq;
mod probe_place;
mod probe_return;
mod probe_table;
mod proc;
mod random;
mod rcu;
mod redzone;
mod regions;
mod request;
mod rows;
mod runtime;
mod scan;
mod seek;
mod semaphore;
mod spin;
mod string;
mod sysfs;
mod table;
mod task;
mod tasklet;
mod text;
mod timer;
mod uevent;
mod user;
mod utsname;
mod va_list;
mod vm_flags;
mod wait;
mod watch;
mod work;

pub use watch::{on_fault, on_heartbeat, on_tick};

use abi::Result;

/// Makes modules loadable.
///
/// # Errors
/// `ENOMEM`.
pub fn init() -> Result<()> {
    export::on_full_stack(enter::stack_is_full);
    module::set_runtime(&runtime::Capi);
    module::init()?;
    containment::init()?;
    mapping::init()?;
    platform::init()?;
    regions::init()?;
    kprobes::init()?;
    trace::symbols::add_source(&module::ModuleSymbols)?;
    procfs::add_text(b"modules", 0o444, |(), out| module::show_modules(out))
}
