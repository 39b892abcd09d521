//! What a segment does to a connection (RFC 9293, 3.10.7).
use crate::change::Change;
use crate::connection::{Connection, Ending, State};
use crate::segment::{Flags, Payload, Segment};
use crate::seq::Seq;

/// Who says nothing but stands out of place is answered no more often than this.
const ANSWER_NS: u64 = 500_000_000;
/// As often an acknowledgement has to be repeated until the segment behind it counts as lost.
const DUPLICATES: u32 = 3;

impl<P: Payload> Connection<P> {
    /// Takes a segment that arrived.
    pub fn arrive(&mut self, segment: &Segment<P>, now: u64) -> Change {
        let before = self.state;
        let mut change = match self.state {
            State::Closed => {
                self.reset = crate::segment::refusal(segment);
                Change::empty()
            }
            State::SynSent => self.answered(segment, now),
            _ => self.heard(segment, now),
        };
        change.set(Change::STATE, self.state != before);
        change
    }

    /// A segment came while the SYN waits for an answer.
    fn answered(&mut self, segment: &Segment<P>, now: u64) -> Change {
        let acks = segment.has(Flags::ACK);
        if acks && !(self.send.iss.lt(segment.ack) && segment.ack.le(self.send.nxt)) {
            self.reset = crate::segment::refusal(segment);
            return Change::empty();
        }
        if segment.has(Flags::RST) {
            if acks {
                self.finish(Some(Ending::Refused));
            }
            return Change::all();
        }
        if !segment.has(Flags::SYN) {
            return Change::empty();
        }
        self.greet(segment);
        self.timers.heard(now);
        if !acks {
            // Both sides asked.
            self.state = State::SynReceived;
            self.send.resend = true;
            return Change::empty();
        }
        self.acknowledge(segment.ack, now);
        self.state = State::Established;
        self.receive.ack_due = true;
        Change::WRITE
    }

    /// A segment came once both sides' numbers are known.
    fn heard(&mut self, segment: &Segment<P>, now: u64) -> Change {
        if !self.is_acceptable(segment) {
            if !segment.has(Flags::RST) {
                self.answer_stray(segment, now);
            }
            return Change::empty();
        }
        if segment.has(Flags::RST) {
            return self.heard_reset(segment);
        }
        if segment.has(Flags::SYN) {
            self.receive.ack_due = true;
            return Change::empty();
        }
        if !segment.has(Flags::ACK) {
            return Change::empty();
        }
        self.timers.heard(now);
        if self.state == State::SynReceived || self.is_unanswered() {
            if !(self.send.una.lt(segment.ack) && segment.ack.le(self.send.nxt)) {
                self.reset = crate::segment::refusal(segment);
                return Change::empty();
            }
            self.send.window = usize::from(segment.window) << self.send.scale;
            (self.send.wl1, self.send.wl2) = (segment.seq, segment.ack);
            if self.state == State::SynReceived {
                self.state = State::Established;
            }
        }
        if self.send.nxt.lt(segment.ack) {
            self.receive.ack_due = true;
            return Change::empty();
        }
        let mut change = self.heard_ack(segment, now);
        if self.state == State::Closed {
            return change;
        }
        change |= self.heard_data(segment);
        if self.state != State::Closed {
            change |= self.heard_end(segment, now);
        }
        change
    }

    /// Closed by its user before the other side answered the SYN.
    fn is_unanswered(&self) -> bool {
        self.send.una == self.send.iss
    }

    /// Whether a segment stands in the window (RFC 9293, 3.4). One without length may stand right behind it: what fills the
    /// window may come later.
    fn is_acceptable(&self, segment: &Segment<P>) -> bool {
        let (next, edge) = (self.receive.next, self.receive.edge);
        let len = segment.len();
        if len == 0 {
            return next.le(segment.seq) && segment.seq.le(edge);
        }
        if next == edge {
            // No data is taken, but what it says besides is.
            return segment.seq == next;
        }
        let last = segment.seq.add(len - 1);
        let within = |seq: Seq| next.le(seq) && seq.lt(edge);
        within(segment.seq) || within(last)
    }

    fn answer_stray(&mut self, segment: &Segment<P>, now: u64) {
        if segment.is_empty() {
            let last = self.receive.answered_at;
            if last != 0 && now < last.saturating_add(ANSWER_NS) {
                return;
            }
            self.receive.answered_at = now.max(1);
        }
        self.receive.ack_due = true;
        if self.state == State::TimeWait && segment.has(Flags::FIN) {
            self.timers.wait_out(now);
        }
    }

    /// RFC 5961, 3: a RST has to stand exactly where the next segment would.
    fn heard_reset(&mut self, segment: &Segment<P>) -> Change {
        if segment.seq != self.receive.next {
            self.receive.ack_due = true;
            return Change::empty();
        }
        let ending = match self.state {
            State::TimeWait | State::Closing | State::LastAck => None,
            State::CloseWait => Some(Ending::Broken),
            _ => Some(Ending::Reset),
        };
        self.finish(ending);
        Change::all()
    }

    /// Notes that all before `ack` arrived; whether that was news.
    pub(crate) fn acknowledge(&mut self, ack: Seq, now: u64) -> bool {
        if ack.le(self.send.una) {
            return false;
        }
        let mut n = ack.since(self.send.una);
        if self.send.una == self.send.iss {
            n -= 1;
        }
        self.send.outbox.acknowledge(n.min(self.send.outbox.sent()));
        self.send.una = ack;
        self.send.duplicates = 0;
        match self.send.recover {
            Some(end) if ack.lt(end) => self.send.resend = true,
            _ => self.send.recover = None,
        }
        self.timers.acknowledged(ack, ack == self.send.nxt, now);
        true
    }

    fn heard_ack(&mut self, segment: &Segment<P>, now: u64) -> Change {
        let mut change = Change::empty();
        let window = usize::from(segment.window) << self.send.scale;
        if self.acknowledge(segment.ack, now) {
            change |= Change::WRITE;
        } else if segment.ack == self.send.una
            && segment.is_empty()
            && window == self.send.window
            && self.send.outbox.sent() != 0
        {
            self.send.duplicates += 1;
            if self.send.duplicates == DUPLICATES && self.send.recover.is_none() {
                self.send.recover = Some(self.send.nxt);
                self.send.resend = true;
            }
        }
        let newer = self.send.wl1.lt(segment.seq)
            || self.send.wl1 == segment.seq && self.send.wl2.le(segment.ack);
        if newer && self.send.una.le(segment.ack) {
            self.send.window = window;
            self.send.most_window = self.send.most_window.max(window);
            (self.send.wl1, self.send.wl2) = (segment.seq, segment.ack);
            self.timers.probed();
        }
        if self.send.fin_sent && self.send.una == self.send.nxt {
            self.end_acknowledged(now);
        }
        change
    }

    fn end_acknowledged(&mut self, now: u64) {
        match self.state {
            State::FinWait1 => {
                self.state = State::FinWait2;
                self.timers.end_at = self.timers.linger.map(|ns| now.saturating_add(ns));
            }
            State::Closing => self.wait_out(now),
            State::LastAck => self.finish(None),
            _ => {}
        }
    }

    pub(crate) fn wait_out(&mut self, now: u64) {
        self.state = State::TimeWait;
        self.timers.stop();
        self.timers.wait_out(now);
    }

    fn heard_data(&mut self, segment: &Segment<P>) -> Change {
        let Some(payload) = segment.payload.as_ref().filter(|p| !p.is_empty()) else {
            return Change::empty();
        };
        let open = matches!(
            self.state,
            State::Established | State::FinWait1 | State::FinWait2
        );
        self.receive.ack_due = true;
        if !open {
            return Change::empty();
        }
        let end = segment.seq.add(payload.len());
        if self.receive.abandoned && self.receive.next.lt(end) {
            // Nobody will read that.
            self.abort();
            return Change::all();
        }
        let edge = self.receive.edge;
        if edge.le(segment.seq) {
            return Change::empty();
        }
        let piece = match edge.lt(end) {
            true => payload.slice(0, edge.since(segment.seq)),
            false => payload.clone(),
        };
        let next = self.receive.next;
        match self.receive.inbox.take(segment.seq, piece, next) {
            Ok(next) if next != self.receive.next => {
                self.receive.next = next;
                Change::READ
            }
            // Out of order, or lost for want of memory.
            _ => Change::empty(),
        }
    }

    /// The FIN, once all before it was taken in.
    fn heard_end(&mut self, segment: &Segment<P>, now: u64) -> Change {
        if segment.has(Flags::FIN) {
            self.receive.ack_due = true;
            let at = segment.seq.add(segment.data_len());
            if self.receive.fin.is_none() && at.le(self.receive.edge) {
                self.receive.fin = Some(at);
            }
        }
        if self.receive.fin != Some(self.receive.next) {
            return Change::empty();
        }
        match self.state {
            State::Established => self.state = State::CloseWait,
            State::FinWait1 => self.state = State::Closing,
            State::FinWait2 => self.wait_out(now),
            _ => return Change::empty(),
        }
        self.receive.next = self.receive.next.add(1);
        self.receive.edge = self.receive.edge.max(self.receive.next);
        self.receive.inbox.clear_islands();
        self.receive.ack_due = true;
        Change::READ
    }
}
