//! shmget(2), shmat(2), shmdt(2).
use crate::objects::{Objects, of};
use crate::owned;
use crate::perm::Perm;
use crate::shm::{Home, Memory, Segment, hold};
use crate::table::{Head, IPC_PRIVATE, Room};
use abi::ipc::{
    IPC_CREAT, IPC_EXCL, SHM_EXEC, SHM_HUGETLB, SHM_NORESERVE, SHM_RDONLY, SHM_REMAP, SHM_RND,
};
use abi::raw::{MAP_FIXED, MAP_FIXED_NOREPLACE, MAP_SHARED, PROT_EXEC, PROT_READ, PROT_WRITE};
use abi::{Errno, PAGE_SHIFT, PAGE_SIZE, Result, USER_END};
use alloc::sync::{Arc, Weak};
use core::sync::atomic::Ordering::Relaxed;
use cred::cap;
use mm::MmapRequest;
use task::Cx;

/// shmget(2): the id of a segment of that key, or of a new one.
///
/// # Errors
/// `ENOENT`, `EEXIST`, `EACCES`; `EINVAL`: no such size, or the segment is smaller; `ENOSPC`: too many or too large;
/// `ENOMEM`; `EPERM`: may not use huge pages.
pub fn get(cx: &Cx, key: i32, size: usize, flags: u32) -> Result<i32> {
    let objects = of(cx)?;
    loop {
        let found = (key != IPC_PRIVATE).then(|| objects.segments.find(key));
        if let Some(segment) = found.flatten() {
            if flags & (IPC_CREAT | IPC_EXCL) == IPC_CREAT | IPC_EXCL {
                return Err(Errno::EEXIST);
            }
            if segment.size < size as u64 {
                return Err(Errno::EINVAL);
            }
            let state = segment.state.lock();
            if state.gone {
                continue;
            }
            state.perm.check(&cx.cred, &objects.owner, flags)?;
            return Ok(segment.id());
        }
        if key != IPC_PRIVATE && flags & IPC_CREAT == 0 {
            return Err(Errno::ENOENT);
        }
        match create(cx, objects, key, size as u64, flags) {
            Err(Errno::EEXIST) => {} // somebody was faster
            other => return other,
        }
    }
}

fn create(cx: &Cx, objects: &Arc<Objects>, key: i32, size: u64, flags: u32) -> Result<i32> {
    let limits = &objects.limits;
    if size == 0 || size > limits.shm_max.load(Relaxed) {
        return Err(Errno::EINVAL);
    }
    let pages = size
        .checked_add(PAGE_SIZE as u64 - 1)
        .ok_or(Errno::ENOSPC)?
        >> PAGE_SHIFT;
    let room = Room {
        most: limits.shm_most.load(Relaxed),
        weight: pages,
        most_weight: limits.shm_all.load(Relaxed),
    };
    let used = objects.segments.totals().2;
    if used
        .checked_add(pages)
        .is_none_or(|all| all > room.most_weight)
    {
        return Err(Errno::ENOSPC);
    }
    let memory = if flags & SHM_HUGETLB != 0 {
        huge_memory(cx, pages, flags)?
    } else {
        Memory::new(pages, flags & SHM_NORESERVE != 0)?
    };
    let perm = Perm::new(key, flags, &cx.cred);
    let home: Weak<dyn Home> = Arc::<Objects>::downgrade(objects);
    let maker = cx.process().pid();
    let segment = Segment::new(Head::new()?, perm, size, memory, home, maker);
    let segment = kmem::try_arc(segment)?;
    let owned = owned::of_process(cx)?;
    owned.add_segment(&segment)?;
    let id = objects.segments.insert(&segment, key, &room)?;
    Ok(id)
}

/// Memory of huge pages. `EINVAL`: no such size; `EPERM`: may not use them; `ENOMEM`.
fn huge_memory(cx: &Cx, pages: u64, flags: u32) -> Result<Arc<Memory>> {
    const SHIFT: u32 = 26;
    let log = flags >> SHIFT & 0x3f;
    let there = mm::huge_size(log);
    if there == Err(Errno::EINVAL) {
        return Err(Errno::EINVAL);
    }
    let limit = cx.process().limits().cur(cred::Resource::Memlock);
    let group = cred::Kgid(mm::huge_shm_group());
    let may = cx.cred.capable(cap::IPC_LOCK) || cx.cred.in_group(group);
    if !may && limit >> PAGE_SHIFT < pages {
        return Err(Errno::EPERM);
    }
    there?;
    Memory::huge(pages, flags & SHM_NORESERVE != 0)
}

/// shmat(2): where the segment is attached.
///
/// # Errors
/// `EINVAL`: no such segment, bad address, or something is mapped there; `EIDRM`; `EACCES`; `ENOMEM`; what mmap(2) says.
pub fn attach(cx: &Cx, id: i32, addr: usize, flags: u32) -> Result<usize> {
    let objects = of(cx)?;
    let addr = place(addr, flags)?;
    let mut prot = PROT_READ;
    let mut wanted = 0o444;
    if flags & SHM_RDONLY == 0 {
        prot |= PROT_WRITE;
        wanted |= 0o222;
    }
    if flags & SHM_EXEC != 0 {
        prot |= PROT_EXEC;
        wanted |= 0o111;
    }
    let segment = objects.segments.get(id)?;
    // Counted from here on, so that it is not removed meanwhile.
    let attached = hold(
        &segment,
        &cx.cred,
        &objects.owner,
        wanted,
        flags & SHM_RDONLY == 0,
    )?;
    let size = segment.size as usize;
    let fixed = match (addr, flags & SHM_REMAP != 0) {
        (0, _) => 0,
        (_, true) => MAP_FIXED,
        (at, false) if at.checked_add(size).is_none() => return Err(Errno::EINVAL),
        (at, false) if at + size > USER_END => return Err(Errno::ENOMEM),
        (_, false) => MAP_FIXED_NOREPLACE,
    };
    let request = MmapRequest {
        addr,
        len: size,
        prot,
        flags: MAP_SHARED | fixed,
        backing: Some(attached),
        offset: 0,
        low_allowed: cx.cred.capable(cap::SYS_RAWIO),
    };
    cx.mm.mmap(request).map_err(|error| match error {
        Errno::EEXIST => Errno::EINVAL,
        other => other,
    })
}

fn place(addr: usize, flags: u32) -> Result<usize> {
    let floor = addr & !(PAGE_SIZE - 1);
    let remap = flags & SHM_REMAP != 0;
    match () {
        () if addr != floor && flags & SHM_RND == 0 => Err(Errno::EINVAL),
        () if remap && floor == 0 => Err(Errno::EINVAL),
        () => Ok(floor),
    }
}

/// shmdt(2). `EINVAL`: nothing is attached there.
pub fn detach(cx: &Cx, addr: usize) -> Result<()> {
    cx.mm.shmdt(addr)
}
