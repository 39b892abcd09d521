//! Who calls, and who is called: [`Caller`], [`Address`].
use crate::credentials::Credentials;
use abi::{Errno, Result};
use alloc::sync::Arc;
use cred::{Cred, Resource, cap};
use pid::Pid;
use vfs::{Files, FsStruct};

/// Longest address (`struct sockaddr_storage`).
const LONGEST: usize = 128;

/// Who calls.
#[derive(Clone, Copy)]
pub struct Caller<'a> {
    /// What he may.
    pub cred: &'a Arc<Cred>,
    /// His process.
    pub process: &'a Arc<Pid>,
    /// Where his paths start; `None` where no call takes paths.
    pub fs: Option<&'a FsStruct>,
    /// His descriptors; `None` where none are sent.
    pub files: Option<&'a Files>,
}

impl Caller<'_> {
    /// Whether he has a capability over the network.
    #[must_use]
    pub fn may(&self, capability: u32) -> bool {
        self.cred.capable(capability)
    }

    /// Does something as the running thread, for a call that has no paths and sends no descriptors. ESRCH: there is none.
    pub fn with_current<R>(f: impl FnOnce(&Caller<'_>) -> Result<R>) -> Result<R> {
        let task = task::current().ok_or(Errno::ESRCH)?;
        let cred = task.cred()?;
        f(&Caller {
            cred: &cred,
            process: task.process().pid(),
            fs: None,
            files: None,
        })
    }

    /// His `RLIMIT_NOFILE`.
    #[must_use]
    pub fn fd_limit(&self) -> u64 {
        task::task::with_current(|task| task.process().limits().cur(Resource::Nofile)).unwrap_or(0)
    }

    /// What his process calls itself.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.process.own_nr()
    }

    /// Who he is, as a message tells: his process and his real user and group.
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        Credentials {
            pid: self.pid(),
            uid: self.cred.uid.0,
            gid: self.cred.gid.0,
        }
    }

    /// Whether he may say that he is somebody (unix(7), `SCM_CREDENTIALS`). The ids are the kernel's; the process' number is
    /// his own namespace's. EPERM.
    pub fn check_claim(&self, said: &Credentials) -> Result<()> {
        let cred = self.cred;
        let pid = said.pid == self.pid() || self.may(cap::SYS_ADMIN);
        let uid = [cred.uid.0, cred.euid.0, cred.suid.0].contains(&said.uid);
        let gid = [cred.gid.0, cred.egid.0, cred.sgid.0].contains(&said.gid);
        if pid && (uid || self.may(cap::SETUID)) && (gid || self.may(cap::SETGID)) {
            Ok(())
        } else {
            Err(Errno::EPERM)
        }
    }
}

/// Which side's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Its own (getsockname(2)).
    Own,
    /// The other side's (getpeername(2)).
    Peer,
}

/// An address, whatever its family.
#[derive(Clone, Copy, Debug)]
pub struct Address {
    bytes: [u8; LONGEST],
    len: usize,
}

impl Address {
    /// No address.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            bytes: [0; LONGEST],
            len: 0,
        }
    }

    /// A copy of these bytes. EINVAL: too long for any address.
    pub fn new(bytes: &[u8]) -> Result<Self> {
        let mut this = Self::none();
        let room = this.bytes.get_mut(..bytes.len()).ok_or(Errno::EINVAL)?;
        room.copy_from_slice(bytes);
        this.len = bytes.len();
        Ok(this)
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}
