//! The files of namespaces, which the links in `/proc/PID/ns` lead to (namespaces(7)): a descriptor of one keeps its
//! namespace and lets a task enter it (setns(2)); ioctl(2) on it tells of the namespaces around (ioctl_ns(2)).
use crate::ns::{self, NsRef};
use crate::numbers::own_pids;
use crate::objects::{Life, Task};
use abi::ioctl::{NS_GET_NSTYPE, NS_GET_OWNER_UID, NS_GET_PARENT, NS_GET_USERNS};
use abi::raw::{NSFS_MAGIC, S_IFREG};
use abi::{Errno, Result};
use alloc::sync::Arc;
use cred::{Cred, Kgid, Kuid, UserNamespace};
use kmem::user::{self, UserAddr};
use pid::PidNs;
use sync::Once;
use vfs::{
    File, FileOps, FileOpsRef, Hidden, Inode, InodeOps, MountNs, NewInode, OpenArgs, OpenFlags, Path,
};

static FS: Once<Hidden> = Once::new();

/// Makes the file system; at boot. `ENOMEM`.
pub fn init() -> Result<()> {
    let _ = FS.set(Hidden::new("nsfs", NSFS_MAGIC.into())?); // once
    Ok(())
}

/// The names in `/proc/PID/ns` beside those of the registered kinds.
const FIXED: [&str; 4] = ["pid", "pid_for_children", "user", "mnt"];

/// The `n`-th name in `/proc/PID/ns`.
pub fn link_name(n: usize) -> Option<&'static str> {
    ns::kind_names().chain(FIXED).nth(n)
}

/// What the link of that name in a task's `/proc/PID/ns` stands for. `ENOENT`: the task has ended, no such name, or nothing has been
/// made in it yet.
pub fn of_task(task: &Task, name: &str) -> Result<NsRef> {
    let set = || task.ns().ok_or(Errno::ENOENT);
    match name {
        "pid" if task.life() == Life::Dead => Err(Errno::ENOENT),
        "pid" => Ok(NsRef::Pid(task.process().pids().clone())),
        "pid_for_children" => {
            let set = set()?;
            let begun = Some(set.pids()).filter(|ns| ns.has_reaper());
            begun.map(|ns| NsRef::Pid(ns.clone())).ok_or(Errno::ENOENT)
        }
        "user" => Ok(NsRef::User(task.cred()?.user_ns.clone())),
        "mnt" => Ok(NsRef::Mnt(set()?.mnt().clone())),
        _ => set()?.of_kind(name),
    }
}

/// What an inode stands for.
struct Node(NsRef);

/// An open file of one.
struct NsFile;
static FILE: NsFile = NsFile;

/// Where the file of a namespace is. `ENOMEM`.
pub fn path_of(ns: NsRef) -> Result<Path> {
    let fs = FS.get().ok_or(Errno::ENOENT)?;
    let name = kmem::try_format!("{}:[{}]", ns.name(), ns.number())?;
    let new = NewInode {
        ino: ns.number().into(),
        mode: S_IFREG | 0o444,
        uid: Kuid::ROOT,
        gid: Kgid::ROOT,
        nlink: 1,
        rdev: 0,
        cache: None,
    };
    let inode = Inode::new(fs.sb(), new, kmem::try_box(Node(ns))?)?;
    fs.path(&name, &inode)
}

/// The namespace that a file stands for; `None`: the file is something else.
pub fn of_file(file: &File) -> Option<&NsRef> {
    of_inode(file.inode())
}

/// The namespace that an inode stands for; `None`: the inode is something else.
pub fn of_inode(inode: &Inode) -> Option<&NsRef> {
    inode.ops_as::<Node>().map(|node| &node.0)
}

impl InodeOps for Node {
    fn open(&self, _inode: &Arc<Inode>, _args: &OpenArgs<'_>) -> Result<Option<FileOpsRef>> {
        Ok(Some(FileOpsRef::shared(&FILE)))
    }

    fn mount_ns(&self) -> Option<&MountNs> {
        match &self.0 {
            NsRef::Mnt(ns) => Some(ns),
            _ => None,
        }
    }
}

impl FileOps for NsFile {
    fn seek(&self, _file: &File, _offset: i64, _whence: u32) -> Result<u64> {
        Err(Errno::ESPIPE)
    }

    fn ioctl(&self, file: &File, cmd: u32, arg: usize) -> Result<usize> {
        let ns = of_file(file).ok_or(Errno::ENOTTY)?;
        match cmd {
            NS_GET_NSTYPE => Ok(ns.flag() as usize),
            NS_GET_OWNER_UID => {
                let NsRef::User(of) = ns else {
                    return Err(Errno::EINVAL);
                };
                let caller = crate::task::current().ok_or(Errno::ESRCH)?.cred()?;
                user::write(UserAddr(arg), &caller.user_ns.uid(of.owner()))?;
                Ok(0)
            }
            _ => Err(Errno::ENOTTY),
        }
    }

    fn ioctl_open(
        &self,
        file: &File,
        cmd: u32,
        _arg: usize,
        cred: &Arc<Cred>,
    ) -> Result<Arc<File>> {
        let ns = of_file(file).ok_or(Errno::ENOTTY)?;
        let related = match cmd {
            NS_GET_USERNS => NsRef::User(visible(ns.owner()?, cred)?),
            NS_GET_PARENT => match ns {
                NsRef::User(of) => NsRef::User(visible(of.parent().cloned(), cred)?),
                NsRef::Pid(of) => NsRef::Pid(visible_pid(of)?),
                NsRef::Registered(..) | NsRef::Mnt(_) => return Err(Errno::EINVAL),
            },
            _ => return Err(Errno::ENOTTY),
        };
        vfs::open_path(path_of(related)?, OpenFlags::empty(), cred)
    }
}

/// The user namespace if it is the caller's or lies inside that. `EPERM`.
fn visible(ns: Option<Arc<UserNamespace>>, cred: &Cred) -> Result<Arc<UserNamespace>> {
    let found = ns.ok_or(Errno::EPERM)?;
    let mut at = Some(&found);
    while let Some(ns) = at {
        if Arc::ptr_eq(ns, &cred.user_ns) {
            return Ok(found);
        }
        at = ns.parent();
    }
    Err(Errno::EPERM)
}

/// The namespace of process numbers around `ns`, if it is the caller's or lies inside that. `EPERM`.
fn visible_pid(ns: &PidNs) -> Result<PidNs> {
    let around = ns.parent().filter(|around| around.is_within(&own_pids()));
    around.cloned().ok_or(Errno::EPERM)
}
