//! Unpacks the initramfs into the root file system.
//!
//! The initrd that the boot loader left is a row of cpio archives (newc), each plain or compressed by gzip, with zeros
//! between them. Whole pages of file data that lie on page boundaries of an uncompressed archive become the file's pages
//! where they are ([`kmem::frame::adopt`]); everything else is copied, and the rest of the initrd is freed.
//!
//! | module | holds |
//! |---|---|
//! | `unpack` | [`Unpacker`]: makes files, directories, links and nodes of archive entries |
//! | `gzip` | the frame around deflate data (RFC 1952), its checksum, the inflater |
//!
//! Called by the image, once, before the first process. Calls `vfs`, `cpio`, `kmem`, `miniz_oxide`.
//!
//! Specification: Documentation/driver-api/early-userspace/buffer-format.rst; RFC 1951, RFC 1952.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod crc32;
mod gzip;
#[cfg(test)]
mod tests;
mod unpack;

use abi::Errno;
use alloc::sync::Arc;
use core::fmt;
use core::ops::Range;
use cred::Cred;
use hal::addr::PhysAddr;
use unpack::Unpacker;
use vfs::Path;

/// What was unpacked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Entries of all archives.
    pub entries: usize,
    /// Entries that could not be made (their directory is missing).
    pub skipped: usize,
    /// Bytes of data, uncompressed.
    pub bytes: u64,
    /// Pages that became page cache where they lay.
    pub adopted: usize,
    /// Pages freed.
    pub freed: usize,
}

/// Why the initramfs cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// It does not lie where the boot loader said.
    Missing,
    /// It is neither a cpio archive nor compressed in a known way; the offset is where it goes wrong.
    Unknown { offset: usize },
    /// It is compressed by a method that is not built in.
    Compression(&'static str),
    /// An archive is malformed.
    Archive { error: cpio::Error, offset: usize },
    /// Compressed data is malformed.
    Gzip { error: &'static str, offset: usize },
    /// There is no room or memory for what is in it.
    NoRoom(Errno),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("initramfs unpacking failed: ")?;
        match self {
            Self::Missing => f.write_str("not in memory"),
            Self::Unknown { offset } => write!(f, "invalid magic at offset {offset:#x}"),
            Self::Compression(method) => write!(f, "compression method {method} not configured"),
            Self::Archive { error, offset } => write!(f, "{error} (archive at offset {offset:#x})"),
            Self::Gzip { error, offset } => write!(f, "{error} (gzip data at offset {offset:#x})"),
            Self::NoRoom(errno) => write!(f, "no room: {errno}"),
        }
    }
}

/// Unpacks the initrd at `range` into the tree under `root`, acting as `cred`, and frees what is left of it.
///
/// # Errors
/// See [`Error`]. What was unpacked before stays.
pub fn unpack(range: Range<PhysAddr>, root: &Path, cred: &Arc<Cred>) -> Result<Report, Error> {
    let base = range.start;
    let unpacked = kmem::frame::with_initrd(range.clone(), |bytes| {
        let mut unpacker = Unpacker::new(root, cred, Some(base))?;
        unpack_bytes(&mut unpacker, bytes)?;
        Ok(unpacker)
    });
    // The bytes are borrowed no more: now their pages may change hands.
    let mut report = unpacked
        .ok_or(Error::Missing)??
        .adopt_pages()
        .map_err(Error::NoRoom)?;
    report.freed = kmem::frame::free_reserved(range);
    Ok(report)
}

/// Unpacks archives that lie in ordinary memory.
///
/// # Errors
/// See [`Error`].
pub fn unpack_from(bytes: &[u8], root: &Path, cred: &Arc<Cred>) -> Result<Report, Error> {
    let mut unpacker = Unpacker::new(root, cred, None)?;
    unpack_bytes(&mut unpacker, bytes)?;
    unpacker.adopt_pages().map_err(Error::NoRoom)
}

fn unpack_bytes(unpacker: &mut Unpacker<'_>, bytes: &[u8]) -> Result<(), Error> {
    let mut at = 0;
    loop {
        at += bytes[at..].iter().take_while(|b| **b == 0).count();
        let rest = &bytes[at..];
        if rest.is_empty() {
            return Ok(());
        }
        at += if rest.starts_with(b"0707") {
            unpacker.plain(rest, at)?
        } else if rest.starts_with(&gzip::MAGIC) {
            unpacker.gzip(rest, at)?
        } else {
            return Err(
                other_method(rest).map_or(Error::Unknown { offset: at }, Error::Compression)
            );
        };
    }
}

/// The compression method that these bytes begin.
fn other_method(bytes: &[u8]) -> Option<&'static str> {
    let methods: [(&[u8], &str); 6] = [
        (b"BZh", "bzip2"),
        (&[0x5d, 0], "lzma"),
        (&[0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], "xz"),
        (&[0x89, 0x4c, 0x5a, 0x4f], "lzo"),
        (&[0x02, 0x21, 0x4c, 0x18], "lz4"),
        (&[0x28, 0xb5, 0x2f, 0xfd], "zstd"),
    ];
    methods
        .iter()
        .find(|(magic, _)| bytes.starts_with(magic))
        .map(|(_, name)| *name)
}
