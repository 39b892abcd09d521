//! Timers: retransmission (RFC 6298), probes, keep-alive (RFC 9293, 3.8.4), TIME-WAIT. Times are nanoseconds of a clock that
//! goes on.
use crate::seq::Seq;

const SECOND: u64 = 1_000_000_000;
/// The first, the least and the longest time until a segment is sent again.
const RTO_FIRST: u64 = SECOND;
const RTO_LEAST: u64 = SECOND / 5;
pub(crate) const RTO_MOST: u64 = 120 * SECOND;
/// How long a closed connection stays to answer what is late.
const TIME_WAIT: u64 = 60 * SECOND;
/// How long part of a segment is kept back for more.
pub(crate) const CORKED: u64 = SECOND / 5;

/// How it is found out whether the other side is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// After so much silence, and then so often, it is asked, in nanoseconds.
    pub idle: u64,
    /// Between two questions.
    pub interval: u64,
    /// As many go unanswered.
    pub count: u32,
}

pub(crate) struct Timers {
    pub(crate) retransmit_at: Option<u64>,
    pub(crate) tries: u32,
    /// Since when what waits for an answer does.
    pub(crate) since: u64,
    pub(crate) rto: u64,
    /// Smoothed round-trip time and its variation; 0 before the first was measured.
    srtt: u64,
    rttvar: u64,
    /// The segment that is timed, by the number behind it, and when it was sent.
    pub(crate) timed: Option<(Seq, u64)>,
    pub(crate) probe_at: Option<u64>,
    pub(crate) probes: u32,
    pub(crate) keep: Option<KeepAlive>,
    pub(crate) heard_at: u64,
    pub(crate) asked: u32,
    pub(crate) end_at: Option<u64>,
    pub(crate) linger: Option<u64>,
    pub(crate) cork_at: Option<u64>,
    pub(crate) patience: Option<u64>,
}

impl Timers {
    pub(crate) const fn new() -> Self {
        Self {
            retransmit_at: None,
            tries: 0,
            since: 0,
            rto: RTO_FIRST,
            srtt: 0,
            rttvar: 0,
            timed: None,
            probe_at: None,
            probes: 0,
            keep: None,
            heard_at: 0,
            asked: 0,
            end_at: None,
            linger: None,
            cork_at: None,
            patience: None,
        }
    }

    /// A segment went out whose numbers end before `end`; `fresh`: for the first time.
    pub(crate) fn sent(&mut self, end: Seq, fresh: bool, now: u64) {
        if self.retransmit_at.is_none() {
            self.retransmit_at = Some(now.saturating_add(self.rto));
            self.since = now;
        }
        match fresh {
            true if self.timed.is_none() => self.timed = Some((end, now)),
            true => {}
            // Which of two the answer is for is not known.
            false => self.timed = None,
        }
    }

    /// What is before `ack` arrived; `all`: and nothing is on the way.
    pub(crate) fn acknowledged(&mut self, ack: Seq, all: bool, now: u64) {
        if let Some((end, at)) = self.timed
            && end.le(ack)
        {
            self.measured(now.saturating_sub(at).max(1));
            self.timed = None;
        } else if self.tries != 0 {
            self.set_rto();
        }
        self.tries = 0;
        self.since = now;
        self.retransmit_at = (!all).then(|| now.saturating_add(self.rto));
    }

    fn measured(&mut self, rtt: u64) {
        if self.srtt == 0 {
            (self.srtt, self.rttvar) = (rtt, rtt / 2);
        } else {
            self.rttvar = (3 * self.rttvar + self.srtt.abs_diff(rtt)) / 4;
            self.srtt = (7 * self.srtt + rtt) / 8;
        }
        self.set_rto();
    }

    fn set_rto(&mut self) {
        if self.srtt != 0 {
            self.rto = (self.srtt + 4 * self.rttvar).clamp(RTO_LEAST, RTO_MOST);
        }
    }

    /// The other side said something.
    pub(crate) const fn heard(&mut self, now: u64) {
        self.heard_at = now;
        self.asked = 0;
    }

    /// The window is known again.
    pub(crate) const fn probed(&mut self) {
        self.probe_at = None;
        self.probes = 0;
    }

    /// Has the window asked for in a while.
    pub(crate) fn probe_later(&mut self, now: u64) {
        if self.probe_at.is_none() {
            let wait = self.rto.saturating_mul(1 << self.probes.min(10));
            self.probe_at = Some(now.saturating_add(wait.min(RTO_MOST)));
        }
    }

    pub(crate) const fn wait_out(&mut self, now: u64) {
        self.end_at = Some(now.saturating_add(TIME_WAIT));
    }

    /// Nothing is waited for any more.
    pub(crate) const fn stop(&mut self) {
        self.retransmit_at = None;
        self.probe_at = None;
        self.end_at = None;
        self.cork_at = None;
        self.keep = None;
    }

    pub(crate) fn keep_at(&self) -> Option<u64> {
        let keep = self.keep?;
        let after = keep.interval.saturating_mul(self.asked.into());
        Some(
            self.heard_at
                .saturating_add(keep.idle)
                .saturating_add(after),
        )
    }
}
