//! Segments: [`Segment`].
use crate::seq::Seq;
use bitflags::bitflags;

bitflags! {
    /// Control bits.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Flags: u8 {
        /// No more data comes.
        const FIN = 1;
        /// Numbers begin here.
        const SYN = 2;
        /// There is no such connection.
        const RST = 4;
        /// The receiver should look now.
        const PSH = 8;
        /// The acknowledgement means something.
        const ACK = 16;
    }
}

/// Bytes that can be shared.
pub trait Payload: Clone {
    /// How many.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Some of them: `len` from `from` on, which are there.
    #[must_use]
    fn slice(&self, from: usize, len: usize) -> Self;

    /// Appends those of `next`, if that saves memory. False: it did not.
    fn join(&mut self, _next: &Self) -> bool {
        false
    }
}

/// A segment.
#[derive(Clone, Debug)]
pub struct Segment<P> {
    /// Number of its first byte, or of its SYN.
    pub seq: Seq,
    /// The next number that its sender expects.
    pub ack: Seq,
    /// Control bits.
    pub flags: Flags,
    /// How much its sender takes, scaled unless there is a SYN.
    pub window: u16,
    /// The longest segment that its sender takes; with a SYN only.
    pub mss: Option<u16>,
    /// How the sender's windows are scaled; with a SYN only.
    pub scale: Option<u8>,
    /// Data.
    pub payload: Option<P>,
}

impl<P: Payload> Segment<P> {
    /// Numbers that it takes: its bytes, SYN and FIN.
    #[must_use]
    pub fn len(&self) -> usize {
        let one = |flag| usize::from(self.flags.contains(flag));
        self.data_len() + one(Flags::SYN) + one(Flags::FIN)
    }

    /// Whether it takes none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its bytes.
    #[must_use]
    pub fn data_len(&self) -> usize {
        self.payload.as_ref().map_or(0, Payload::len)
    }

    pub(crate) const fn has(&self, flags: Flags) -> bool {
        self.flags.contains(flags)
    }

    /// One without options and data.
    pub(crate) const fn bare(seq: Seq, ack: Seq, flags: Flags) -> Self {
        Self {
            seq,
            ack,
            flags,
            window: 0,
            mss: None,
            scale: None,
            payload: None,
        }
    }
}

/// The answer to a segment that no connection is for (RFC 9293, 3.10.7.1).
#[must_use]
pub fn refusal<P: Payload>(segment: &Segment<P>) -> Option<Segment<P>> {
    if segment.has(Flags::RST) {
        return None;
    }
    Some(match segment.has(Flags::ACK) {
        true => Segment::bare(segment.ack, Seq(0), Flags::RST),
        false => {
            let ack = segment.seq.add(segment.len());
            Segment::bare(Seq(0), ack, Flags::RST.union(Flags::ACK))
        }
    })
}
