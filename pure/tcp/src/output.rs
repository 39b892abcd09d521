//! What a connection sends.
use crate::connection::{Connection, State};
use crate::segment::{Flags, Payload, Segment};
use crate::timers::CORKED;

impl<P: Payload> Connection<P> {
    /// The next segment that is to be sent now. Called until there is none.
    pub fn next_segment(&mut self, now: u64) -> Option<Segment<P>> {
        if let Some(reset) = self.reset.take() {
            return Some(reset);
        }
        match self.state {
            State::Closed => None,
            _ if self.send.una == self.send.iss => self.next_syn(now),
            _ => self
                .again(now)
                .or_else(|| self.fresh(now))
                .or_else(|| self.acknowledgement()),
        }
    }

    /// The SYN, until it was acknowledged.
    fn next_syn(&mut self, now: u64) -> Option<Segment<P>> {
        let fresh = self.send.nxt == self.send.iss;
        if !fresh && !self.send.resend {
            return match self.state {
                State::SynSent => None,
                _ => self.acknowledgement(),
            };
        }
        self.send.resend = false;
        self.send.nxt = self.send.iss.add(1);
        let flags = match self.state {
            State::SynSent => Flags::SYN,
            _ => Flags::SYN | Flags::ACK,
        };
        let mut segment = self.segment(flags, None);
        segment.seq = self.send.iss;
        segment.mss = Some(self.config.mss);
        // Who did not offer to scale is not asked to.
        let scales = self.receive.scale != 0;
        segment.scale = scales.then_some(self.receive.scale);
        self.timers.sent(self.send.nxt, fresh, now);
        Some(segment)
    }

    /// A segment with the state of what was received.
    fn segment(&mut self, flags: Flags, payload: Option<P>) -> Segment<P> {
        let mut segment = Segment::bare(self.send.nxt, self.receive.next, flags);
        segment.payload = payload;
        segment.window = self.offer(flags.contains(Flags::SYN));
        if flags.contains(Flags::ACK) {
            self.receive.ack_due = false;
        }
        segment
    }

    /// How much more is taken. What was offered once stays.
    fn offer(&mut self, syn: bool) -> u16 {
        let receive = &mut self.receive;
        let scale = if syn { 0 } else { receive.scale };
        let free = receive.room.saturating_sub(receive.inbox.len());
        let offered = receive.edge.since(receive.next);
        let field = (free.max(offered) >> scale).min(u16::MAX.into());
        receive.edge = receive.edge.max(receive.next.add(field << scale));
        field as u16
    }

    /// Has a window told that grew by so much that it is worth it (RFC 9293, 3.8.6.2.2).
    pub(crate) fn tell_window(&mut self) {
        let open = matches!(
            self.state,
            State::Established | State::FinWait1 | State::FinWait2
        );
        let receive = &mut self.receive;
        let free = receive.room.saturating_sub(receive.inbox.len());
        let offered = receive.edge.since(receive.next);
        let worth = self.send.mss.min(receive.room / 2).max(1);
        if open && free >= offered + worth {
            receive.ack_due = true;
        }
    }

    /// What was lost, or a question.
    fn again(&mut self, now: u64) -> Option<Segment<P>> {
        if core::mem::take(&mut self.send.resend) && self.send.una != self.send.nxt {
            let payload = self.send.outbox.first(self.send.mss);
            let len = payload.as_ref().map_or(0, Payload::len);
            let mut flags = Flags::ACK | Flags::PSH;
            let end = self.send.una.add(len);
            flags.set(
                Flags::FIN,
                self.send.fin_sent && end.add(1) == self.send.nxt,
            );
            let mut segment = self.segment(flags, payload);
            segment.seq = self.send.una;
            self.timers.sent(end, false, now);
            return Some(segment);
        }
        if core::mem::take(&mut self.send.probe) {
            let mut segment = self.segment(Flags::ACK, None);
            segment.seq = self.send.una.before();
            return Some(segment);
        }
        None
    }

    /// Data that was not sent yet, and the FIN.
    fn fresh(&mut self, now: u64) -> Option<Segment<P>> {
        let len = self.fresh_len(now);
        let ends = self.send.fin_wanted && !self.send.fin_sent;
        let last = ends && len == self.send.outbox.unsent();
        if len == 0 && !last {
            return None;
        }
        let payload = self.send.outbox.next(len);
        let mut flags = Flags::ACK;
        flags.set(Flags::PSH, len == self.send.outbox.unsent());
        flags.set(Flags::FIN, last);
        let segment = self.segment(flags, payload);
        self.send.outbox.advance(len);
        self.send.fin_sent |= last;
        self.send.nxt = self.send.nxt.add(segment.len());
        self.timers.sent(self.send.nxt, true, now);
        self.timers.cork_at = None;
        Some(segment)
    }

    /// How much is sent now (RFC 9293, 3.8.6.2.1; RFC 896).
    fn fresh_len(&mut self, now: u64) -> usize {
        let send = &self.send;
        let unsent = send.outbox.unsent();
        if unsent == 0 {
            return 0;
        }
        let on_the_way = send.nxt.since(send.una);
        let usable = send.window.saturating_sub(on_the_way);
        let piece = send.outbox.next_len(send.mss);
        let len = piece.min(usable);
        if len == 0 || len < piece && len < send.most_window / 2 {
            if on_the_way == 0 {
                self.timers.probe_later(now);
            }
            return 0;
        }
        if unsent >= send.mss || len < piece || send.fin_wanted {
            return len;
        }
        if send.corked {
            let until = *self
                .timers
                .cork_at
                .get_or_insert(now.saturating_add(CORKED));
            return if now < until { 0 } else { len };
        }
        match send.nodelay || on_the_way == 0 {
            true => len,
            false => 0,
        }
    }

    fn acknowledgement(&mut self) -> Option<Segment<P>> {
        self.receive.ack_due.then(|| self.segment(Flags::ACK, None))
    }
}
