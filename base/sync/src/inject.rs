//! Fault injection: places that can be told to fail, so that error exits are tested. While none is, a place costs one
//! instruction that does nothing.
//!
//! A place fails by any of three orders: the n-th pass from now and an interval after it ([`Site::arm`], for tests beside
//! the code); by chance ([`Site::configure`], for the command line); the n-th pass of one thread at whatever place
//! ([`crate::thread::ExecState::fail_nth`], for `/proc/PID/fail-nth`). The last two spare interrupts and atomic sections.
//!
//! Specification: Linux' Documentation/fault-injection/fault-injection.rst.
use core::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};

use crate::statickey::StaticKey;

/// Some place is told to fail, or some thread.
pub static ARMED: StaticKey = StaticKey::new();
static EVER: AtomicBool = AtomicBool::new(false);

/// A place that can fail on demand.
pub struct Site {
    name: &'static str,
    /// Fails when this many more passes have gone by; 0: never.
    countdown: AtomicU32,
    /// After a failure the countdown starts again here; 0: fails once.
    interval: AtomicU32,
    hits: AtomicU32,
    /// By chance: of a hundred passes, so many fail.
    probability: AtomicU32,
    /// Every so many passes are looked at.
    every: AtomicU32,
    passes: AtomicU32,
    /// This much (bytes, pages) goes by unharmed first.
    space: AtomicI64,
    /// So many failures are left; negative: no end.
    times: AtomicI64,
}

/// What `failslab=` and its kin say: `interval,probability,space,times`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chance {
    /// Every so many passes may fail.
    pub interval: u32,
    /// Of a hundred of those, so many do.
    pub probability: u32,
    /// This much goes by unharmed first.
    pub space: u32,
    /// At most so many times; negative: no end.
    pub times: i32,
}

impl Chance {
    /// From the four numbers of the command line.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(',');
        let chance = Self {
            interval: words.next()?.parse().ok()?,
            probability: words.next()?.parse().ok()?,
            space: words.next()?.parse().ok()?,
            times: words.next()?.parse().ok()?,
        };
        words.next().is_none().then_some(chance)
    }
}

impl Site {
    /// A place; `name` is how it is switched on.
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            countdown: AtomicU32::new(0),
            interval: AtomicU32::new(0),
            hits: AtomicU32::new(0),
            probability: AtomicU32::new(0),
            every: AtomicU32::new(1),
            passes: AtomicU32::new(0),
            space: AtomicI64::new(0),
            times: AtomicI64::new(0),
        }
    }
    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }
    /// Makes the `nth` pass from now fail (1: the next), then every `interval`-th, or none more when that is 0.
    pub fn arm(&self, nth: u32, interval: u32) {
        self.interval.store(interval, Ordering::Relaxed);
        self.countdown.store(nth, Ordering::Relaxed);
        if nth != 0 {
            switch_on();
        }
    }
    /// Switches [`Self::arm`] off.
    pub fn disarm(&self) {
        self.arm(0, 0);
    }
    /// Makes it fail by chance.
    pub fn configure(&self, chance: Chance) {
        self.every.store(chance.interval.max(1), Ordering::Relaxed);
        self.space.store(chance.space.into(), Ordering::Relaxed);
        self.times.store(chance.times.into(), Ordering::Relaxed);
        self.probability
            .store(chance.probability, Ordering::Relaxed);
        switch_on();
    }
    /// How often it failed.
    pub fn hits(&self) -> u32 {
        self.hits.load(Ordering::Relaxed)
    }

    fn counted_down(&self) -> bool {
        let step = |n: u32| match n {
            0 => None,
            1 => Some(self.interval.load(Ordering::Relaxed)),
            n => Some(n - 1),
        };
        self.countdown
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, step)
            == Ok(1)
    }

    fn by_chance(&self, size: usize) -> bool {
        let probability = self.probability.load(Ordering::Relaxed);
        if probability == 0 || self.times.load(Ordering::Relaxed) == 0 {
            return false;
        }
        if self.space.load(Ordering::Relaxed) > size as i64 {
            self.space.fetch_sub(size as i64, Ordering::Relaxed);
            return false;
        }
        let pass = self.passes.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let looked_at = pass.is_multiple_of(self.every.load(Ordering::Relaxed));
        if !looked_at || random() % 100 >= u64::from(probability) {
            return false;
        }
        let one_less = |left: i64| match left {
            0 => None,
            left if left < 0 => Some(left),
            left => Some(left - 1),
        };
        let times = &self.times;
        times
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less)
            .is_ok()
    }
}

/// Lets places look whether they are to fail, from now on.
pub fn switch_on() {
    if !EVER.swap(true, Ordering::Relaxed) {
        ARMED.enable();
    }
}

/// Whether this pass of a place has to fail. `size` is what [`Chance::space`] counts.
#[inline]
pub fn should_fail(site: &Site, size: usize) -> bool {
    crate::static_branch!(ARMED) && pass(site, size)
}

#[cold]
fn pass(site: &Site, size: usize) -> bool {
    let fails = site.counted_down() || (in_quiet_task() && pass_of_task(site, size));
    if fails {
        site.hits.fetch_add(1, Ordering::Relaxed);
    }
    fails
}

/// In place of the passes that are left to a thread: it is spared.
const SPARED: u32 = u32::MAX;

/// Runs `f`, in which no place fails for the running thread: what the kernel does on its own account, where there is nobody to
/// tell an error.
pub fn spared<R>(f: impl FnOnce() -> R) -> R {
    let thread = match crate::static_branch!(ARMED) {
        true => crate::thread::current(),
        false => None,
    };
    let Some(thread) = thread else { return f() };
    let left = &thread.exec().fail_nth;
    let before = left.load(Ordering::Relaxed);
    left.store(SPARED, Ordering::Relaxed);
    let result = f();
    left.store(before, Ordering::Relaxed);
    result
}

/// Not in an interrupt, nor in an atomic section, nor with interrupts off.
fn in_quiet_task() -> bool {
    crate::context::may_sleep()
}

fn pass_of_task(site: &Site, size: usize) -> bool {
    if let Some(thread) = crate::thread::current() {
        let left = &thread.exec().fail_nth;
        let n = left.load(Ordering::Relaxed);
        if n == SPARED {
            return false;
        }
        if n != 0 {
            // Its own thread is the only one to count down.
            left.store(n - 1, Ordering::Relaxed);
            return n == 1;
        }
    }
    site.by_chance(size)
}

/// Good enough for chance (xorshift64*), and the same in every run.
fn random() -> u64 {
    static STATE: AtomicU64 = AtomicU64::new(0x9e37_79b9_7f4a_7c15);
    let mut x = STATE.load(Ordering::Relaxed);
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    STATE.store(x, Ordering::Relaxed);
    x.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fails_when_told() {
        let site = Site::new("test");
        assert!(!should_fail(&site, 1));
        site.arm(2, 0);
        assert_eq!(
            [(); 4].map(|()| should_fail(&site, 1)),
            [false, true, false, false]
        );
        site.arm(1, 2);
        assert_eq!(
            [(); 5].map(|()| should_fail(&site, 1)),
            [true, false, true, false, true]
        );
        site.disarm();
        assert!(!should_fail(&site, 1));
        assert_eq!(site.hits(), 4);
    }

    #[test]
    fn fails_by_chance() {
        let site = Site::new("test");
        let count = |n| (0..n).filter(|_| should_fail(&site, 10)).count();
        site.configure(Chance::parse("1,100,25,3").expect("four numbers"));
        assert_eq!(
            [(); 6].map(|()| should_fail(&site, 10)),
            [false, false, true, true, true, false],
            "25 units go by, then three fail"
        );
        site.configure(Chance::parse("4,100,0,-1").expect("four numbers"));
        assert_eq!(count(400), 100);
        site.configure(Chance::parse("1,30,0,-1").expect("four numbers"));
        assert!((200..400).contains(&count(1000)));
        site.configure(Chance::parse("1,0,0,-1").expect("four numbers"));
        assert_eq!(count(100), 0);
        for bad in ["", "1,2,3", "1,2,3,x", "1,2,3,4,5"] {
            assert_eq!(Chance::parse(bad), None);
        }
    }
}
