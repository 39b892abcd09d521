//! Positions of files whose length is that of their inode, and of directories.
use crate::objects::{File, Inode};
use crate::readdir::{AFTER_DOTS, DirEntry, DirSink, Sink};
use crate::types::FileType;
use abi::{Errno, PAGE_SHIFT, Result, raw};

impl File {
    /// The position that lseek(2) leads to on a file of the inode's size. EINVAL: before the start or beyond what the file
    /// system holds; ENXIO: `SEEK_DATA`, `SEEK_HOLE` beyond the end.
    pub fn generic_seek(&self, offset: i64, whence: u32) -> Result<u64> {
        let inode = self.inode();
        let size = inode.size();
        let base = match whence {
            raw::SEEK_SET => 0,
            raw::SEEK_CUR => self.pos() as i64,
            raw::SEEK_END => size as i64,
            raw::SEEK_DATA | raw::SEEK_HOLE if !inode.is_dir() => {
                return seek_data(inode, offset, size, whence);
            }
            _ => return Err(Errno::EINVAL),
        };
        let pos = base.checked_add(offset).ok_or(Errno::EINVAL)?;
        let pos = u64::try_from(pos).map_err(|_| Errno::EINVAL)?;
        if pos > inode.sb().max_size() {
            return Err(Errno::EINVAL);
        }
        Ok(pos)
    }
}

fn seek_data(inode: &Inode, offset: i64, size: u64, whence: u32) -> Result<u64> {
    let offset = u64::try_from(offset)
        .ok()
        .filter(|o| *o < size)
        .ok_or(Errno::ENXIO)?;
    let last = (size - 1) >> PAGE_SHIFT;
    // Where the cache is not the whole truth all is data, which is allowed.
    let sparse = inode.cache().filter(|c| c.is_memory());
    match (sparse, whence == raw::SEEK_DATA) {
        (None, true) => Ok(offset),
        (None, false) => Ok(size),
        (Some(cache), true) => cache
            .next_page(offset >> PAGE_SHIFT)
            .filter(|page| *page <= last)
            .map(|page| offset.max(page << PAGE_SHIFT))
            .ok_or(Errno::ENXIO),
        (Some(cache), false) => Ok(cache
            .next_hole(offset >> PAGE_SHIFT, last)
            .map_or(size, |page| offset.max(page << PAGE_SHIFT))),
    }
}

/// Hands out "." and "..", which have positions 0 and 1.
pub fn emit_dots(file: &File, pos: &mut u64, sink: &mut dyn DirSink) -> Result<Sink> {
    while *pos < AFTER_DOTS {
        let (name, ino) = if *pos == 0 {
            (&b"."[..], file.inode().ino())
        } else {
            let parent = file.dentry().parent();
            let parent = parent
                .as_ref()
                .and_then(|p| p.inode())
                .unwrap_or(file.inode());
            (&b".."[..], parent.ino())
        };
        let entry = DirEntry {
            name,
            ino,
            kind: FileType::Directory,
            next: *pos + 1,
        };
        if sink.entry(&entry)? == Sink::Full {
            return Ok(Sink::Full);
        }
        *pos += 1;
    }
    Ok(Sink::Taken)
}
