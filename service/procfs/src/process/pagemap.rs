//! /proc/PID/pagemap: a word of 64 bits for each page of the address space, at eight times the page's number.
//!
//! Specification: Documentation/admin-guide/mm/pagemap.rst. Bit 55 (written to since it was last asked) is never set: nobody
//! keeps it.
use super::Who;
use super::mem::{seek, space};
use abi::{Errno, PAGE_SHIFT, PAGE_SIZE, Result, USER_END};
use alloc::sync::Weak;
use cred::{Cred, cap};
use kmem::user::UserBuf;
use mm::Mm;
use vfs::{File, FileOps, FileOpsRef, Io};

const ENTRY: usize = size_of::<u64>();
const PRESENT: u64 = 1 << 63;
/// A page of a file, or of memory that is shared by design.
const OF_OBJECT: u64 = 1 << 61;
/// Mapped here and nowhere else.
const EXCLUSIVE: u64 = 1 << 56;
/// Entries made at a time.
const BATCH: usize = 64;

/// EACCES: the caller may not look into the process.
pub(super) fn open(who: &Who, by: &Cred) -> Result<FileOpsRef> {
    let map = PageMap {
        space: space(who, by)?,
        // Where a page lies tells an attacker what to hammer.
        shows_frames: by.capable(cap::SYS_ADMIN),
    };
    Ok(FileOpsRef::own(kmem::try_arc(map)?))
}

struct PageMap {
    space: Weak<Mm>,
    shows_frames: bool,
}

impl PageMap {
    fn entries(&self, space: &Mm, from: usize, entries: &mut [u64]) {
        let end = from + entries.len() * PAGE_SIZE;
        space.for_each_page(from..end, &mut |va, page| {
            let mut entry = PRESENT;
            if self.shows_frames {
                entry |= page.frame_number;
            }
            if !page.is_own {
                entry |= OF_OBJECT;
            }
            if page.mappers == 1 {
                entry |= EXCLUSIVE;
            }
            entries[(va - from) >> PAGE_SHIFT] = entry;
        });
    }
}

impl FileOps for PageMap {
    /// EINVAL: not whole entries.
    fn read(&self, _file: &File, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        let Some(space) = self.space.upgrade() else {
            return Ok(0);
        };
        if !io.pos.is_multiple_of(ENTRY as u64) || !buf.remaining().is_multiple_of(ENTRY) {
            return Err(Errno::EINVAL);
        }
        let end = (USER_END >> PAGE_SHIFT) as u64;
        let mut done = 0;
        while buf.remaining() != 0 && io.pos / (ENTRY as u64) < end {
            let page = io.pos / ENTRY as u64;
            let count = (buf.remaining() / ENTRY)
                .min(BATCH)
                .min((end - page) as usize);
            let mut entries = [0; BATCH];
            self.entries(&space, (page as usize) << PAGE_SHIFT, &mut entries[..count]);
            for entry in &entries[..count] {
                if buf.copy_to(&entry.to_ne_bytes())? != ENTRY {
                    return Err(Errno::EFAULT);
                }
            }
            io.pos += (count * ENTRY) as u64;
            done += count * ENTRY;
        }
        Ok(done)
    }

    fn seek(&self, file: &File, offset: i64, whence: u32) -> Result<u64> {
        seek(file, offset, whence)
    }
}
