//! Reading cpio archives of the `newc` format, as an initramfs has them.
//!
//! [`Reader`] walks a byte slice that nobody vouches for and yields [`Entry`]s that borrow from it; every way in which
//! the bytes can be wrong has a name in [`Error`]. Several archives may follow each other with zeros between them. What
//! follows an archive that is not another one ends the walk and is left to the caller ([`Reader::rest`]): a compressed
//! archive, perhaps.
//!
//! [`Stream`] reads the same out of pieces, as a decompressor yields them.
//!
//! Called by `initramfs`; calls nothing; only [`Stream`] allocates, for the name.
//!
//! Specification: Documentation/driver-api/early-userspace/buffer-format.rst of Linux; cpio(5). A header is 110 bytes:
//! the magic number "070701" (or "070702", with checksums) and 13 fields of 8 hexadecimal digits, followed by the name
//! with one NUL or more, padded to 4 bytes, and the data, padded to 4 bytes. Offsets count from the start of the archive.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod stream;
#[cfg(test)]
mod tests;

pub use stream::{Event, Stream};

use core::fmt;

/// Length of a header.
const HEADER: usize = 110;
/// Longest name with its NUL; `PATH_MAX`.
const NAME_MAX: usize = 4096;
/// The name of the entry that ends an archive.
const TRAILER: &[u8] = b"TRAILER!!!";

/// What is wrong with an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// It ends inside a header, a name or a file's data.
    Truncated,
    /// Neither a header nor zeros where a header must be.
    BadMagic,
    /// The old binary or ASCII format.
    OldFormat,
    /// A field is not a hexadecimal number.
    BadNumber,
    /// A name is empty, too long, not terminated or goes on behind a NUL.
    BadName,
    /// A sum of bytes ("070702") is wrong.
    BadChecksum,
    /// It has no trailer.
    NoTrailer,
    /// There is no memory for a name.
    NoMemory,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "archive is truncated",
            Self::BadMagic => "no cpio magic",
            Self::OldFormat => "incorrect cpio method used: use -H newc option",
            Self::BadNumber => "malformed number in a header",
            Self::BadName => "malformed name",
            Self::BadChecksum => "wrong checksum",
            Self::NoTrailer => "no trailer",
            Self::NoMemory => "out of memory",
        })
    }
}

/// The fields of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub ino: u32,
    /// Type and permissions, as `st_mode`.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub nlink: u32,
    /// Seconds since the epoch.
    pub mtime: u32,
    /// Length of the data.
    pub size: u32,
    pub dev_major: u32,
    pub dev_minor: u32,
    pub rdev_major: u32,
    pub rdev_minor: u32,
    name_size: u32,
    checksum: u32,
}

impl Header {
    /// All fields 0.
    const NONE: Self = Self {
        ino: 0,
        mode: 0,
        uid: 0,
        gid: 0,
        nlink: 0,
        mtime: 0,
        size: 0,
        dev_major: 0,
        dev_minor: 0,
        rdev_major: 0,
        rdev_minor: 0,
        name_size: 0,
        checksum: 0,
    };

    /// Names the file among all of the archive: entries with one identity and more than one link are one file.
    pub const fn identity(&self) -> (u32, u32, u32) {
        (self.dev_major, self.dev_minor, self.ino)
    }
}

/// One file of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    pub header: Header,
    /// The path, without a NUL.
    pub name: &'a [u8],
    /// The contents; of a symbolic link its target. Of hard links only the last entry has them.
    pub data: &'a [u8],
    /// Where the contents begin in the slice given to [`Reader::new`].
    pub offset: usize,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    File(Entry<'a>),
    /// An archive ended: hard links do not reach beyond it.
    Trailer,
}

/// Walks the archives in a slice. See the crate's front page.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where the archive began, from which padding counts.
    start: usize,
    inside: bool,
}

const fn align(offset: usize) -> usize {
    (offset + 3) & !3
}

impl<'a> Reader<'a> {
    /// Begins at the start of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            start: 0,
            inside: false,
        }
    }

    /// What was not read: all behind the last archive once [`next`](Self::next) has answered `None`.
    pub fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    /// The next item; `None` at the end of the slice or at something that is no archive.
    ///
    /// # Errors
    /// See [`Error`]. After an error the reader is not to be used.
    #[expect(
        clippy::should_implement_trait,
        reason = "it can fail; an Iterator of Results would go on behind an error"
    )]
    pub fn next(&mut self) -> Result<Option<Item<'a>>, Error> {
        if !self.inside {
            while self.bytes.get(self.at) == Some(&0) {
                self.at += 1;
            }
            if !is_archive(self.rest()) {
                return Ok(None);
            }
            self.inside = true;
            self.start = self.at;
        }
        if self.at == self.bytes.len() {
            return Err(Error::NoTrailer);
        }
        let header = parse(self.rest())?;
        let name_at = self.at + HEADER;
        let name = self.name(name_at, header.name_size as usize)?;
        let offset = self.padded(name_at + header.name_size as usize);
        let end = offset
            .checked_add(header.size as usize)
            .ok_or(Error::Truncated)?;
        let data = match header.size {
            // The padding behind the last name of all may be missing as well.
            0 => &[][..],
            _ => self.bytes.get(offset..end).ok_or(Error::Truncated)?,
        };
        if header.checksum != 0 && header.checksum != sum(data) {
            return Err(Error::BadChecksum);
        }
        // The last padding of all may be missing.
        self.at = self.padded(end).min(self.bytes.len());
        if name == TRAILER {
            self.inside = false;
            return Ok(Some(Item::Trailer));
        }
        Ok(Some(Item::File(Entry {
            header,
            name,
            data,
            offset,
        })))
    }

    fn padded(&self, offset: usize) -> usize {
        self.start + align(offset - self.start)
    }

    fn name(&self, at: usize, size: usize) -> Result<&'a [u8], Error> {
        is_longest(size)?;
        check_name(self.bytes.get(at..at + size).ok_or(Error::Truncated)?)
    }
}

/// Whether a name may be so long.
fn is_longest(size: usize) -> Result<(), Error> {
    if size == 0 || size > NAME_MAX {
        Err(Error::BadName)
    } else {
        Ok(())
    }
}

/// The name without what ends it: a NUL, and any number of NULs that pad it.
fn check_name(bytes: &[u8]) -> Result<&[u8], Error> {
    let len = bytes.iter().position(|b| *b == 0).ok_or(Error::BadName)?;
    let (name, end) = bytes.split_at(len);
    if name.is_empty() || end.iter().any(|b| *b != 0) {
        return Err(Error::BadName);
    }
    Ok(name)
}

/// Whether an archive begins here.
fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(b"0707")
}

fn parse(bytes: &[u8]) -> Result<Header, Error> {
    let magic = bytes.get(..6).ok_or(Error::Truncated)?;
    let sums = match magic {
        b"070701" => false,
        b"070702" => true,
        b"070707" => return Err(Error::OldFormat),
        _ => return Err(Error::BadMagic),
    };
    let digits = bytes.get(6..HEADER).ok_or(Error::Truncated)?;
    let mut fields = [0; 13];
    for (field, text) in fields.iter_mut().zip(digits.chunks_exact(8)) {
        *field = number(text)?;
    }
    let [
        ino,
        mode,
        uid,
        gid,
        nlink,
        mtime,
        size,
        dev_major,
        dev_minor,
        rdev_major,
        rdev_minor,
        name_size,
        check,
    ] = fields;
    Ok(Header {
        ino,
        mode,
        uid,
        gid,
        nlink,
        mtime,
        size,
        dev_major,
        dev_minor,
        rdev_major,
        rdev_minor,
        name_size,
        checksum: if sums { check } else { 0 },
    })
}

fn number(text: &[u8]) -> Result<u32, Error> {
    text.iter().try_fold(0, |value: u32, digit| {
        let digit = char::from(*digit).to_digit(16).ok_or(Error::BadNumber)?;
        Ok(value << 4 | digit)
    })
}

fn sum(data: &[u8]) -> u32 {
    data.iter()
        .fold(0, |sum: u32, byte| sum.wrapping_add(u32::from(*byte)))
}
