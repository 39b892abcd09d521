//! Frames out of a byte stream, wherever the reads happen to cut it.

use crate::{HEADER, Kind, MAGIC, MAX_PAYLOAD};

/// The stream is not what a frame writer sent: bytes were lost, or someone else wrote. Holds the bytes seen instead of a
/// header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stray(pub [u8; HEADER]);

/// Collects bytes until a frame is whole. Feed it with [`Reader::feed`], take frames with [`Reader::take`] until that gives
/// `None`, feed again.
pub struct Reader {
    frame: [u8; HEADER + MAX_PAYLOAD],
    have: usize,
    /// Length of the frame that `take` handed out last; it is dropped by the next call.
    taken: usize,
}

impl Default for Reader {
    fn default() -> Self {
        Self::new()
    }
}

impl Reader {
    /// A reader at the start of a stream.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            frame: [0; HEADER + MAX_PAYLOAD],
            have: 0,
            taken: 0,
        }
    }

    /// Takes bytes from the front of `input`, as many as belong to one frame. Loop: `feed`, then `take`, until the input is
    /// empty.
    ///
    /// # Errors
    /// [`Stray`] when the bytes are no frame; the reader is of no use afterwards.
    pub fn feed(&mut self, input: &mut &[u8]) -> Result<(), Stray> {
        self.drop_taken();
        if self.have < HEADER {
            self.fill(input, HEADER);
        }
        if self.have >= HEADER {
            let end = HEADER + self.payload_len()?;
            self.fill(input, end);
        }
        Ok(())
    }

    /// The frame that is whole now, if one is.
    ///
    /// # Errors
    /// [`Stray`] as for [`Reader::feed`].
    pub fn take(&mut self) -> Result<Option<(Kind, &[u8])>, Stray> {
        self.drop_taken();
        if self.have < HEADER {
            return Ok(None);
        }
        let end = HEADER + self.payload_len()?;
        if self.have < end {
            return Ok(None);
        }
        self.taken = end;
        let kind = Kind::from_wire(self.frame[1]).ok_or_else(|| self.stray())?;
        Ok(Some((kind, &self.frame[HEADER..end])))
    }

    fn drop_taken(&mut self) {
        if self.taken > 0 {
            self.have = 0;
            self.taken = 0;
        }
    }

    fn fill(&mut self, input: &mut &[u8], end: usize) {
        let n = input.len().min(end - self.have);
        self.frame[self.have..self.have + n].copy_from_slice(&input[..n]);
        self.have += n;
        *input = &input[n..];
    }

    fn payload_len(&self) -> Result<usize, Stray> {
        let [magic, kind, lo, hi, check] = self.stray().0;
        let len = usize::from(u16::from_le_bytes([lo, hi]));
        let sound = magic == MAGIC && check == !(kind ^ lo ^ hi) && len <= MAX_PAYLOAD;
        if sound { Ok(len) } else { Err(self.stray()) }
    }

    fn stray(&self) -> Stray {
        let mut head = [0; HEADER];
        head.copy_from_slice(&self.frame[..HEADER]);
        Stray(head)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::header;
    use proptest::prelude::*;
    use std::vec::Vec;

    fn read_all(wire: &[u8], cuts: &[usize]) -> Result<Vec<(Kind, Vec<u8>)>, Stray> {
        let (mut reader, mut frames, mut at, mut turn) = (Reader::new(), Vec::new(), 0, 0);
        while at < wire.len() {
            let n = cuts[turn % cuts.len()].min(wire.len() - at);
            turn += 1;
            let mut piece = &wire[at..at + n];
            at += n;
            while !piece.is_empty() {
                reader.feed(&mut piece)?;
                if let Some((kind, payload)) = reader.take()? {
                    frames.push((kind, payload.to_vec()));
                }
            }
        }
        Ok(frames)
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_frames(
            payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..=MAX_PAYLOAD), 0..6),
            cuts in proptest::collection::vec(1usize..700, 1..5),
        ) {
            let mut wire = Vec::new();
            for payload in &payloads {
                wire.extend_from_slice(&header(Kind::Stdout, payload.len()));
                wire.extend_from_slice(payload);
            }
            let frames = read_all(&wire, &cuts).unwrap();
            prop_assert_eq!(frames.len(), payloads.len());
            for ((kind, got), sent) in frames.iter().zip(&payloads) {
                prop_assert_eq!(*kind, Kind::Stdout);
                prop_assert_eq!(got, sent);
            }
        }

        #[test]
        fn noise_never_panics(noise in proptest::collection::vec(any::<u8>(), 0..4000)) {
            let _ = read_all(&noise, &[97]);
        }
    }

    #[test]
    fn a_lost_byte_is_noticed() {
        let mut wire = Vec::new();
        for _ in 0..3 {
            wire.extend_from_slice(&header(Kind::Stdin, 10));
            wire.extend_from_slice(&[7; 10]);
        }
        wire.remove(8);
        assert!(read_all(&wire, &[64]).is_err());
    }
}
