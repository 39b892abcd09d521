//! System calls: what file systems there are (sysfs(2), ustat(2)). Older than `/proc/filesystems` and statfs(2), which say
//! more.
use crate::Call;
use crate::fs::with_path;
use abi::raw::{__NR_sysfs, __NR_ustat};
use abi::{Errno, Result};
use hal::addr::UserAddr;
use kmem::user;
use task::Cx;

/// This family.
pub(crate) const CALLS: &[Call] = &[
    (__NR_sysfs, "sysfs", sys_sysfs),
    (__NR_ustat, "ustat", sys_ustat),
];

/// The kind of file system at place `index` of `/proc/filesystems`.
fn kind_at(index: usize) -> Option<&'static str> {
    let (mut place, mut found) = (0, None);
    vfs::for_each_filesystem(|kind| {
        if place == index {
            found = Some(kind.name());
        }
        place += 1;
    });
    found
}

/// `EINVAL`: no such option, name or place.
fn sys_sysfs(_cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    const PLACE_OF_NAME: i32 = 1;
    const NAME_AT_PLACE: i32 = 2;
    const COUNT: i32 = 3;
    match a[0] as i32 {
        PLACE_OF_NAME => with_path(a[1], |name| {
            let mut kinds = (0..).map_while(kind_at);
            kinds
                .position(|kind| kind.as_bytes() == name)
                .ok_or(Errno::EINVAL)
        }),
        NAME_AT_PLACE => {
            let name = kind_at(a[1]).ok_or(Errno::EINVAL)?.as_bytes();
            let to = UserAddr(a[2]);
            user::copy_to_user(to, name)?;
            user::write(to.add(name.len()), &0u8)?;
            Ok(0)
        }
        COUNT => Ok((0..).map_while(kind_at).count()),
        _ => Err(Errno::EINVAL),
    }
}

/// Of the file systems that the caller's mount namespace has. `EINVAL`: none of them has this device number.
fn sys_ustat(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let dev = u64::from(a[0] as u32);
    let mounts = cx.fs.root().mnt.ns()?.mounts()?;
    let sb = mounts
        .iter()
        .map(|mount| mount.sb())
        .find(|sb| sb.dev() == dev)
        .ok_or(Errno::EINVAL)?;
    let stat = sb.ops().statfs(sb)?;
    // struct ustat: free blocks, free inodes, and two names that nobody fills in.
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&(stat.blocks_free as u32).to_ne_bytes());
    bytes[8..16].copy_from_slice(&stat.files_free.to_ne_bytes());
    user::copy_to_user(UserAddr(a[1]), &bytes)?;
    Ok(0)
}
