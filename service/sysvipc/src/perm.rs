//! Who owns an object and who may do what with it (svipc(7), "Resource access permissions").
use abi::{Errno, Result};
use alloc::sync::Arc;
use cred::{Cred, Kgid, Kuid, UserNamespace, cap};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Bits of a mode that are permissions.
pub(crate) const RWX: u32 = 0o777;
/// What reading asks for: any of these.
pub(crate) const READ: u32 = 0o444;
/// What writing asks for.
pub(crate) const WRITE: u32 = 0o222;

/// `struct ipc64_perm`.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct Ipc64Perm {
    pub(crate) key: i32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) cuid: u32,
    pub(crate) cgid: u32,
    pub(crate) mode: u32,
    pub(crate) seq: u16,
    pub(crate) pad: [u16; 3],
    pub(crate) unused: [u64; 2],
}
const _: () = assert!(size_of::<Ipc64Perm>() == 48);

/// An object's key, owner and mode; under the object's lock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Perm {
    pub(crate) key: i32,
    pub(crate) uid: Kuid,
    pub(crate) gid: Kgid,
    cuid: Kuid,
    cgid: Kgid,
    pub(crate) mode: u32,
}

impl Perm {
    /// What `cred` makes with `flags`.
    pub(crate) fn new(key: i32, flags: u32, cred: &Cred) -> Self {
        Self {
            key,
            uid: cred.euid,
            gid: cred.egid,
            cuid: cred.euid,
            cgid: cred.egid,
            mode: flags & RWX,
        }
    }

    fn is_owner(&self, cred: &Cred) -> bool {
        cred.euid == self.uid || cred.euid == self.cuid
    }

    /// Whether `cred` may do what `wanted` says, for owner, group or others alike. `EACCES`.
    #[inline]
    pub(crate) fn check(&self, cred: &Cred, owner: &Arc<UserNamespace>, wanted: u32) -> Result<()> {
        let wanted = wanted >> 6 | wanted >> 3 | wanted;
        let granted = if self.is_owner(cred) {
            self.mode >> 6
        } else if cred.in_group(self.cgid) || cred.in_group(self.gid) {
            self.mode >> 3
        } else {
            self.mode
        };
        if wanted & !granted & 7 == 0 || cred.ns_capable(owner, cap::IPC_OWNER) {
            Ok(())
        } else {
            Err(Errno::EACCES)
        }
    }

    /// Whether `cred` may change or remove it. `EPERM`.
    pub(crate) fn check_owner(&self, cred: &Cred, owner: &Arc<UserNamespace>) -> Result<()> {
        if self.is_owner(cred) || cred.ns_capable(owner, cap::SYS_ADMIN) {
            Ok(())
        } else {
            Err(Errno::EPERM)
        }
    }

    /// Whether `cred` may lock it in memory, apart from limits: it is its owner or maker.
    pub(crate) fn is_of(&self, cred: &Cred) -> bool {
        self.is_owner(cred)
    }

    /// `IPC_SET`: another owner, other permissions. `EINVAL`: no such user or group.
    pub(crate) fn set(&mut self, new: &Ipc64Perm, cred: &Cred) -> Result<()> {
        let (uid, gid) = (cred.user_ns.kuid(new.uid), cred.user_ns.kgid(new.gid));
        if uid == Kuid::INVALID || gid == Kgid::INVALID {
            return Err(Errno::EINVAL);
        }
        (self.uid, self.gid) = (uid, gid);
        self.mode = self.mode & !RWX | new.mode & RWX;
        Ok(())
    }

    /// As `reader` sees it.
    pub(crate) fn show(&self, id: i32, reader: &UserNamespace) -> Ipc64Perm {
        Ipc64Perm {
            key: self.key,
            uid: reader.uid(self.uid),
            gid: reader.gid(self.gid),
            cuid: reader.uid(self.cuid),
            cgid: reader.gid(self.cgid),
            mode: self.mode,
            seq: crate::ids::seq_of(id) as u16,
            ..Ipc64Perm::default()
        }
    }
}
