//! x86-64. Specification: Intel SDM volume 3 (system programming), AMD64 APM volume 2, the Xen PVH boot ABI, ACPI 6.5.
//!
//! | part | files |
//! |---|---|
//! | per-CPU header, the CPU itself | `percpu`, [`cpu`], [`irq`], [`preempt`], [`current`] |
//! | start of day | [`boot`], `boot.s`, `memmap`, `directmap`, [`fixmap`], `descriptors` |
//! | ways in and out of the kernel | [`traps`], [`user`], [`context`], [`fpu`], `entry.s`, [`uaccess`], `extable` |
//! | interrupt controllers and time | [`apic`], [`timer`], [`clock`] |
//! | other CPUs | [`smp`] |
//! | devices the machine can't be without | [`serial`], [`console`], [`power`] |

pub mod boot;
pub mod context;
pub mod cpu;
pub mod current;
pub mod irq;
pub mod paging;
mod percpu;
pub mod port;
pub mod preempt;
pub mod registers;
pub use self::stubs::*;
mod stubs {
    /// The monotonic clock.
    pub mod clock {
        /// Nanoseconds since start.
        pub fn now_ns() -> u64 {
            0
        }
        /// Nanoseconds since the epoch at which [`now_ns`] was 0.
        pub fn boot_realtime_ns() -> u64 {
            0
        }
    }
    /// Random numbers.
    pub mod random {
        /// 64 bits of seed.
        pub fn seed_u64() -> u64 {
            0
        }
    }
    /// Console.
    pub mod console {
        /// Writes bytes.
        pub fn write(_bytes: &[u8]) {}
    }
}
