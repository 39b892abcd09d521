//! System calls: kernel modules.
use crate::Call;
use ::module::Flags;
use abi::raw::{__NR_delete_module, __NR_finit_module, __NR_init_module};
use abi::{Errno, Result, raw};
use alloc::sync::Arc;
use alloc::vec::Vec;
use cred::cap;
use hal::addr::UserAddr;
use kmem::TryVec;
use kmem::user;
use kmem::vmalloc::{self, VmArea};
use task::Cx;

/// This family.
pub(crate) const CALLS: &[Call] = &[
    (__NR_init_module, "init_module", sys_init_module),
    (__NR_finit_module, "finit_module", sys_finit_module),
    (__NR_delete_module, "delete_module", sys_delete_module),
];

/// Flags of finit_module(2).
const IGNORE_MODVERSIONS: usize = 1;
const IGNORE_VERMAGIC: usize = 2;
const COMPRESSED_FILE: usize = 4;

/// Largest file that is taken for a module.
const LARGEST: usize = 256 << 20;
/// Longest line of parameters.
const ARGUMENTS: usize = 32 << 10;

fn may_load(cx: &Cx) -> Result<()> {
    cx.cred.require(cap::SYS_MODULE)?;
    if task::helper::modules_disabled() {
        return Err(Errno::EPERM);
    }
    Ok(())
}

/// The line of parameters. EFAULT; EINVAL when it is too long; ENOMEM.
fn arguments(at: usize) -> Result<Vec<u8>> {
    let mut line = Vec::try_filled(0, 256)?;
    loop {
        match user::strncpy(&mut line, UserAddr(at)) {
            Ok(len) => {
                line.truncate(len);
                return Ok(line);
            }
            Err(Errno::ENAMETOOLONG) if line.len() < ARGUMENTS => {
                line.try_resize(ARGUMENTS, 0)?;
            }
            Err(Errno::ENAMETOOLONG) => return Err(Errno::EINVAL),
            Err(e) => return Err(e),
        }
    }
}

fn room(len: usize) -> Result<VmArea> {
    match len {
        0..64 => Err(Errno::ENOEXEC),
        64..=LARGEST => vmalloc::alloc(len),
        _ => Err(Errno::ENOMEM),
    }
}

fn sys_init_module(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    may_load(cx)?;
    let mut file = room(a[1])?;
    user::copy_from_user(&mut file.bytes_mut()[..a[1]], UserAddr(a[0]))?;
    let line = || arguments(a[2]);
    ::module::load(&file.bytes()[..a[1]], line, Flags::default())?;
    Ok(0)
}

fn sys_finit_module(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    may_load(cx)?;
    if a[2] & !(IGNORE_MODVERSIONS | IGNORE_VERMAGIC | COMPRESSED_FILE) != 0 {
        return Err(Errno::EINVAL);
    }
    let opened = cx.files.get(a[0] as i32)?;
    if !opened.mode().contains(vfs::FileMode::READ) {
        return Err(Errno::EBADF);
    }
    if opened.inode().kind() != vfs::FileType::Regular {
        return Err(Errno::EINVAL);
    }
    // Nobody writes to it while it is read: ETXTBSY.
    opened.inode().deny_write_access()?;
    let loaded = load_file(&opened, a);
    opened.inode().allow_write_access();
    loaded
}

fn load_file(opened: &Arc<vfs::File>, a: &[usize; 6]) -> Result<usize> {
    let object = opened.ops().mmap(opened)?;
    let len = object.size() as usize;
    if len == 0 {
        return Err(Errno::EINVAL);
    }
    let mut file = room(len)?;
    let len = exec::load::read_at(object.as_ref(), 0, &mut file.bytes_mut()[..len])?;
    if a[2] & COMPRESSED_FILE != 0 {
        // As Linux that was built without: kmod unpacks by itself then.
        return Err(Errno::EOPNOTSUPP);
    }
    let flags = Flags {
        any_version: a[2] & IGNORE_VERMAGIC != 0,
    };
    ::module::load(&file.bytes()[..len], || arguments(a[1]), flags)?;
    Ok(0)
}

fn sys_delete_module(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    may_load(cx)?;
    let mut name = [0; 56];
    let len = user::strncpy(&mut name, UserAddr(a[0])).map_err(|e| match e {
        Errno::ENAMETOOLONG => Errno::ENOENT,
        other => other,
    })?;
    let force = a[1] & raw::O_TRUNC as usize != 0;
    ::module::unload(&name[..len], force)?;
    Ok(0)
}
