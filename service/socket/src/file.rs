//! A socket as an open file.
use crate::socket::Socket;
use crate::who::Caller;
use abi::net::SOCK_STREAM;
use abi::{Errno, Result};
use alloc::sync::Arc;
use cred::Cred;
use kmem::try_arc;
use kmem::user::{self, UserAddr, UserBuf};
use vfs::{
    File, FileOps, FileOpsRef, FileOwner, FileType, Io, OpenFlags, OwnerKind, PollEvents, PollTable,
};

/// What ioctl(2) knows of the owner of a socket's file.
const FIOSETOWN: u32 = 0x8901;
const SIOCSPGRP: u32 = 0x8902;
const FIOGETOWN: u32 = 0x8903;
const SIOCGPGRP: u32 = 0x8904;

/// The operations of the file.
pub struct SocketFile {
    socket: Arc<dyn Socket>,
}

impl SocketFile {
    /// The socket of an open file. ENOTSOCK: it is something else.
    pub fn of(file: &File) -> Result<&Arc<dyn Socket>> {
        let own = file.ops_as::<Self>().ok_or(Errno::ENOTSOCK)?;
        Ok(&own.socket)
    }
}

/// Sets the owner: a process, or, below 0, a group. EINVAL, ESRCH, ENOMEM.
fn set_owner(file: &File, nr: i32) -> Result<()> {
    let kind = match nr {
        ..0 => OwnerKind::Group,
        _ => OwnerKind::Process,
    };
    let nr = nr.checked_abs().ok_or(Errno::EINVAL)?;
    let owner = file.owner_or_new()?;
    Caller::with_current(|who| owner.set(kind, nr, who.process.ns(), who.cred))
}

/// The owner's number, below 0 that of a group; 0: there is none.
fn owner(file: &File) -> Result<i32> {
    Caller::with_current(|who| {
        Ok(
            match file.owner().map(|owner| owner.get(who.process.ns())) {
                Some((OwnerKind::Group, nr)) => -nr,
                Some((_, nr)) => nr,
                None => 0,
            },
        )
    })
}

/// An open file for a socket, which is closed if there can be none. ENFILE, ENOMEM.
pub fn open(socket: Arc<dyn Socket>, nonblock: bool, cred: &Arc<Cred>) -> Result<Arc<File>> {
    let left = socket.clone();
    make(socket, nonblock, cred).inspect_err(|_| left.close())
}

fn make(socket: Arc<dyn Socket>, nonblock: bool, cred: &Arc<Cred>) -> Result<Arc<File>> {
    let inode = vfs::new_anon_inode(FileType::Socket, 0o777, cred)?;
    let name = kmem::try_format!("socket:[{}]", inode.ino())?;
    socket.opened(inode.ino());
    let mut flags = OpenFlags::RDWR;
    flags.set(OpenFlags::NONBLOCK, nonblock);
    let ops = FileOpsRef::own(try_arc(SocketFile { socket })?);
    vfs::new_anon_file(&name, &inode, ops, flags, cred)
}

impl FileOps for SocketFile {
    fn read(&self, _file: &File, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        self.socket.read(buf, io.nonblock)
    }

    fn write(&self, _file: &File, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        io.silent = !self.socket.has_sigpipe();
        self.socket.write(buf, io.nonblock)
    }

    fn ioctl(&self, file: &File, cmd: u32, arg: usize) -> Result<usize> {
        match cmd {
            FIOSETOWN | SIOCSPGRP => set_owner(file, user::read(UserAddr(arg))?),
            FIOGETOWN | SIOCGPGRP => user::write(UserAddr(arg), &owner(file)?),
            _ => {
                return match self.socket.ioctl(cmd, arg) {
                    // Any socket tells of interfaces.
                    Err(Errno::ENOTTY) => {
                        Caller::with_current(|who| netdev::ioctl(cmd, arg, who.cred))
                    }
                    result => result,
                };
            }
        }
        .map(|()| 0)
    }

    fn owned(&self, _file: &File, owner: &Arc<FileOwner>) {
        self.socket.owned(owner);
    }

    fn ioctl_open(
        &self,
        _file: &File,
        cmd: u32,
        _arg: usize,
        cred: &Arc<Cred>,
    ) -> Result<Arc<File>> {
        self.socket.ioctl_open(cmd, cred)
    }

    fn is_stream(&self) -> bool {
        true
    }

    /// Streams do; messages would be cut at the pages of a pipe.
    fn splices(&self) -> (bool, bool) {
        let bytes = self.socket.base().kind == SOCK_STREAM;
        (bytes, bytes)
    }

    fn poll(&self, _file: &File, table: &mut PollTable<'_>) -> PollEvents {
        self.socket.poll(table)
    }

    fn can_poll(&self) -> bool {
        true
    }

    fn release(&self, _file: &File) {
        self.socket.close();
    }
}
