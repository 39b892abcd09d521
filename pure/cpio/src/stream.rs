//! Reading an archive that comes in pieces (out of a decompressor).
use crate::{Error, HEADER, Header, TRAILER, align, check_name, is_longest, parse};
use alloc::vec::Vec;
use reserved::Reserved;

/// What a piece of the archive led to.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A file begins; its name is in [`Stream::name`].
    File(Header),
    /// More of its contents.
    Data(&'a [u8]),
    /// All its contents have come.
    FileEnd,
    /// An archive ended.
    Trailer,
}

/// Takes an archive apart piece by piece.
#[derive(Debug)]
pub struct Stream {
    state: State,
    /// Bytes of the archive so far, from which padding counts.
    at: u64,
    head: [u8; HEADER],
    header: Header,
    name: Vec<u8>,
    sum: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Between archives: zeros may come.
    Between,
    /// So many bytes of the header are there.
    Header(usize),
    Name,
    /// Between name and contents.
    NamePadding,
    /// So many bytes of contents are to come.
    Data(u32),
    /// Contents are complete.
    End,
}

impl Default for Stream {
    fn default() -> Self {
        Self::new()
    }
}

impl Stream {
    /// At the start of an archive.
    pub const fn new() -> Self {
        Self {
            state: State::Between,
            at: 0,
            head: [0; HEADER],
            header: Header::NONE,
            name: Vec::new(),
            sum: 0,
        }
    }

    /// The name of the file that is coming.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// Takes from `input` as much as leads to the next event; `None`: `input` is used up.
    ///
    /// # Errors
    /// See [`Error`]. After an error the stream is not to be used.
    pub fn feed<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Event<'a>>, Error> {
        loop {
            match self.state {
                State::Between => {
                    let zeros = input.iter().take_while(|b| **b == 0).count();
                    *input = &input[zeros..];
                    if input.is_empty() {
                        return Ok(None);
                    }
                    self.at = 0;
                    self.state = State::Header(0);
                }
                State::Header(have) => {
                    if have == 0 && !self.skip_padding(input) {
                        return Ok(None);
                    }
                    let piece = self.take(input, HEADER - have);
                    self.head[have..have + piece.len()].copy_from_slice(piece);
                    if have + piece.len() < HEADER {
                        self.state = State::Header(have + piece.len());
                        return Ok(None);
                    }
                    self.header = parse(&self.head)?;
                    self.name.clear();
                    is_longest(self.header.name_size as usize)?;
                    self.name
                        .try_reserve(self.header.name_size as usize)
                        .map_err(|_| Error::NoMemory)?;
                    self.state = State::Name;
                }
                State::Name => {
                    let missing = self.header.name_size as usize - self.name.len();
                    let piece = self.take(input, missing);
                    self.name.extend_reserved(piece);
                    if piece.len() < missing {
                        return Ok(None);
                    }
                    let len = check_name(&self.name)?.len();
                    self.name.truncate(len);
                    self.sum = 0;
                    // Without contents the padding may be missing at the end of all.
                    self.state = if self.header.size == 0 {
                        State::End
                    } else {
                        State::NamePadding
                    };
                    if self.name != TRAILER {
                        return Ok(Some(Event::File(self.header)));
                    }
                }
                State::Data(0) => self.state = State::End,
                State::NamePadding => {
                    if !self.skip_padding(input) {
                        return Ok(None);
                    }
                    self.state = State::Data(self.header.size);
                }
                State::Data(left) => {
                    let piece = self.take(input, left as usize);
                    if piece.is_empty() {
                        return Ok(None);
                    }
                    self.sum = self.sum.wrapping_add(crate::sum(piece));
                    self.state = State::Data(left - piece.len() as u32);
                    return Ok(Some(Event::Data(piece)));
                }
                State::End => {
                    if self.header.checksum != 0 && self.header.checksum != self.sum {
                        return Err(Error::BadChecksum);
                    }
                    if self.name == TRAILER {
                        self.state = State::Between;
                        return Ok(Some(Event::Trailer));
                    }
                    self.state = State::Header(0);
                    return Ok(Some(Event::FileEnd));
                }
            }
        }
    }

    /// The archive is over.
    ///
    /// # Errors
    /// [`Error::Truncated`] in the middle of something, [`Error::NoTrailer`].
    pub fn finish(&self) -> Result<(), Error> {
        match self.state {
            State::Between => Ok(()),
            State::Header(0) => Err(Error::NoTrailer),
            _ => Err(Error::Truncated),
        }
    }

    fn take<'a>(&mut self, input: &mut &'a [u8], most: usize) -> &'a [u8] {
        let (piece, rest) = input.split_at(most.min(input.len()));
        *input = rest;
        self.at += piece.len() as u64;
        piece
    }

    /// Whether all padding up to here has come.
    fn skip_padding(&mut self, input: &mut &[u8]) -> bool {
        let missing = align(self.at as usize) - self.at as usize;
        self.take(input, missing).len() == missing
    }
}
