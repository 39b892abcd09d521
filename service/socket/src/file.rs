//! A socket as an open file.
use crate::socket::Socket;
use abi::{Errno, Result};
use alloc::sync::Arc;
use cred::Cred;
use kmem::try_arc;
use kmem::user::UserBuf;
use vfs::{File, FileOps, FileOpsRef, FileType, Io, OpenFlags, PollEvents, PollTable};

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

/// An open file for a socket. ENFILE, ENOMEM.
pub fn open(socket: Arc<dyn Socket>, nonblock: bool, cred: &Arc<Cred>) -> Result<Arc<File>> {
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

    fn ioctl(&self, _file: &File, cmd: u32, arg: usize) -> Result<usize> {
        self.socket.ioctl(cmd, arg)
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
