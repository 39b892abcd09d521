//! System calls: mmap(2) and its family.
use crate::Call;
use abi::raw::{
    __NR_brk, __NR_madvise, __NR_mincore, __NR_mlock, __NR_mlock2, __NR_mlockall, __NR_mmap,
    __NR_mprotect, __NR_mremap, __NR_msync, __NR_munlock, __NR_munlockall, __NR_munmap,
    __NR_pkey_alloc, __NR_pkey_free, __NR_pkey_mprotect, __NR_process_vm_readv,
    __NR_process_vm_writev, __NR_remap_file_pages, MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED,
    MAP_SHARED_VALIDATE, MAP_TYPE, MLOCK_ONFAULT, PROT_EXEC, PROT_READ, PROT_WRITE,
};
use abi::{Errno, PAGE_SIZE, Result, USER_END};
use alloc::sync::Arc;
use cred::cap;
use hal::addr::UserAddr;
use kmem::user;
use mm::{Mm, MmapRequest};
use task::Cx;

/// This family.
pub(crate) const CALLS: &[Call] = &[
    (__NR_mmap, "mmap", sys_mmap),
    (__NR_mprotect, "mprotect", sys_mprotect),
    (__NR_munmap, "munmap", sys_munmap),
    (__NR_brk, "brk", sys_brk),
    (__NR_mremap, "mremap", sys_mremap),
    (
        __NR_remap_file_pages,
        "remap_file_pages",
        sys_remap_file_pages,
    ),
    (__NR_msync, "msync", sys_msync),
    (__NR_mincore, "mincore", sys_mincore),
    (__NR_madvise, "madvise", sys_madvise),
    (__NR_mlock, "mlock", sys_mlock),
    (__NR_munlock, "munlock", sys_munlock),
    (__NR_mlockall, "mlockall", sys_mlockall),
    (__NR_munlockall, "munlockall", sys_munlockall),
    (__NR_mlock2, "mlock2", sys_mlock2),
    (__NR_pkey_mprotect, "pkey_mprotect", sys_pkey_mprotect),
    (__NR_pkey_alloc, "pkey_alloc", sys_pkey_alloc),
    (__NR_pkey_free, "pkey_free", sys_pkey_free),
    (
        __NR_process_vm_readv,
        "process_vm_readv",
        sys_process_vm_readv,
    ),
    (
        __NR_process_vm_writev,
        "process_vm_writev",
        sys_process_vm_writev,
    ),
];

/// personality(2): what may be read may be executed.
const READ_IMPLIES_EXEC: u32 = 0x040_0000;

fn sys_mmap(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let (addr, len, mut prot, flags, fd, offset) =
        (a[0], a[1], a[2] as u32, a[3] as u32, a[4] as i32, a[5]);
    if !offset.is_multiple_of(PAGE_SIZE) {
        return Err(Errno::EINVAL);
    }
    let backing = if flags & MAP_ANONYMOUS == 0 {
        let file = cx.files.get_io(fd)?;
        // The length is looked at first: 0 is EINVAL whatever the file is.
        // So is the kind of mapping.
        let shared = matches!(flags & MAP_TYPE, MAP_SHARED | MAP_SHARED_VALIDATE);
        if len == 0 || !shared && flags & MAP_TYPE != MAP_PRIVATE {
            return Err(Errno::EINVAL);
        }
        if shared && prot & PROT_WRITE != 0 && !file.mode().contains(vfs::FileMode::WRITE) {
            return Err(Errno::EACCES);
        }
        Some(file.mmap()?)
    } else {
        None
    };
    if cx.personality & READ_IMPLIES_EXEC != 0
        && prot & PROT_READ != 0
        && backing.as_ref().is_none_or(|b| b.may_exec())
    {
        prot |= PROT_EXEC;
    }
    // Asked only where it matters: nearly every call leaves the address to the kernel.
    let low_allowed = addr < mm::MMAP_MIN_ADDR && addr != 0 && cx.cred.capable(cap::SYS_RAWIO)
        || addr == 0
            && flags & (abi::raw::MAP_FIXED | abi::raw::MAP_FIXED_NOREPLACE) != 0
            && cx.cred.capable(cap::SYS_RAWIO);
    cx.mm.mmap(MmapRequest {
        addr,
        len,
        prot,
        flags,
        backing,
        offset: offset as u64,
        low_allowed,
    })
}

fn sys_munmap(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    cx.mm.munmap(a[0], a[1]).map(|()| 0)
}

fn sys_mprotect(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let mut prot = a[2] as u32;
    if cx.personality & READ_IMPLIES_EXEC != 0 && prot & PROT_READ != 0 {
        prot |= PROT_EXEC;
    }
    cx.mm.mprotect(a[0], a[1], prot).map(|()| 0)
}

/// No protection keys here: only "none" (-1) may be named.
fn sys_pkey_mprotect(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    if a[3] as i32 != -1 {
        return Err(Errno::EINVAL);
    }
    sys_mprotect(cx, a)
}

fn sys_pkey_alloc(_cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    const ACCESS_MASK: usize = 3;
    if a[0] != 0 || a[1] & !ACCESS_MASK != 0 {
        Err(Errno::EINVAL)
    } else {
        Err(Errno::ENOSPC)
    }
}

fn sys_pkey_free(_cx: &mut Cx, _a: &[usize; 6]) -> Result<usize> {
    Err(Errno::EINVAL)
}

fn sys_brk(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    Ok(cx.mm.brk(a[0]))
}

fn sys_mremap(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    cx.mm.mremap(a[0], a[1], a[2], a[3] as u32, a[4])
}

fn sys_remap_file_pages(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let (prot, flags) = (a[2] as u32, a[4] as u32);
    cx.mm
        .remap_file_pages(a[0], a[1], prot, a[3], flags)
        .map(|()| 0)
}

fn sys_msync(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    cx.mm.msync(a[0], a[1], a[2] as u32).map(|()| 0)
}

fn sys_madvise(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    cx.mm.madvise(a[0], a[1], a[2] as u32).map(|()| 0)
}

fn sys_mincore(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let (start, len, vec) = (a[0], a[1], UserAddr(a[2]));
    if !start.is_multiple_of(PAGE_SIZE) {
        return Err(Errno::EINVAL);
    }
    if start.checked_add(len).is_none_or(|end| end > USER_END) {
        return Err(Errno::ENOMEM);
    }
    let pages = len.div_ceil(PAGE_SIZE);
    user::check(vec, pages)?;
    let mut chunk = [0; 256];
    let mut done = 0;
    while done < pages {
        let n = chunk.len().min(pages - done);
        cx.mm.mincore(start + done * PAGE_SIZE, &mut chunk[..n])?;
        user::copy_to_user(vec.add(done), &chunk[..n])?;
        done += n;
    }
    Ok(0)
}

fn sys_mlock(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    cx.mm.mlock(a[0], a[1], false).map(|()| 0)
}

fn sys_mlock2(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let flags = a[2] as u32;
    if flags & !MLOCK_ONFAULT != 0 {
        return Err(Errno::EINVAL);
    }
    cx.mm
        .mlock(a[0], a[1], flags & MLOCK_ONFAULT != 0)
        .map(|()| 0)
}

fn sys_munlock(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    cx.mm.munlock(a[0], a[1]).map(|()| 0)
}

fn sys_mlockall(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    cx.mm.mlockall(a[0] as u32).map(|()| 0)
}

fn sys_munlockall(cx: &mut Cx, _a: &[usize; 6]) -> Result<usize> {
    cx.mm.munlockall().map(|()| 0)
}

/// Which way process_vm_readv(2) and process_vm_writev(2) move data.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    FromRemote,
    ToRemote,
}

fn sys_process_vm_readv(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    process_vm(cx, a, Direction::FromRemote)
}

fn sys_process_vm_writev(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    process_vm(cx, a, Direction::ToRemote)
}

/// `EINVAL` (flags, too many segments), `EFAULT`, `ESRCH`, `EPERM`.
fn process_vm(cx: &mut Cx, a: &[usize; 6], direction: Direction) -> Result<usize> {
    const MAX_SEGMENTS: usize = 1024;
    // Unsigned ints to Linux, the first of them.
    let (here, there) = (a[2] as u32 as usize, a[4]);
    if a[5] != 0 || here > MAX_SEGMENTS {
        return Err(Errno::EINVAL);
    }
    let mut local = Segments::new(a[1], here);
    let bytes = local.check(|addr, len| user::check(UserAddr(addr), len))?;
    if bytes == 0 {
        return Ok(0);
    }
    if there > MAX_SEGMENTS {
        return Err(Errno::EINVAL);
    }
    let mut remote = Segments::new(a[3], there);
    remote.check(|_, _| Ok(()))?;
    if there == 0 {
        return Ok(0);
    }
    let target = remote_space(cx, a[0] as i32)?;
    let mut done = 0;
    let result = move_all(&target, &mut local, &mut remote, direction, &mut done);
    match result {
        Err(e) if done == 0 => Err(e),
        _ => Ok(done),
    }
}

fn move_all(
    target: &Arc<Mm>,
    local: &mut Segments,
    remote: &mut Segments,
    direction: Direction,
    done: &mut usize,
) -> Result<()> {
    let mut bytes = [0; 512];
    while let (Some((here, here_len)), Some((there, there_len))) = (local.head()?, remote.head()?) {
        let n = here_len.min(there_len).min(bytes.len());
        let chunk = &mut bytes[..n];
        let moved = if direction == Direction::FromRemote {
            let moved = target.read_remote(UserAddr(there), chunk)?;
            user::copy_to_user(UserAddr(here), &chunk[..moved])?;
            moved
        } else {
            user::copy_from_user(chunk, UserAddr(here))?;
            target.write_remote(UserAddr(there), chunk, false)?
        };
        *done += moved;
        if moved < n {
            return Err(Errno::EFAULT);
        }
        local.advance(n);
        remote.advance(n);
    }
    Ok(())
}

/// The segments of an iovec array in user memory, read one at a time.
struct Segments {
    array: usize,
    left: usize,
    now: Option<(usize, usize)>,
}

impl Segments {
    const fn new(array: usize, count: usize) -> Self {
        Self {
            array,
            left: count,
            now: None,
        }
    }

    /// Looks at all segments beforehand, with `look` for each; gives how many bytes they have. `EFAULT`, `EINVAL`.
    fn check(&self, mut look: impl FnMut(usize, usize) -> Result<()>) -> Result<usize> {
        let at = |n: usize| UserAddr(self.array).add(n * size_of::<abi::pod::Iovec>());
        let mut bytes = 0usize;
        for n in 0..self.left {
            let iov: abi::pod::Iovec = user::read(at(n))?;
            if iov.iov_len > isize::MAX as usize {
                return Err(Errno::EINVAL);
            }
            look(iov.iov_base, iov.iov_len)?;
            bytes = bytes.saturating_add(iov.iov_len);
        }
        Ok(bytes)
    }

    /// Address and length of what comes next; `None` at the end. `EFAULT`, `EINVAL`.
    fn head(&mut self) -> Result<Option<(usize, usize)>> {
        while self.now.is_none_or(|(_, len)| len == 0) {
            if self.left == 0 {
                return Ok(None);
            }
            let iov: abi::pod::Iovec = user::read(UserAddr(self.array))?;
            if iov.iov_len > isize::MAX as usize {
                return Err(Errno::EINVAL);
            }
            self.array += size_of::<abi::pod::Iovec>();
            self.left -= 1;
            self.now = Some((iov.iov_base, iov.iov_len));
        }
        Ok(self.now)
    }

    fn advance(&mut self, n: usize) {
        if let Some((addr, len)) = &mut self.now {
            *addr = addr.wrapping_add(n);
            *len -= n;
        }
    }
}

/// The memory of a process that the caller may look into (ptrace(2), "Ptrace access mode checking"). `ESRCH`, `EPERM`.
fn remote_space(cx: &Cx, pid: i32) -> Result<Arc<Mm>> {
    let task = cx.find_task(pid)?;
    let space = task.mm().ok_or(Errno::ESRCH)?;
    if crate::process::may_inspect(cx, &task)? {
        Ok(space)
    } else {
        Err(Errno::EPERM)
    }
}
