//! Fault injection: places that can be told to fail, so that error exits are tested. Off, a place costs one load.
//!
//! Follows the idea of Linux' Documentation/fault-injection: the n-th pass, then an interval.
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

static ANY: AtomicBool = AtomicBool::new(false);

/// A place that can fail on demand.
pub struct Site {
    name: &'static str,
    /// Fails when this many more passes have gone by; 0: never.
    countdown: AtomicU32,
    /// After a failure the countdown starts again here; 0: fails once.
    interval: AtomicU32,
    hits: AtomicU32,
}

impl Site {
    /// A place; `name` is how it is switched on.
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            countdown: AtomicU32::new(0),
            interval: AtomicU32::new(0),
            hits: AtomicU32::new(0),
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
            ANY.store(true, Ordering::Relaxed);
        }
    }
    /// Switches it off.
    pub fn disarm(&self) {
        self.arm(0, 0);
    }
    /// How often it failed.
    pub fn hits(&self) -> u32 {
        self.hits.load(Ordering::Relaxed)
    }
}

/// Whether this pass of `site` has to fail.
#[inline]
pub fn should_fail(site: &Site) -> bool {
    ANY.load(Ordering::Relaxed) && pass(site)
}

#[cold]
fn pass(site: &Site) -> bool {
    let step = |n: u32| {
        if n == 0 {
            None
        } else {
            Some(if n == 1 {
                site.interval.load(Ordering::Relaxed)
            } else {
                n - 1
            })
        }
    };
    let fails = site
        .countdown
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, step)
        == Ok(1);
    if fails {
        site.hits.fetch_add(1, Ordering::Relaxed);
    }
    fails
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fails_when_told() {
        let site = Site::new("test");
        assert!(!should_fail(&site));
        site.arm(2, 0);
        assert_eq!(
            [(); 4].map(|()| should_fail(&site)),
            [false, true, false, false]
        );
        site.arm(1, 2);
        assert_eq!(
            [(); 5].map(|()| should_fail(&site)),
            [true, false, true, false, true]
        );
        site.disarm();
        assert!(!should_fail(&site));
        assert_eq!(site.hits(), 4);
    }
}
