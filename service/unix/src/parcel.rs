//! What control messages send along (unix(7), "Ancillary messages"): descriptors, and who the sender says he is.
use crate::flight;
use crate::inbox::Parcel;
use crate::objects::Sender;
use abi::net::{SCM_CREDENTIALS, SCM_RIGHTS, SOL_SOCKET};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use kmem::TryVec;
use socket::{Caller, Credentials, Outgoing};
use vfs::File;

/// Most descriptors of a message.
const MOST: usize = 253;

/// What a message takes along.
///
/// # Errors
/// `EINVAL`: the control messages make no sense, or there are too many descriptors; `EBADF`; `EPERM`, `ESRCH`: he is not who
/// he says; `ETOOMANYREFS`; `ENOMEM`.
pub(crate) fn pack(who: &Caller<'_>, message: &Outgoing<'_, '_>) -> Result<Parcel> {
    let mut files = Vec::new();
    let mut sender = None;
    message.each_control(|level, kind, body| match (level, kind) {
        (SOL_SOCKET, SCM_RIGHTS) => gather(who, body, &mut files),
        (SOL_SOCKET, SCM_CREDENTIALS) => {
            sender = Some(claim(who, body)?);
            Ok(())
        }
        (SOL_SOCKET, _) => Err(Errno::EINVAL),
        _ => Ok(()),
    })?;
    let cargo = match files.is_empty() {
        true => None,
        false => Some(flight::send(who, files)?),
    };
    Ok(Parcel { sender, cargo })
}

/// The files of descriptors.
fn gather(who: &Caller<'_>, body: &[u8], files: &mut Vec<Arc<File>>) -> Result<()> {
    let (fds, _) = body.as_chunks::<4>();
    if files.len() + fds.len() > MOST {
        return Err(Errno::EINVAL);
    }
    let table = who.files.ok_or(Errno::EBADF)?;
    for fd in fds {
        files.try_push(table.get(i32::from_ne_bytes(*fd))?)?;
    }
    Ok(())
}

impl Sender {
    /// The caller himself.
    pub(crate) fn of(who: &Caller<'_>) -> Self {
        Self {
            process: who.process.clone(),
            uid: who.cred.uid.0,
            gid: who.cred.gid.0,
        }
    }
}

impl PartialEq for Sender {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.process, &other.process) && (self.uid, self.gid) == (other.uid, other.gid)
    }
}

/// Who the sender says he is, with the kernel's ids.
fn claim(who: &Caller<'_>, body: &[u8]) -> Result<Sender> {
    let said = Credentials::read(body)?;
    let users = &who.cred.user_ns;
    let said = Credentials {
        pid: said.pid,
        uid: users.kuid(said.uid).0,
        gid: users.kgid(said.gid).0,
    };
    if said.uid == u32::MAX || said.gid == u32::MAX {
        return Err(Errno::EINVAL);
    }
    who.check_claim(&said)?;
    let process = match said.pid == who.pid() {
        true => who.process.clone(),
        false => who.process.ns().find(said.pid).ok_or(Errno::ESRCH)?,
    };
    Ok(Sender {
        process,
        uid: said.uid,
        gid: said.gid,
    })
}
