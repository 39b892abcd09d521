//! A socket.
use crate::base::Base;
use crate::message::{Incoming, Outgoing};
use crate::options::{OptionIn, OptionOut};
use crate::who::{Address, Caller, End};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use cred::Cred;
use kmem::user::UserBuf;
use vfs::{File, FileOwner, PollEvents, PollTable};

/// ioctl(2): opens the node of a UNIX socket's name (`SIOCUNIXFILE`).
pub const SIOCUNIXFILE: u32 = abi::ioctl::SIOCPROTOPRIVATE;

/// What a socket does. What is not implemented answers as a socket of a family that has not got it.
///
/// An operation that waits does so interruptibly and answers ERESTARTSYS.
pub trait Socket: Any + Send + Sync {
    /// What each socket has.
    fn base(&self) -> &Base;

    /// It became an open file, whose inode has that number.
    fn opened(&self, _ino: u64) {}

    /// Somebody asked who owns its file; whom SIGURG goes to.
    fn owned(&self, _owner: &Arc<FileOwner>) {}

    /// read(2): receives without wishes.
    fn read(&self, data: &mut UserBuf<'_>, nonblock: bool) -> Result<usize> {
        self.receive(&mut Incoming::new(data, 0, nonblock))
    }

    /// write(2): sends without wishes.
    fn write(&self, data: &mut UserBuf<'_>, nonblock: bool) -> Result<usize> {
        Caller::with_current(|who| self.send(who, &mut Outgoing::new(data, nonblock)))
    }

    /// Whether a send that fails with EPIPE brings the sender SIGPIPE too.
    fn has_sigpipe(&self) -> bool {
        false
    }

    /// ioctl(2) of a kind that not all files have.
    fn ioctl(&self, _cmd: u32, _arg: usize) -> Result<usize> {
        Err(Errno::ENOTTY)
    }

    /// ioctl(2) of a kind that opens another file: `SIOCUNIXFILE`, the node of its name. ENOTTY; EPERM; ENOENT: it has no such
    /// name.
    fn ioctl_open(&self, _cmd: u32, _cred: &Arc<Cred>) -> Result<Arc<File>> {
        Err(Errno::ENOTTY)
    }

    /// Gives it an address.
    fn bind(&self, _who: &Caller<'_>, _address: &[u8]) -> Result<()> {
        Err(Errno::EOPNOTSUPP)
    }

    /// Names whom it talks to.
    fn connect(&self, _who: &Caller<'_>, _address: &[u8], _nonblock: bool) -> Result<()> {
        Err(Errno::EOPNOTSUPP)
    }

    /// Lets others connect to it.
    fn listen(&self, _backlog: i32) -> Result<()> {
        Err(Errno::EOPNOTSUPP)
    }

    /// The next that connected to it.
    fn accept(&self, _nonblock: bool) -> Result<Arc<dyn Socket>> {
        Err(Errno::EOPNOTSUPP)
    }

    /// Connects two fresh ones with each other.
    fn pair(&self, _other: &Arc<dyn Socket>) -> Result<()> {
        Err(Errno::EOPNOTSUPP)
    }

    /// An address of it. ENOTCONN: there is no other side.
    fn name(&self, _end: End) -> Result<Address> {
        Err(Errno::EOPNOTSUPP)
    }

    /// Ends one direction or both.
    fn shutdown(&self, _how: u32) -> Result<()> {
        Err(Errno::EOPNOTSUPP)
    }

    /// Sends; how much.
    fn send(&self, _who: &Caller<'_>, _message: &mut Outgoing<'_, '_>) -> Result<usize> {
        Err(Errno::EOPNOTSUPP)
    }

    /// Receives; how much.
    fn receive(&self, _message: &mut Incoming<'_, '_>) -> Result<usize> {
        Err(Errno::EOPNOTSUPP)
    }

    /// Sets an option of its family's, or one of `SOL_SOCKET` that not all sockets have.
    fn set_option(
        &self,
        _who: &Caller<'_>,
        _level: u32,
        _name: u32,
        _value: &OptionIn,
    ) -> Result<()> {
        Err(Errno::ENOPROTOOPT)
    }

    /// An option of `SOL_SOCKET` that all sockets have was set.
    fn base_changed(&self) {}

    /// Tells an option of its family's, or one of `SOL_SOCKET` that not all sockets have.
    fn option(&self, _level: u32, _name: u32, _out: &mut OptionOut) -> Result<()> {
        Err(Errno::ENOPROTOOPT)
    }

    /// Queues what the kernel itself says, for who receives (mq_notify(2) with `SIGEV_THREAD`). EINVAL: it is no netlink socket;
    /// ENOMEM.
    fn tell(&self, _what: Vec<u8>) -> Result<()> {
        Err(Errno::EINVAL)
    }

    /// Whether [`tell`](Self::tell) means something.
    fn can_be_told(&self) -> bool {
        false
    }

    /// What it is ready for; first `table.wait` on every queue that announces a change.
    fn poll(&self, table: &mut PollTable<'_>) -> PollEvents;

    /// The last descriptor is gone.
    fn close(&self);
}
