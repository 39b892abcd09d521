//! What becomes of a connection as time goes on.
use crate::change::Change;
use crate::connection::{Connection, Ending, State};
use crate::segment::Payload;
use crate::timers::RTO_MOST;

/// How often data is sent again.
const TRIES: u32 = 15;
/// How often a SYN is answered again.
const ANSWERS: u32 = 5;

impl<P: Payload> Connection<P> {
    /// When [`tick`](Self::tick) is to be called next.
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        let timers = &self.timers;
        let keep = match self.state {
            State::Closed | State::SynSent | State::SynReceived | State::TimeWait => None,
            _ => timers.keep_at(),
        };
        [
            timers.retransmit_at,
            timers.probe_at,
            timers.end_at,
            timers.cork_at,
            keep,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Time went on. What is due is to be asked for by [`next_segment`](Self::next_segment).
    pub fn tick(&mut self, now: u64) -> Change {
        let due = |at: Option<u64>| at.is_some_and(|at| at <= now);
        if due(self.timers.end_at) {
            self.finish(None);
            return Change::all();
        }
        if due(self.timers.retransmit_at) && self.retransmit(now) {
            return Change::all();
        }
        if due(self.timers.probe_at) {
            self.timers.probe_at = None;
            self.timers.probes += 1;
            if self.timers.probes > TRIES {
                self.finish(Some(Ending::TimedOut));
                return Change::all();
            }
            self.send.probe = true;
        }
        if self.deadline().is_some() && due(self.timers.keep_at()) {
            let keep = self.timers.keep;
            // What is on the way is waited for by another timer.
            if self.send.una == self.send.nxt {
                if keep.is_some_and(|keep| self.timers.asked >= keep.count) {
                    self.abort();
                    self.ending = Some(Ending::TimedOut);
                    return Change::all();
                }
                self.timers.asked += 1;
                self.send.probe = true;
            } else {
                self.timers.heard_at = now;
            }
        }
        Change::empty()
    }

    /// Sends the first segment again; true: it was sent often enough.
    fn retransmit(&mut self, now: u64) -> bool {
        let timers = &mut self.timers;
        let most = match self.state {
            State::SynSent => self.config.syn_tries,
            State::SynReceived => ANSWERS,
            _ => TRIES,
        };
        let impatient = timers
            .patience
            .is_some_and(|ns| now.saturating_sub(timers.since) >= ns);
        if timers.tries >= most || impatient {
            self.finish(Some(Ending::TimedOut));
            return true;
        }
        timers.tries += 1;
        timers.rto = timers.rto.saturating_mul(2).min(RTO_MOST);
        timers.retransmit_at = Some(now.saturating_add(timers.rto));
        timers.timed = None;
        self.send.resend = true;
        self.send.recover = Some(self.send.nxt);
        false
    }
}
