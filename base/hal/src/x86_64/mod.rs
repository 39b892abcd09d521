//! x86-64. Specification: Intel SDM volume 3 (system programming), AMD64 APM volume 2, the Xen PVH boot ABI, ACPI 6.5.
//!
//! | part | files |
//! |---|---|
//! | per-CPU header, the CPU itself | `percpu`, [`cpu`], `control`, [`registers`], [`port`], [`irq`], [`preempt`], [`current`], [`held`] |
//! | start of day | [`boot`], `boot.s`, `memmap`, `directmap`, `fixmap`, `descriptors`, [`patch`], `early` |
//! | ways in and out of the kernel | `frame`, [`traps`], [`user`], [`context`], [`fpu`], [`landing`], [`checkpoint`], [`capture`], `entry.s`, [`uaccess`], `extable` |
//! | interrupt controllers and time | [`apic`], [`timer`], [`clock`], [`vdso`], [`heartbeat`] |
//! | other CPUs | [`smp`] |
//! | deliberate faults, debuggers | [`provoke`], [`debugger`] |
//! | devices the machine can't be without | [`serial`], [`console`], [`power`] |

mod acpi;
pub mod apic;
pub mod backtrace;
pub mod boot;
pub mod capture;
pub mod checkpoint;
pub mod clock;
pub mod console;
pub mod context;
mod control;
pub mod cpu;
pub mod current;
pub mod debugger;
mod descriptors;
pub mod directmap;
mod early;
mod extable;
mod fixmap;
pub mod fpu;
mod frame;
pub mod heartbeat;
pub mod held;
pub mod irq;
pub mod landing;
mod once;
pub mod paging;
pub mod patch;
mod percpu;
mod pic;
pub mod port;
pub mod power;
pub mod preempt;
pub mod provoke;
pub mod random;
pub mod registers;
pub mod serial;
pub mod smp;
pub mod timer;
pub mod traps;
pub mod uaccess;
pub mod user;
pub mod vdso;
pub mod watch;

pub(crate) use once::Once;
pub use patch::text_poke;
