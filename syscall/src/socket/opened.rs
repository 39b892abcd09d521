//! An open socket of the caller's, the caller himself, and addresses as user space has them.
use ::socket::{Address, Caller, Socket, SocketFile};
use abi::net::MSG_DONTWAIT;
use abi::{Errno, Result};
use alloc::sync::Arc;
use kmem::user::{self, UserAddr, UserPtr};
use task::Cx;

/// Longest address.
pub(super) const ADDRESS: usize = 128;

/// An open socket.
pub(super) struct Opened(Arc<vfs::File>);

impl Opened {
    /// EBADF; ENOTSOCK.
    pub(super) fn new(cx: &Cx, fd: usize) -> Result<Self> {
        let file = cx.files.get_io(fd as i32)?;
        SocketFile::of(&file)?;
        Ok(Self(file))
    }

    pub(super) fn socket(&self) -> Result<&Arc<dyn Socket>> {
        SocketFile::of(&self.0)
    }

    pub(super) fn is_nonblock(&self, flags: u32) -> bool {
        self.0.is_nonblock() || flags & MSG_DONTWAIT != 0
    }
}

pub(super) fn caller(cx: &Cx) -> Caller<'_> {
    Caller {
        cred: &cx.cred,
        process: cx.process().pid(),
        fs: Some(&cx.fs),
        files: Some(&cx.files),
    }
}

/// An address that user space gave. EINVAL: its length is impossible; EFAULT.
pub(super) fn address(at: usize, len: usize) -> Result<Address> {
    let len = usize::try_from(len as i32).map_err(|_| Errno::EINVAL)?;
    let mut bytes = [0; ADDRESS];
    let room = bytes.get_mut(..len).ok_or(Errno::EINVAL)?;
    user::copy_from_user(room, UserAddr(at))?;
    Address::new(room)
}

/// Gives user space an address, as much as fits; its length stands at `len_at`. EFAULT, EINVAL.
pub(super) fn give_address(address: &Address, at: usize, len_at: UserPtr<i32>) -> Result<()> {
    let room = usize::try_from(len_at.read()?).map_err(|_| Errno::EINVAL)?;
    let bytes = address.as_bytes();
    user::copy_to_user(UserAddr(at), &bytes[..bytes.len().min(room)])?;
    len_at.write(&(bytes.len() as i32))
}
