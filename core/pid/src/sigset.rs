//! Signal numbers and sets of them (signal(7)).

/// A signal's number, 1 to [`MAX_SIGNAL`].
pub type Signal = u32;
/// The highest signal number; `_NSIG` of the kernel interface.
pub const MAX_SIGNAL: Signal = 64;
/// The first real-time signal as the kernel counts (the C library keeps two for itself).
pub const RT_MIN: Signal = 32;

/// Signal numbers of x86-64.
pub mod signals {
    use super::Signal;
    macro_rules! numbers {
        ($($name:ident = $value:literal)*) => { $(#[doc = stringify!($name)] pub const $name: Signal = $value;)* };
    }
    numbers! {
        SIGHUP = 1 SIGINT = 2 SIGQUIT = 3 SIGILL = 4 SIGTRAP = 5 SIGABRT = 6 SIGBUS = 7 SIGFPE = 8 SIGKILL = 9
        SIGUSR1 = 10 SIGSEGV = 11 SIGUSR2 = 12 SIGPIPE = 13 SIGALRM = 14 SIGTERM = 15 SIGSTKFLT = 16 SIGCHLD = 17
        SIGCONT = 18 SIGSTOP = 19 SIGTSTP = 20 SIGTTIN = 21 SIGTTOU = 22 SIGURG = 23 SIGXCPU = 24 SIGXFSZ = 25
        SIGVTALRM = 26 SIGPROF = 27 SIGWINCH = 28 SIGIO = 29 SIGPWR = 30 SIGSYS = 31
    }
}
use signals::*;

/// A set of signals: bit `n - 1` stands for signal `n`, as in `sigset_t` of the kernel interface.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct SigSet(pub u64);

impl SigSet {
    /// No signal.
    pub const EMPTY: Self = Self(0);
    /// Every signal.
    pub const ALL: Self = Self(!0);
    /// The two that can be neither blocked, caught nor ignored.
    pub const UNBLOCKABLE: Self = Self::of(&[SIGKILL, SIGSTOP]);
    /// Stop signals (default action: stop).
    pub const STOP: Self = Self::of(&[SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU]);
    /// Default action: nothing.
    pub const DEFAULT_IGNORE: Self = Self::of(&[SIGCONT, SIGCHLD, SIGWINCH, SIGURG]);
    /// Default action: end with a core image.
    pub const CORE: Self = Self::of(&[
        SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGFPE, SIGSEGV, SIGBUS, SIGSYS, SIGXCPU, SIGXFSZ,
    ]);
    /// Raised by the processor for the instruction at hand: taken before all others.
    pub const SYNCHRONOUS: Self = Self::of(&[SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGSYS]);

    /// The set of one signal.
    #[inline]
    pub const fn one(sig: Signal) -> Self {
        Self(1 << (sig - 1))
    }

    /// The set of the signals in a slice.
    pub const fn of(list: &[Signal]) -> Self {
        let mut bits = 0;
        let mut i = 0;
        while i < list.len() {
            bits |= 1 << (list[i] - 1);
            i += 1;
        }
        Self(bits)
    }

    /// Whether a signal is in the set.
    #[inline]
    pub const fn contains(self, sig: Signal) -> bool {
        self.0 >> (sig - 1) & 1 != 0
    }
    /// Adds one signal.
    #[inline]
    pub const fn add(&mut self, sig: Signal) {
        self.0 |= 1 << (sig - 1);
    }
    /// Takes one signal out.
    #[inline]
    pub const fn del(&mut self, sig: Signal) {
        self.0 &= !(1 << (sig - 1));
    }
    /// In one or the other.
    #[inline]
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
    /// In both.
    #[inline]
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
    /// In this one but not in the other.
    #[inline]
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
    /// Whether no signal is in it.
    #[inline]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// The signal that is delivered first: synchronous ones first, then the lowest number.
    pub const fn first(self) -> Option<Signal> {
        let sync = self.0 & Self::SYNCHRONOUS.0;
        let from = if sync != 0 { sync } else { self.0 };
        if from == 0 {
            None
        } else {
            Some(from.trailing_zeros() + 1)
        }
    }
    /// All members, lowest first.
    pub fn iter(self) -> impl Iterator<Item = Signal> {
        let mut bits = self.0;
        core::iter::from_fn(move || {
            let n = bits.trailing_zeros();
            bits &= bits.wrapping_sub(1);
            (n < 64).then_some(n + 1)
        })
    }
}

/// Whether a number names a signal.
pub const fn is_signal(sig: i32) -> bool {
    sig >= 1 && sig <= MAX_SIGNAL as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_of_delivery() {
        let mut set = SigSet::of(&[SIGTERM, SIGHUP, 40]);
        assert_eq!(set.first(), Some(SIGHUP));
        set.add(SIGSEGV);
        assert_eq!(set.first(), Some(SIGSEGV));
        assert_eq!(SigSet::EMPTY.first(), None);
        assert_eq!(SigSet::one(64).first(), Some(64));
    }

    #[test]
    fn members() {
        let set = SigSet::of(&[1, 9, 64]);
        assert!(set.iter().eq([1, 9, 64]));
        assert!(set.contains(64) && !set.contains(63));
        assert_eq!(set.minus(SigSet::UNBLOCKABLE), SigSet::of(&[1, 64]));
    }
}
