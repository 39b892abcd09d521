//! One end of a stream: [`Connection`].
use crate::NoMemory;
use crate::inbox::Inbox;
use crate::outbox::Outbox;
use crate::segment::{Flags, Payload, Segment};
use crate::seq::Seq;
use crate::timers::{KeepAlive, Timers};

/// How far a connection is (RFC 9293, 3.3.2). Who listens has none yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the RFC")]
pub enum State {
    Closed,
    SynSent,
    SynReceived,
    Established,
    FinWait1,
    FinWait2,
    CloseWait,
    Closing,
    LastAck,
    TimeWait,
}

/// Why a connection ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Nobody is there.
    Refused,
    /// The other side gave it up.
    Reset,
    /// It did so after it had said that nothing follows.
    Broken,
    /// The other side did not answer.
    TimedOut,
}

/// What a new connection is told.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Where its numbers begin.
    pub iss: Seq,
    /// The longest segment that it takes.
    pub mss: u16,
    /// Bytes that may wait to be read.
    pub room: usize,
    /// How often its SYN is sent again.
    pub syn_tries: u32,
}

/// How its windows are scaled: by 128.
const SCALE: u8 = 7;
/// The longest segment for who has not said.
const USUAL_MSS: u16 = 536;

/// What it sends.
pub(crate) struct Sending<P> {
    pub(crate) iss: Seq,
    /// The first number that is not acknowledged, and the next that is sent.
    pub(crate) una: Seq,
    pub(crate) nxt: Seq,
    /// How much the other side takes from `una` on, and the most that it ever took.
    pub(crate) window: usize,
    pub(crate) most_window: usize,
    /// The segment that said so.
    pub(crate) wl1: Seq,
    pub(crate) wl2: Seq,
    pub(crate) scale: u8,
    pub(crate) mss: usize,
    pub(crate) outbox: Outbox<P>,
    /// Nothing follows what is in the outbox; that was said.
    pub(crate) fin_wanted: bool,
    pub(crate) fin_sent: bool,
    /// The first segment has to be sent again; until all up to here is acknowledged.
    pub(crate) resend: bool,
    pub(crate) recover: Option<Seq>,
    pub(crate) duplicates: u32,
    /// A segment that only asks for an answer.
    pub(crate) probe: bool,
    pub(crate) nodelay: bool,
    pub(crate) corked: bool,
}

/// What it receives.
pub(crate) struct Receiving<P> {
    /// The next number that is missing, and the first that was not offered yet.
    pub(crate) next: Seq,
    pub(crate) edge: Seq,
    pub(crate) inbox: Inbox<P>,
    pub(crate) room: usize,
    pub(crate) scale: u8,
    /// The number of the FIN.
    pub(crate) fin: Option<Seq>,
    pub(crate) ack_due: bool,
    /// Nobody reads any more.
    pub(crate) abandoned: bool,
    /// When a segment out of place was answered last.
    pub(crate) answered_at: u64,
}

/// One end of a stream.
pub struct Connection<P> {
    pub(crate) state: State,
    pub(crate) ending: Option<Ending>,
    pub(crate) config: Config,
    pub(crate) send: Sending<P>,
    pub(crate) receive: Receiving<P>,
    pub(crate) timers: Timers,
    /// A RST that is to be sent.
    pub(crate) reset: Option<Segment<P>>,
}

impl<P: Payload> Connection<P> {
    fn new(state: State, config: Config) -> Self {
        Self {
            state,
            ending: None,
            config,
            send: Sending {
                iss: config.iss,
                una: config.iss,
                nxt: config.iss,
                window: 0,
                most_window: 0,
                wl1: Seq(0),
                wl2: Seq(0),
                scale: 0,
                mss: USUAL_MSS.into(),
                outbox: Outbox::new(),
                fin_wanted: false,
                fin_sent: false,
                resend: false,
                recover: None,
                duplicates: 0,
                probe: false,
                nodelay: false,
                corked: false,
            },
            receive: Receiving {
                next: Seq(0),
                edge: Seq(0),
                inbox: Inbox::new(),
                room: config.room,
                scale: SCALE,
                fin: None,
                ack_due: false,
                abandoned: false,
                answered_at: 0,
            },
            timers: Timers::new(),
            reset: None,
        }
    }

    /// One that asks for a connection.
    #[must_use]
    pub fn connect(config: Config) -> Self {
        Self::new(State::SynSent, config)
    }

    /// One that answers a SYN. `None`: the segment is none.
    #[must_use]
    pub fn answer(config: Config, syn: &Segment<P>) -> Option<Self> {
        if !syn.has(Flags::SYN) || syn.flags.intersects(Flags::ACK | Flags::RST) {
            return None;
        }
        let mut this = Self::new(State::SynReceived, config);
        this.greet(syn);
        Some(this)
    }

    /// Takes what a SYN says.
    pub(crate) fn greet(&mut self, syn: &Segment<P>) {
        self.receive.next = syn.seq.add(1);
        self.receive.edge = self.receive.next;
        let theirs = syn.mss.unwrap_or(USUAL_MSS).max(64);
        self.send.mss = theirs.min(self.config.mss).into();
        match syn.scale {
            Some(scale) => self.send.scale = scale.min(14),
            None => self.receive.scale = 0,
        }
        self.send.window = syn.window.into();
        self.send.most_window = syn.window.into();
        (self.send.wl1, self.send.wl2) = (syn.seq, syn.ack);
    }

    /// Where it is.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Why it ended before its time.
    #[must_use]
    pub const fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// Whether bytes can be sent, now or when it is established.
    #[must_use]
    pub const fn may_send(&self) -> bool {
        let open = matches!(self.state, State::Established | State::CloseWait);
        open && !self.send.fin_wanted
    }

    /// Whether the other side said that nothing follows, and all before was taken in.
    #[must_use]
    pub const fn has_heard_all(&self) -> bool {
        matches!(
            self.state,
            State::CloseWait | State::Closing | State::LastAck | State::TimeWait | State::Closed
        )
    }

    /// Appends bytes to what is sent. `NoMemory`: they were not.
    pub fn push(&mut self, piece: P) -> Result<(), NoMemory> {
        self.send.outbox.push(piece)
    }

    /// Bytes that are not acknowledged.
    #[must_use]
    pub const fn unacknowledged(&self) -> usize {
        self.send.outbox.len()
    }

    /// Bytes that were not sent.
    #[must_use]
    pub const fn unsent(&self) -> usize {
        self.send.outbox.unsent()
    }

    /// Bytes to be read.
    #[must_use]
    pub const fn readable(&self) -> usize {
        self.receive.inbox.len()
    }

    /// The bytes to be read in one piece from a place on.
    #[must_use]
    pub fn piece(&self, at: usize) -> Option<P> {
        self.receive.inbox.piece(at)
    }

    /// Forgets the first `n` bytes to be read. A window that grew is to be told.
    pub fn consume(&mut self, n: usize) {
        self.receive.inbox.consume(n);
        self.tell_window();
    }

    /// Changes how much may wait to be read.
    pub fn set_room(&mut self, room: usize) {
        self.receive.room = room;
        self.tell_window();
    }

    /// Sends small segments at once (`TCP_NODELAY`), or none (`TCP_CORK`).
    pub const fn set_manner(&mut self, nodelay: bool, corked: bool) {
        self.send.nodelay = nodelay;
        self.send.corked = corked;
        if !corked {
            self.timers.cork_at = None;
        }
    }

    /// Looks whether the other side is there while nothing is said, or does not.
    pub const fn set_keep_alive(&mut self, keep: Option<KeepAlive>) {
        self.timers.keep = keep;
    }

    /// How long data may go without an answer, in nanoseconds.
    pub const fn set_patience(&mut self, ns: Option<u64>) {
        self.timers.patience = ns;
    }

    /// Longest segment that goes out.
    #[must_use]
    pub const fn mss(&self) -> usize {
        self.send.mss
    }

    /// How often the segment that waits for an answer was sent again, and when the next timer of that kind is due.
    #[must_use]
    pub const fn retransmits(&self) -> (u32, Option<u64>) {
        (self.timers.tries, self.timers.retransmit_at)
    }

    /// Nothing more will be sent.
    pub fn close(&mut self) {
        self.send.fin_wanted = true;
        self.timers.cork_at = None;
        match self.state {
            State::SynSent => self.finish(None),
            State::SynReceived | State::Established => self.state = State::FinWait1,
            State::CloseWait => self.state = State::LastAck,
            _ => {}
        }
    }

    /// Nobody reads any more, nor waits for it to end, which may last so long once all is said.
    pub const fn abandon(&mut self, linger_ns: u64, now: u64) {
        self.receive.abandoned = true;
        self.timers.linger = Some(linger_ns);
        if matches!(self.state, State::FinWait2) {
            self.timers.end_at = Some(now.saturating_add(linger_ns));
        }
    }

    /// It ends at once; the other side is told by a RST.
    pub fn abort(&mut self) {
        let told = !matches!(self.state, State::Closed | State::SynSent | State::TimeWait);
        if told {
            let flags = Flags::RST | Flags::ACK;
            let mut reset = Segment::bare(self.send.nxt, self.receive.next, flags);
            // Before the other side has heard of it, nothing is acknowledged.
            reset.window = 0;
            self.reset = Some(reset);
        }
        self.finish(None);
    }

    /// It is over.
    pub(crate) fn finish(&mut self, ending: Option<Ending>) {
        self.state = State::Closed;
        self.ending = ending;
        self.send.outbox.clear();
        self.receive.inbox.clear_islands();
        if self.receive.abandoned {
            self.receive.inbox.clear();
        }
        self.receive.ack_due = false;
        self.send.resend = false;
        self.timers.stop();
    }

    /// Throws away what waits to be read.
    pub fn discard_readable(&mut self) {
        self.receive.inbox.clear();
    }

    /// The next number that it expects, for who judges whether a SYN begins anew (RFC 9293, 3.10.7.4).
    #[must_use]
    pub const fn expects(&self) -> Seq {
        self.receive.next
    }
}
