//! Files whose text is generated when they are read (as Linux' seq_file), and buffers for it.
use crate::objects::{File, FileOps};
use crate::types::Io;
use abi::{Errno, Result};
use alloc::vec::Vec;
use core::fmt;
use kmem::TryVec;
use kmem::user::UserBuf;
use sync::{LockClass, Mutex, rank};

static TEXT: LockClass = LockClass::new("seq_file", rank::INODE);

/// Text that grows; a failed allocation is remembered and answered in the end.
#[derive(Default)]
pub struct SeqBuf {
    bytes: Vec<u8>,
    failed: bool,
}

impl SeqBuf {
    /// Empty.
    pub const fn new() -> Self {
        Self {
            bytes: Vec::new(),
            failed: false,
        }
    }

    /// Appends bytes as they are.
    pub fn push_bytes(&mut self, bytes: &[u8]) {
        self.failed |= self.bytes.try_extend(bytes).is_err();
    }

    /// Appends a path as `/proc/mounts` writes it: blanks and backslashes in octal.
    pub fn push_escaped(&mut self, bytes: &[u8], escape: &[u8]) {
        for byte in bytes {
            if escape.contains(byte) {
                let digit = |shift: u32| b'0' + (byte >> shift & 7);
                self.push_bytes(&[b'\\', digit(6), digit(3), digit(0)]);
            } else {
                self.push_bytes(core::slice::from_ref(byte));
            }
        }
    }

    /// Length so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The bytes. ENOMEM: some did not fit.
    pub fn finish(self) -> Result<Vec<u8>> {
        if self.failed {
            Err(Errno::ENOMEM)
        } else {
            Ok(self.bytes)
        }
    }
}

impl fmt::Write for SeqBuf {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        self.push_bytes(s.as_bytes());
        Ok(())
    }
}

/// What positions mean to those who write a file of generated text, as Linux' kinds of such files have it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Positions {
    /// Nothing: a write is the whole text and moves no position; pwrite(2) answers ESPIPE (seq_file).
    #[default]
    None,
    /// Nothing, but pwrite(2) may name any.
    Ignored,
    /// A write at the start is the whole text, one elsewhere is EINVAL (`uid_map`).
    Start,
    /// A number: it stands at 0; beyond, there is nothing to read, and what is written is ignored (/proc/sys).
    Number,
    /// A string: what is written replaces all from its position on (/proc/sys).
    Text,
}

/// Who generates the text of a [`SeqFile`].
pub trait SeqShow: Send + Sync + 'static {
    /// Writes the whole text. ESRCH and so on: what it is about is gone.
    fn show(&self, out: &mut SeqBuf) -> Result<()>;

    /// Takes what is written to the file, at most a page of it. EINVAL, EPERM.
    fn store(&self, _text: &[u8]) -> Result<()> {
        Err(Errno::EINVAL)
    }

    /// What positions mean to writers.
    fn positions(&self) -> Positions {
        Positions::None
    }

    /// Whether splice(2) may read from it and write to it.
    fn splices(&self) -> (bool, bool) {
        (false, false)
    }
}

impl<F: Fn(&mut SeqBuf) -> Result<()> + Send + Sync + 'static> SeqShow for F {
    fn show(&self, out: &mut SeqBuf) -> Result<()> {
        self(out)
    }
}

/// An open file with generated text: made when it is read from the start, kept while it is read on.
pub struct SeqFile<S> {
    source: S,
    text: Mutex<Option<Vec<u8>>>,
}

impl<S: SeqShow> SeqFile<S> {
    /// A file with the text of `source`.
    pub const fn new(source: S) -> Self {
        Self {
            source,
            text: Mutex::new(&TEXT, None),
        }
    }

    /// The source.
    pub const fn source(&self) -> &S {
        &self.source
    }

    /// Stores `new` behind the first `at` bytes of the present line; ignores it if the line is shorter.
    fn store_from(&self, at: u64, new: &[u8]) -> Result<()> {
        let mut old = SeqBuf::new();
        self.source.show(&mut old)?;
        let mut text = old.finish()?;
        let line = text.iter().position(|b| *b == b'\n').unwrap_or(text.len());
        let Some(at) = usize::try_from(at).ok().filter(|at| *at <= line) else {
            return Ok(());
        };
        text.truncate(at);
        text.try_extend(new)?;
        self.source.store(&text)
    }
}

impl<S: SeqShow> FileOps for SeqFile<S> {
    fn splices(&self) -> (bool, bool) {
        self.source.splices()
    }

    fn read(&self, _file: &File, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        if io.pos > 0 && self.source.positions() == Positions::Number {
            return Ok(0);
        }
        let mut text = self.text.lock();
        if io.pos == 0 || text.is_none() {
            let mut out = SeqBuf::new();
            self.source.show(&mut out)?;
            *text = Some(out.finish()?);
        }
        let bytes = text.as_deref().unwrap_or_default();
        let from = usize::try_from(io.pos).map_or(bytes.len(), |pos| pos.min(bytes.len()));
        let n = buf.copy_to(&bytes[from..])?;
        io.pos += n as u64;
        Ok(n)
    }

    fn write(&self, _file: &File, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        let mut text = Vec::try_filled(0_u8, buf.remaining().min(abi::PAGE_SIZE))?;
        let n = buf.copy_from(&mut text)?;
        let text = &text[..n];
        match self.source.positions() {
            Positions::None | Positions::Ignored => {
                self.source.store(text)?;
                return Ok(n);
            }
            Positions::Start if io.pos > 0 => return Err(Errno::EINVAL),
            Positions::Start => self.source.store(text)?,
            // Nothing written is nothing stored.
            Positions::Number | Positions::Text if n == 0 => {}
            Positions::Text if io.pos > 0 => self.store_from(io.pos, text)?,
            Positions::Number if io.pos > 0 => {}
            Positions::Number | Positions::Text => self.source.store(text)?,
        }
        io.pos += n as u64;
        Ok(n)
    }

    fn can_write_at(&self) -> bool {
        !matches!(self.source.positions(), Positions::None | Positions::Start)
    }

    fn seek(&self, file: &File, offset: i64, whence: u32) -> Result<u64> {
        let base = match whence {
            abi::raw::SEEK_SET => 0,
            abi::raw::SEEK_CUR => file.pos() as i64,
            _ => return Err(Errno::EINVAL),
        };
        base.checked_add(offset)
            .and_then(|pos| u64::try_from(pos).ok())
            .ok_or(Errno::EINVAL)
    }
}
