//! Moving data between files, room and advice.
use crate::bounds::{check_size_limit, signal_self, size_limit};
use abi::raw::O_APPEND;
use abi::{Errno, MAX_RW_COUNT, Result};
use kmem::user::{self, UserAddr};
use pid::signals;
use task::Cx;
use vfs::{File, FileMode, FileType};

/// The position that `addr` points to, if it points anywhere. EINVAL: negative.
pub(super) fn read_pos(addr: usize) -> Result<Option<u64>> {
    if addr == 0 {
        return Ok(None);
    }
    let pos: i64 = user::read(UserAddr(addr))?;
    u64::try_from(pos).map(Some).map_err(|_| Errno::EINVAL)
}

pub(super) fn write_pos(addr: usize, pos: Option<u64>) -> Result<()> {
    pos.map_or(Ok(()), |pos| user::write(UserAddr(addr), &pos))
}

fn require_ends(from: &File, to: &File) -> Result<()> {
    if !from.mode().contains(FileMode::READ) || !to.mode().contains(FileMode::WRITE) {
        return Err(Errno::EBADF);
    }
    Ok(())
}

fn copy(
    cx: &Cx,
    (from, from_pos): (&File, &mut Option<u64>),
    (to, to_pos): (&File, &mut Option<u64>),
    len: usize,
) -> Result<usize> {
    let len = len.min(MAX_RW_COUNT);
    let limit = size_limit(cx);
    let copied = vfs::copy_between(from, from_pos.as_mut(), to, to_pos.as_mut(), len, limit);
    let result = copied.map_err(|e| {
        if e.over_limit {
            signal_self(cx, signals::SIGXFSZ);
        }
        if e.errno == Errno::EPIPE {
            signal_self(cx, signals::SIGPIPE);
        }
        e.errno
    });
    let io = cx.task.io_counters();
    io.note_segments_read(result);
    io.note_segments_written(result);
    result
}

pub(super) fn sys_sendfile64(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let (to, from) = (cx.files.get(a[0] as i32)?, cx.files.get(a[1] as i32)?);
    let mut pos = read_pos(a[2])?;
    require_ends(&from, &to)?;
    if pos.is_some() {
        from.require_seek()?;
    }
    // As in Linux: a stream could lose what was read and cannot be written, and a terminal would be read beyond a line.
    let rereadable = matches!(
        from.inode().kind(),
        FileType::Regular | FileType::BlockDevice
    );
    let takes_pages = to.inode().kind() != FileType::Anonymous;
    if to.flags().bits() & O_APPEND != 0 || !rereadable || !takes_pages {
        return Err(Errno::EINVAL);
    }
    if (a[3] as i64) < 0 {
        return Err(Errno::EINVAL);
    }
    let done = copy(cx, (&from, &mut pos), (&to, &mut None), a[3])?;
    write_pos(a[2], pos)?;
    Ok(done)
}

pub(super) fn sys_copy_file_range(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let (from, to) = (cx.files.get(a[0] as i32)?, cx.files.get(a[2] as i32)?);
    let (mut from_pos, mut to_pos) = (read_pos(a[1])?, read_pos(a[3])?);
    let len = a[4];
    if a[5] as u32 != 0 {
        return Err(Errno::EINVAL);
    }
    if from.is_dir() || to.is_dir() {
        return Err(Errno::EISDIR);
    }
    if from.inode().kind() != FileType::Regular || to.inode().kind() != FileType::Regular {
        return Err(Errno::EINVAL);
    }
    require_ends(&from, &to)?;
    if to.flags().bits() & O_APPEND != 0 {
        return Err(Errno::EBADF);
    }
    let (start, target) = (from_pos.unwrap_or(from.pos()), to_pos.unwrap_or(to.pos()));
    let same = alloc::sync::Arc::ptr_eq(from.inode(), to.inode());
    let near = start.abs_diff(target) < len as u64;
    if same && near && len > 0 {
        return Err(Errno::EINVAL);
    }
    if !alloc::sync::Arc::ptr_eq(from.inode().sb(), to.inode().sb()) {
        return Err(Errno::EXDEV);
    }
    let done = copy(cx, (&from, &mut from_pos), (&to, &mut to_pos), len)?;
    if done > 0 {
        write_pos(a[1], from_pos)?;
        write_pos(a[3], to_pos)?;
    }
    Ok(done)
}

pub(super) fn sys_fallocate(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let (mode, offset, len) = (a[1] as u32, a[2] as i64, a[3] as i64);
    let file = cx.files.get_io(a[0] as i32)?;
    if offset < 0 || len <= 0 {
        return Err(Errno::EINVAL);
    }
    if !file.mode().contains(FileMode::WRITE) {
        return Err(Errno::EBADF);
    }
    match file.inode().kind() {
        FileType::Regular | FileType::BlockDevice => {}
        FileType::Fifo => return Err(Errno::ESPIPE),
        FileType::Directory => return Err(Errno::EISDIR),
        _ => return Err(Errno::ENODEV),
    }
    let end = offset.checked_add(len).ok_or(Errno::EFBIG)? as u64;
    if end > file.inode().sb().max_size() {
        return Err(Errno::EFBIG);
    }
    if mode & abi::raw::FALLOC_FL_KEEP_SIZE == 0 {
        check_size_limit(cx, file.inode(), end)?;
    }
    file.ops()
        .fallocate(&file, mode, offset as u64, len as u64)?;
    Ok(0)
}

/// Advice about access: the page cache has no readahead to tune, so it is checked and noted by nobody.
pub(super) fn sys_fadvise64(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    const NOREUSE: u32 = 5;
    let file = cx.files.get_io(a[0] as i32)?;
    if file.inode().kind() == FileType::Fifo {
        return Err(Errno::ESPIPE);
    }
    if (a[2] as i64) < 0 || a[3] as u32 > NOREUSE {
        return Err(Errno::EINVAL);
    }
    Ok(0)
}

pub(super) fn sys_readahead(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let file = cx.files.get_io(a[0] as i32)?;
    if !file.mode().contains(FileMode::READ) {
        return Err(Errno::EBADF);
    }
    if !matches!(
        file.inode().kind(),
        FileType::Regular | FileType::BlockDevice
    ) || (a[2] as i64) < 0
    {
        return Err(Errno::EINVAL);
    }
    let Some(cache) = file.inode().cache().filter(|cache| !cache.is_memory()) else {
        return Ok(0);
    };
    let end = a[1].saturating_add(a[2]).min(file.inode().size() as usize);
    for index in a[1] / abi::PAGE_SIZE..end.div_ceil(abi::PAGE_SIZE) {
        cache.get_page(index as u64)?;
    }
    Ok(0)
}

pub(super) fn sys_sync_file_range(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    const ALL: u32 = 7;
    let file = cx.files.get_io(a[0] as i32)?;
    let (offset, len) = (a[1] as i64, a[2] as i64);
    if a[3] as u32 & !ALL != 0 || offset < 0 || len < 0 || offset.checked_add(len).is_none() {
        return Err(Errno::EINVAL);
    }
    match file.inode().kind() {
        FileType::Regular | FileType::Directory | FileType::BlockDevice | FileType::Symlink => {}
        _ => return Err(Errno::ESPIPE),
    }
    let Some(cache) = file.inode().cache() else {
        return Ok(0);
    };
    let end = if len == 0 {
        u64::MAX
    } else {
        (offset + len) as u64 - 1
    };
    cache.sync(offset as u64 >> abi::PAGE_SHIFT, end >> abi::PAGE_SHIFT)?;
    Ok(0)
}
