//! The stand-in over std: a "CPU" is a number each thread draws, interrupts are a thread-local flag.
use core::cell::Cell;
use std::io::Write;
use std::sync::OnceLock;
use std::time::Instant;

std::thread_local! {
    static PREEMPT_COUNT: Cell<u32> = const { Cell::new(0) };
    static IRQ_ON: Cell<bool> = const { Cell::new(true) };
    static CURRENT: Cell<[*const (); 3]> = const { Cell::new([core::ptr::null(); 3]) };
}

/// The CPU one runs on.
pub mod cpu {
    use core::sync::atomic::{AtomicUsize, Ordering};

    static NEXT: AtomicUsize = AtomicUsize::new(0);
    std::thread_local! {
        static ID: usize = NEXT.fetch_add(1, Ordering::Relaxed) % crate::MAX_CPUS;
    }
    /// This CPU's number, 0 to [`crate::MAX_CPUS`] - 1. Stable only while preemption is off.
    pub fn id() -> usize {
        ID.with(|id| *id)
    }
    /// How many CPUs are online.
    pub fn online() -> usize {
        crate::MAX_CPUS
    }
    /// Tells the CPU that this is a spin loop. Hosted: gives the time slice away, since the lock's holder may be off.
    pub fn relax() {
        std::thread::yield_now();
    }
}

/// Interrupts of this CPU.
pub mod irq {
    use super::IRQ_ON;
    /// What the interrupt flag was.
    #[derive(Clone, Copy, Debug)]
    pub struct Saved(bool);
    /// Turns interrupts off and says what they were.
    #[inline]
    pub fn disable() -> Saved {
        Saved(IRQ_ON.replace(false))
    }
    /// Puts the flag back to what [`disable`] found.
    #[inline]
    pub fn restore(saved: Saved) {
        IRQ_ON.set(saved.0);
    }
    /// Turns interrupts on, whatever they were.
    #[inline]
    pub fn enable() {
        IRQ_ON.set(true);
    }
    /// Whether interrupts are on.
    #[inline]
    pub fn enabled() -> bool {
        IRQ_ON.get()
    }
}

/// No user mode here.
pub mod user {
    /// Whether this CPU's last interrupt came from user mode.
    #[must_use]
    pub const fn interrupted() -> bool {
        false
    }
}

/// The preemption count and the wish to reschedule, per CPU.
pub mod preempt {
    use super::PREEMPT_COUNT;
    /// One level of "preemption off".
    pub const PREEMPT: u32 = 1;
    /// One level of softirq processing or of "softirqs off".
    pub const SOFTIRQ: u32 = 0x100;
    /// As on the machine.
    pub const SOFTIRQS_OFF: u32 = 2 * SOFTIRQ;
    /// One level of hard interrupt handling.
    pub const HARDIRQ: u32 = 0x1_0000;
    /// In a non-maskable interrupt.
    pub const NMI: u32 = 0x10_0000;

    /// The whole count; 0 means a task that may sleep and be preempted.
    #[inline]
    pub fn count() -> u32 {
        PREEMPT_COUNT.get()
    }
    /// Adds `n` (a sum of the constants above).
    #[inline]
    pub fn add(n: u32) {
        PREEMPT_COUNT.set(PREEMPT_COUNT.get() + n);
    }
    /// Takes `n` off again.
    #[inline]
    pub fn sub(n: u32) {
        PREEMPT_COUNT.set(PREEMPT_COUNT.get() - n);
    }
    /// Whether this CPU should call the scheduler soon.
    #[inline]
    pub fn need_resched() -> bool {
        false
    }
    /// Notes that this CPU should call the scheduler soon.
    #[inline]
    pub fn set_need_resched() {}
    /// Forgets the wish.
    #[inline]
    pub fn clear_need_resched() {}
}

/// A short stack of triples of words per CPU. Hosted threads may share a "CPU", and keep none.
pub mod held {
    /// Most triples.
    pub const MAX: usize = 24;
    /// Puts a triple on the stack; false when it is full.
    #[inline]
    #[must_use]
    pub fn push(_first: usize, _second: usize, _third: usize) -> bool {
        true
    }
    /// Takes the uppermost triple with this second word off.
    #[inline]
    pub fn pop(_second: usize) {}
    /// How many there are.
    #[inline]
    #[must_use]
    pub fn depth() -> usize {
        0
    }
    /// The triple at `index` from the bottom.
    #[must_use]
    pub fn get(_index: usize) -> Option<[usize; 3]> {
        None
    }
    /// Forgets all but the `keep` lowest.
    pub fn truncate(_keep: usize) {}
}

/// The monotonic clock and the one seam through which time enters the kernel (a replay would feed it).
pub mod clock {
    use super::{Instant, OnceLock};
    use core::sync::atomic::AtomicU64;
    /// Nanoseconds since start.
    #[inline]
    pub fn now_ns() -> u64 {
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed().as_nanos() as u64
    }
    /// The same: nobody steers the host's clock.
    pub fn raw_ns() -> u64 {
        now_ns()
    }
    /// Nanoseconds from tick to tick.
    pub const TICK_NS: u64 = 4_000_000;
    /// Realtime minus the monotonic clock, which `time` keeps.
    pub fn realtime_offset() -> &'static AtomicU64 {
        static OFFSET: AtomicU64 = AtomicU64::new(0);
        &OFFSET
    }
    /// TAI minus realtime, which `time` keeps.
    pub fn tai_offset() -> &'static AtomicU64 {
        static OFFSET: AtomicU64 = AtomicU64::new(0);
        &OFFSET
    }
    /// Nanoseconds since the epoch at which [`now_ns`] was 0.
    pub fn boot_realtime_ns() -> u64 {
        1_767_225_600_000_000_000
    }
}

/// Random numbers from the machine; the second seam of a replay.
pub mod random {
    use core::sync::atomic::{AtomicU64, Ordering};
    /// 64 bits of seed; hosted: a fixed sequence, so that a test repeats.
    pub fn seed_u64() -> u64 {
        static STATE: AtomicU64 = AtomicU64::new(0x9e37_79b9_7f4a_7c15);
        STATE
            .fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed)
            .wrapping_mul(0xbf58_476d_1ce4_e5b9)
    }
}

/// Three words per CPU that name the running thread and its state for `sync`; `sync::thread` gives them types.
pub mod current {
    use super::CURRENT;
    /// The first two words.
    #[inline]
    pub fn get() -> [*const (); 2] {
        let [first, second, _] = CURRENT.get();
        [first, second]
    }
    /// The third word.
    #[inline]
    pub fn third() -> *const () {
        CURRENT.get()[2]
    }
    /// Sets them.
    ///
    /// # Safety
    /// They must stay valid for as long as they are set, in the sense that `sync::current` gives them.
    #[inline]
    pub unsafe fn set(words: [*const (); 3]) {
        CURRENT.set(words);
    }
}

/// The early console.
pub mod console {
    use super::Write;
    /// Writes bytes at once, without locks; hosted: to standard error.
    pub fn write(bytes: &[u8]) {
        let _ = std::io::stderr().write_all(bytes);
    }
}
