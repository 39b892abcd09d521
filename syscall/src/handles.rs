//! System calls: file handles, name_to_handle_at(2) and open_by_handle_at(2).
use crate::Call;
use crate::bounds::fd_limit;
use crate::fs::find_at;
use abi::raw::{
    __NR_name_to_handle_at, __NR_open_by_handle_at, AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_FOLLOW,
    O_LARGEFILE, O_PATH,
};
use abi::{Errno, Result};
use alloc::sync::Arc;
use cred::cap;
use kmem::user::{UserAddr, UserPtr, copy_from_user, copy_to_user};
use task::Cx;
use vfs::{Handle, LookupFlags, Mount, OnExec, OpenFlags, OpenHow, find_handle};

/// This family.
pub(crate) const CALLS: &[Call] = &[
    (
        __NR_name_to_handle_at,
        "name_to_handle_at",
        sys_name_to_handle_at,
    ),
    (
        __NR_open_by_handle_at,
        "open_by_handle_at",
        sys_open_by_handle_at,
    ),
];

/// `MAX_HANDLE_SZ`.
const MOST: usize = 128;
/// `handle_bytes` and `handle_type` of `struct file_handle`, before its bytes.
type Head = [u32; 2];
/// `handle_type` of a handle that there was no room for.
const INVALID: u32 = 0xff;

/// EFAULT, EINVAL, EOPNOTSUPP, EOVERFLOW: no room; and the errors of a walk.
fn sys_name_to_handle_at(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let flags = a[4] as u32;
    if flags & !(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH) != 0 {
        return Err(Errno::EINVAL);
    }
    let mut lookup = LookupFlags::empty();
    lookup.set(LookupFlags::FOLLOW, flags & AT_SYMLINK_FOLLOW != 0);
    lookup.set(LookupFlags::EMPTY, flags & AT_EMPTY_PATH != 0);
    let at = find_at(cx, a[0], a[1], lookup)?;
    let handle = Handle::of(at.inode()?).ok_or(Errno::EOPNOTSUPP)?;
    let head = UserPtr::<Head>::new(a[2]);
    let [room, _] = head.read()?;
    if room as usize > MOST {
        return Err(Errno::EINVAL);
    }
    let fits = room as usize >= Handle::LEN;
    let kind = if fits { Handle::KIND as u32 } else { INVALID };
    UserPtr::<i32>::new(a[3]).write(&(at.mnt.id() as i32))?;
    head.write(&[Handle::LEN as u32, kind])?;
    if !fits {
        return Err(Errno::EOVERFLOW);
    }
    copy_to_user(UserAddr(a[2] + size_of::<Head>()), &handle.bytes())?;
    Ok(0)
}

/// EPERM, EFAULT, EINVAL, EBADF, ESTALE, EMFILE, ENOMEM, and the errors of open(2).
fn sys_open_by_handle_at(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    cx.cred.require(cap::DAC_READ_SEARCH)?;
    let [len, _] = UserPtr::<Head>::new(a[1]).read()?;
    let len = len as usize;
    if len == 0 || len > MOST {
        return Err(Errno::EINVAL);
    }
    let mut bytes = [0; MOST];
    copy_from_user(&mut bytes[..len], UserAddr(a[1] + size_of::<Head>()))?;
    let mount: Arc<Mount> = if a[0] as i32 == AT_FDCWD {
        cx.fs.cwd().mnt
    } else {
        cx.files.get_io(a[0] as i32)?.path().mnt.clone()
    };
    let at = find_handle(&mount, &bytes[..len])?;
    let flags = a[2] as u32;
    let large = if flags & O_PATH == 0 { O_LARGEFILE } else { 0 };
    let how = OpenHow::new(flags | large, 0);
    let on_exec = OnExec::from_flag(how.flags.contains(OpenFlags::CLOEXEC));
    let fd = cx.files.reserve(0, fd_limit(cx), on_exec)?;
    let file = vfs::open_found(at, &how, &cx.cred)?;
    Ok(fd.install(file) as usize)
}
