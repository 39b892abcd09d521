//! The clock discipline of adjtimex(2): what its modes set, and what becomes of it second by second. It knows no clock;
//! `adjust` tells it of seconds that have begun and hands its rate to the machine.
//!
//! Lengths are those of an interval, a [`HZ`]th of a second, in nanoseconds times 2^32, and are rounded as Linux rounds
//! them, since what was set is read back.
//!
//! Specification: adjtimex(2); D. Mills, RFC 1589 (A Kernel Model for Precision Timekeeping) and RFC 5905.
use crate::{HZ, NSEC_PER_SEC, USER_HZ};
use abi::timex::{
    ADJ_ADJTIME, ADJ_ESTERROR, ADJ_FREQUENCY, ADJ_MAXERROR, ADJ_MICRO, ADJ_NANO, ADJ_OFFSET,
    ADJ_OFFSET_READONLY, ADJ_STATUS, ADJ_TAI, ADJ_TICK, ADJ_TIMECONST, STA_CLOCKERR, STA_DEL,
    STA_FLL, STA_FREQHOLD, STA_INS, STA_MODE, STA_NANO, STA_PLL, STA_RONLY, STA_UNSYNC, Timex,
};

const INTERVALS: i64 = HZ as i64;
const NSEC_PER_USEC: i64 = 1000;
/// log2 of the loops' gains.
const SHIFT_PLL: u32 = 2;
const SHIFT_FLL: u32 = 2;
/// Seconds between two offsets below and above which a loop of the other kind takes over.
const FLL_SECONDS: (i64, i64) = (256, 2048);
/// Largest offset, in nanoseconds.
const MAX_OFFSET: i64 = 500_000_000;
/// Largest change of frequency, in nanoseconds per second (so 500 parts per million), and so scaled.
const MAX_FREQ: i64 = 500_000;
const MAX_FREQ_SCALED: i64 = MAX_FREQ << 32;
/// A unit of `timex.freq`, a millionth over 2^16, as a scaled frequency.
const FREQ_UNIT: i64 = NSEC_PER_USEC << 16;
/// Largest error that is counted, in microseconds.
const MAX_ERROR: i64 = (MAX_OFFSET / NSEC_PER_USEC) << 5;
const MAX_CONSTANT: i64 = 10;
const MAX_TAI: i64 = 100_000;
/// By how many microseconds a second adjtime(3) moves the clock.
const SLEW_USEC: i64 = 500;
const DAY: i64 = 86400;

/// What adjtimex(2) answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Ok = 0,
    /// A leap second comes at the end of the day, or one is left out.
    Insert = 1,
    Delete = 2,
    /// The leap second.
    Leap = 3,
    /// It is over, and whoever announced it has not taken that back.
    Wait = 4,
    Error = 5,
}

/// The discipline.
#[derive(Debug)]
pub(crate) struct Ntp {
    /// The last second of realtime that it was told of.
    second: i64,
    state: State,
    status: i32,
    /// Microseconds in a [`USER_HZ`]th of a second.
    tick: i64,
    /// Nanoseconds per second, scaled.
    freq: i64,
    /// What is left of an offset, per interval, scaled.
    offset: i64,
    constant: i64,
    maxerror: i64,
    esterror: i64,
    /// When the last offset came.
    reference: i64,
    /// What is left of adjtime(3), in microseconds.
    adjust: i64,
    /// An interval without and with what is on its way.
    base: i64,
    length: i64,
    /// The second before which the leap second stands.
    leap_at: i64,
    tai: i64,
}

impl Ntp {
    pub(crate) const fn new() -> Self {
        let base = interval(USER_TICK, 0);
        Self {
            second: 0,
            state: State::Ok,
            status: STA_UNSYNC,
            tick: USER_TICK,
            freq: 0,
            offset: 0,
            constant: 2,
            maxerror: MAX_ERROR,
            esterror: MAX_ERROR,
            reference: 0,
            adjust: 0,
            base,
            length: base,
            leap_at: i64::MAX,
            tai: 0,
        }
    }

    /// How long a second of the machine's counter is, in nanoseconds times 2^32.
    pub(crate) fn second_length(&self) -> u64 {
        (self.length * INTERVALS) as u64
    }
    /// Seconds from UTC to TAI.
    pub(crate) fn tai(&self) -> i64 {
        self.tai
    }

    /// Whether the next second brings anything but a larger error.
    pub(crate) fn is_active(&self) -> bool {
        self.length != self.base
            || self.adjust != 0
            || self.chunk() != 0
            || self.state != State::Ok
            || self.status & (STA_INS | STA_DEL) != 0
    }

    /// The clock was set to this second: all that was under way is off.
    pub(crate) fn clear(&mut self, second: i64) {
        self.second = second;
        self.adjust = 0;
        self.status |= STA_UNSYNC;
        self.maxerror = MAX_ERROR;
        self.esterror = MAX_ERROR;
        self.base = interval(self.tick, self.freq);
        self.length = self.base;
        self.offset = 0;
        self.leap_at = i64::MAX;
    }

    /// The next second that has not been told yet, up to `now`; by how much realtime then leaps, in seconds. `None`: it
    /// knows all.
    pub(crate) fn next_second(&mut self, now: i64) -> Option<i64> {
        if self.second >= now {
            return None;
        }
        let told = if self.is_active() {
            self.second + 1
        } else {
            now
        };
        self.grow_error(told - self.second);
        self.second = told;
        let leap = self.leap();
        self.second += leap;
        self.tai -= leap;
        let chunk = self.chunk();
        self.offset -= chunk;
        let slew = self.adjust.clamp(-SLEW_USEC, SLEW_USEC);
        self.adjust -= slew;
        self.length = self.base + chunk + ((slew * NSEC_PER_USEC / INTERVALS) << 32);
        Some(leap)
    }

    fn grow_error(&mut self, seconds: i64) {
        self.maxerror += seconds * (MAX_FREQ / NSEC_PER_USEC);
        if self.maxerror > MAX_ERROR {
            self.maxerror = MAX_ERROR;
            self.status |= STA_UNSYNC;
        }
    }

    /// How much of the offset goes into the coming second.
    fn chunk(&self) -> i64 {
        shift_right(self.offset, SHIFT_PLL + self.constant as u32)
    }

    fn leap(&mut self) -> i64 {
        let (now, status) = (self.second, self.status);
        let mut leap = 0;
        match self.state {
            State::Ok if status & STA_INS != 0 => {
                self.state = State::Insert;
                self.leap_at = now + DAY - now % DAY;
            }
            State::Ok if status & STA_DEL != 0 => {
                self.state = State::Delete;
                self.leap_at = now + DAY - (now + 1) % DAY;
            }
            State::Insert if status & STA_INS == 0 => self.no_leap(State::Ok),
            State::Insert if now == self.leap_at => {
                leap = -1;
                self.state = State::Leap;
                trace::pr_notice!("Clock: inserting leap second 23:59:60 UTC");
            }
            State::Delete if status & STA_DEL == 0 => self.no_leap(State::Ok),
            State::Delete if now == self.leap_at => {
                leap = 1;
                self.no_leap(State::Wait);
                trace::pr_notice!("Clock: deleting leap second 23:59:59 UTC");
            }
            State::Leap => self.no_leap(State::Wait),
            State::Wait if status & (STA_INS | STA_DEL) == 0 => self.state = State::Ok,
            _ => {}
        }
        leap
    }

    fn no_leap(&mut self, state: State) {
        self.leap_at = i64::MAX;
        self.state = state;
    }

    /// Does what `timex.modes` says, checked already, and fills the answer in; `now_ns` is the time, the second that it lies
    /// in told.
    pub(crate) fn adjust(&mut self, timex: &mut Timex, now_ns: u64) -> State {
        let now = (now_ns / NSEC_PER_SEC) as i64;
        if timex.modes & ADJ_ADJTIME != 0 {
            let left = self.adjust;
            if timex.modes & ADJ_OFFSET_READONLY == 0 {
                self.adjust = timex.offset;
                self.renew_base();
            }
            timex.offset = left;
        } else {
            if timex.modes != 0 {
                self.set(timex, now);
            }
            let offset = shift_right(self.offset * INTERVALS, 32);
            timex.offset = if self.is_nano() {
                offset
            } else {
                offset / NSEC_PER_USEC
            };
        }
        self.tell(timex, now_ns)
    }

    fn tell(&self, timex: &mut Timex, now_ns: u64) -> State {
        let now = (now_ns / NSEC_PER_SEC) as i64;
        let nanos = (now_ns % NSEC_PER_SEC) as i64;
        let mut state = self.state;
        timex.freq = shift_right(self.freq, 16) / NSEC_PER_USEC;
        timex.maxerror = self.maxerror;
        timex.esterror = self.esterror;
        timex.status = self.status;
        timex.constant = self.constant;
        timex.precision = 1;
        timex.tolerance = MAX_FREQ_SCALED / FREQ_UNIT;
        timex.tick = self.tick;
        timex.tai = self.tai as i32;
        // There is no pulse per second.
        (timex.ppsfreq, timex.jitter, timex.shift, timex.stabil) = (0, 0, 0, 0);
        (timex.jitcnt, timex.calcnt, timex.errcnt, timex.stbcnt) = (0, 0, 0, 0);
        timex.time.tv_sec = now;
        timex.time.tv_usec = if self.is_nano() {
            nanos
        } else {
            nanos / NSEC_PER_USEC
        };
        if self.status & (STA_UNSYNC | STA_CLOCKERR) != 0 {
            state = State::Error;
        }
        state
    }

    fn is_nano(&self) -> bool {
        self.status & STA_NANO != 0
    }

    fn set(&mut self, timex: &Timex, now: i64) {
        let has = |mode| timex.modes & mode != 0;
        if has(ADJ_STATUS) {
            self.set_status(timex.status, now);
        }
        if has(ADJ_NANO) {
            self.status |= STA_NANO;
        }
        if has(ADJ_MICRO) {
            self.status &= !STA_NANO;
        }
        if has(ADJ_FREQUENCY) {
            self.freq = timex
                .freq
                .saturating_mul(FREQ_UNIT)
                .clamp(-MAX_FREQ_SCALED, MAX_FREQ_SCALED);
        }
        if has(ADJ_MAXERROR) {
            self.maxerror = timex.maxerror.clamp(0, MAX_ERROR);
        }
        if has(ADJ_ESTERROR) {
            self.esterror = timex.esterror.clamp(0, MAX_ERROR);
        }
        if has(ADJ_TIMECONST) {
            let finer = if self.is_nano() { 0 } else { 4 };
            self.constant = (timex.constant.clamp(0, MAX_CONSTANT) + finer).min(MAX_CONSTANT);
        }
        if has(ADJ_TAI) && (0..=MAX_TAI).contains(&timex.constant) {
            self.tai = timex.constant;
        }
        if has(ADJ_OFFSET) {
            self.set_offset(timex.offset, now);
        }
        if has(ADJ_TICK) {
            self.tick = timex.tick;
        }
        if has(ADJ_TICK | ADJ_FREQUENCY | ADJ_OFFSET) {
            self.renew_base();
        }
    }

    fn set_status(&mut self, status: i32, now: i64) {
        let (was, is) = (self.status & STA_PLL != 0, status & STA_PLL != 0);
        if was && !is {
            self.no_leap(State::Ok);
            self.status = STA_UNSYNC;
        }
        if !was && is {
            self.reference = now;
        }
        self.status = self.status & STA_RONLY | status & !STA_RONLY;
    }

    /// An offset in the units of the status: the loop divides it between the phase and the frequency.
    fn set_offset(&mut self, offset: i64, now: i64) {
        if self.status & STA_PLL == 0 {
            return;
        }
        let offset = if self.is_nano() {
            offset
        } else {
            offset.clamp(-1_000_000, 1_000_000) * NSEC_PER_USEC
        };
        let offset = offset.clamp(-MAX_OFFSET, MAX_OFFSET);
        let seconds = if self.status & STA_FREQHOLD != 0 {
            0
        } else {
            now - self.reference
        };
        self.reference = now;
        let by_frequency = self.frequency_loop(offset, seconds);
        let longest = 1 << (SHIFT_PLL + 1 + self.constant as u32);
        let gain = 2 * (SHIFT_PLL + 2 + self.constant as u32);
        let by_phase = (offset * seconds.min(longest)) << (32 - gain);
        let freq = self.freq.saturating_add(by_frequency + by_phase);
        self.freq = freq.clamp(-MAX_FREQ_SCALED, MAX_FREQ_SCALED);
        self.offset = (offset << 32) / INTERVALS;
    }

    fn frequency_loop(&mut self, offset: i64, seconds: i64) -> i64 {
        self.status &= !STA_MODE;
        let (least, most) = FLL_SECONDS;
        if seconds < least || self.status & STA_FLL == 0 && seconds <= most {
            return 0;
        }
        self.status |= STA_MODE;
        (offset << (32 - SHIFT_FLL)) / seconds
    }

    /// The interval after a change of tick or frequency; what is on its way stays.
    fn renew_base(&mut self) {
        let base = interval(self.tick, self.freq);
        self.length += base - self.base;
        self.base = base;
    }
}

/// The tick that is right: 10 ms.
const USER_TICK: i64 = 1_000_000 / USER_HZ as i64;

/// The length of an interval.
const fn interval(tick_usec: i64, freq: i64) -> i64 {
    (((tick_usec * NSEC_PER_USEC * USER_HZ as i64) << 32) + freq) / INTERVALS
}

/// Shifted to the right towards zero.
const fn shift_right(value: i64, by: u32) -> i64 {
    if value < 0 {
        -(-value >> by)
    } else {
        value >> by
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn told() -> Ntp {
        let mut ntp = Ntp::new();
        assert_eq!(ntp.next_second(NOW), Some(0));
        assert_eq!(ntp.next_second(NOW), None);
        ntp
    }
    fn ask(ntp: &mut Ntp, timex: Timex) -> (Timex, State) {
        let mut timex = timex;
        let state = ntp.adjust(&mut timex, ntp.second as u64 * NSEC_PER_SEC + 123_456_789);
        (timex, state)
    }
    /// By how many nanoseconds a second of the counter is longer than a second.
    fn excess(ntp: &Ntp) -> i64 {
        ((i128::from(ntp.second_length()) - (1_000_000_000i128 << 32)) >> 32) as i64
    }
    fn seconds(ntp: &mut Ntp, count: i64) -> i64 {
        (0..count)
            .map(|_| {
                ntp.next_second(ntp.second + 1).expect("a new second");
                excess(ntp)
            })
            .sum()
    }

    #[test]
    fn a_fresh_clock_is_not_synchronised() {
        let (timex, state) = ask(&mut told(), Timex::default());
        assert_eq!(state, State::Error);
        assert_eq!(
            (timex.status, timex.tick, timex.constant),
            (STA_UNSYNC, 10_000, 2)
        );
        assert_eq!((timex.maxerror, timex.tolerance), (16_000_000, 32_768_000));
        assert_eq!((timex.time.tv_sec, timex.time.tv_usec), (NOW, 123_456));
        assert!(!told().is_active());
    }

    #[test]
    fn frequency_and_tick_change_the_rate_for_good() {
        let mut ntp = told();
        let timex = Timex {
            modes: ADJ_FREQUENCY | ADJ_TICK,
            freq: 100 << 16,
            tick: 9_999,
            ..Timex::default()
        };
        assert_eq!(ask(&mut ntp, timex).0.freq, 100 << 16);
        assert_eq!(excess(&ntp), -100_000 + 100_000);
        let timex = Timex {
            modes: ADJ_FREQUENCY,
            freq: -(600 << 16),
            ..Timex::default()
        };
        assert_eq!(ask(&mut ntp, timex).0.freq, -(500 << 16));
        assert!(!ntp.is_active());
        assert_eq!(seconds(&mut ntp, 3), 3 * (-100_000 - 500_000));
    }

    #[test]
    fn adjtime_slews() {
        let mut ntp = told();
        let timex = Timex {
            modes: ADJ_ADJTIME | ADJ_OFFSET,
            offset: -1_200,
            ..Timex::default()
        };
        assert_eq!(ask(&mut ntp, timex).0.offset, 0);
        assert!(ntp.is_active());
        assert_eq!(seconds(&mut ntp, 1), -500_000);
        let look = Timex {
            modes: ADJ_ADJTIME | ADJ_OFFSET | ADJ_OFFSET_READONLY,
            ..Timex::default()
        };
        assert_eq!(ask(&mut ntp, look).0.offset, -700);
        assert_eq!(seconds(&mut ntp, 2), -700_000);
        assert!(ntp.is_active(), "the rate is still that of the last piece");
        assert_eq!(seconds(&mut ntp, 1), 0);
        assert!(!ntp.is_active());
    }

    #[test]
    fn the_loop_takes_an_offset_in() {
        let mut ntp = told();
        let timex = Timex {
            modes: ADJ_STATUS | ADJ_OFFSET | ADJ_TIMECONST | ADJ_NANO,
            status: STA_PLL,
            offset: 4_000_000,
            constant: 0,
            ..Timex::default()
        };
        let (timex, state) = ask(&mut ntp, timex);
        assert_eq!((timex.offset, state), (4_000_000, State::Ok));
        assert_eq!(seconds(&mut ntp, 1), 1_000_000);
        assert_eq!(ask(&mut ntp, Timex::default()).0.offset, 3_000_000);
        // The second offset comes a second after the first, and so says something of the frequency.
        let timex = Timex {
            modes: ADJ_OFFSET,
            offset: 1_024,
            ..Timex::default()
        };
        assert!(ask(&mut ntp, timex).0.freq > 0);
        // Without the loop an offset is nothing.
        let timex = Timex {
            modes: ADJ_STATUS | ADJ_OFFSET | ADJ_MAXERROR,
            offset: 77,
            ..Timex::default()
        };
        ask(&mut ntp, timex);
        seconds(&mut ntp, 100);
        let (timex, state) = ask(&mut ntp, Timex::default());
        assert_eq!((timex.offset, state), (0, State::Ok));
    }

    #[test]
    fn errors_grow_until_nobody_trusts_the_clock() {
        let mut ntp = told();
        let timex = Timex {
            modes: ADJ_STATUS | ADJ_MAXERROR | ADJ_ESTERROR,
            maxerror: 1_000,
            esterror: -3,
            ..Timex::default()
        };
        let (timex, state) = ask(&mut ntp, timex);
        assert_eq!(
            (timex.maxerror, timex.esterror, state),
            (1_000, 0, State::Ok)
        );
        assert_eq!(ntp.next_second(ntp.second + 10), Some(0));
        assert_eq!(ask(&mut ntp, Timex::default()).0.maxerror, 6_000);
        assert_eq!(ntp.next_second(ntp.second + 40_000), Some(0));
        assert_eq!(ask(&mut ntp, Timex::default()).1, State::Error);
        ntp.clear(5);
        assert_eq!(ntp.next_second(5), None);
    }

    #[test]
    fn leap_seconds() {
        for (announce, leap) in [(STA_INS, -1), (STA_DEL, 1)] {
            let mut ntp = told();
            let timex = Timex {
                modes: ADJ_STATUS | ADJ_TAI,
                status: announce,
                constant: 37,
                ..Timex::default()
            };
            ask(&mut ntp, timex);
            let mut leaps = Vec::new();
            for _ in 0..=DAY {
                match ntp.next_second(ntp.second + 1) {
                    Some(0) => {}
                    Some(leap) => leaps.push((leap, ntp.second % DAY)),
                    None => unreachable!("told twice"),
                }
            }
            // Before midnight a second comes again; or the last second of the day is not there.
            let place = if leap < 0 { DAY - 1 } else { 0 };
            assert_eq!(leaps, [(leap, place)]);
            assert_eq!(i64::from(ask(&mut ntp, Timex::default()).0.tai), 37 - leap);
            assert_eq!(ntp.state, State::Wait);
            let quiet = Timex {
                modes: ADJ_STATUS,
                ..Timex::default()
            };
            ask(&mut ntp, quiet);
            seconds(&mut ntp, 1);
            assert!(!ntp.is_active());
        }
    }
}
