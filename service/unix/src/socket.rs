//! The face to `service/socket`.
use crate::inbox::Parcel;
use crate::names;
use crate::objects::{Cargo, End, Sender, UnixSocket, phase};
use crate::stream::{Got, Wish};
use crate::{flight, parcel};
use abi::net::{
    MSG_CMSG_CLOEXEC, MSG_OOB, MSG_TRUNC, SCM_CREDENTIALS, SO_PEEK_OFF, SO_PEERCRED, SO_PEERGROUPS,
    SOL_SOCKET,
};
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::any::Any;
use core::sync::atomic::Ordering;
use cred::{Cred, cap};
use kmem::user::{self, UserAddr, UserBuf};
use socket::{
    Address, Base, Caller, Credentials, End as Side, Incoming, OptionIn, OptionOut, Outgoing,
    SIOCUNIXFILE, Socket,
};
use vfs::{File, FileOwner, OnExec, PollEvents, PollTable};
use zerocopy::IntoBytes;

/// What ioctl(2) knows of these sockets.
const SIOCINQ: u32 = abi::ioctl::FIONREAD;
const SIOCOUTQ: u32 = abi::ioctl::TIOCOUTQ;
const SIOCATMARK: u32 = 0x8905;

/// What an id is called that has no name (`/proc/sys/kernel/overflowuid`).
const NAMELESS: u32 = 65_534;
/// What a receiver is told of a sender that was not asked who he is.
const UNASKED: Credentials = Credentials {
    pid: 0,
    uid: NAMELESS,
    gid: NAMELESS,
};
/// What `SO_PEERCRED` says where there is no peer.
const NOBODY: Credentials = Credentials {
    pid: 0,
    uid: u32::MAX,
    gid: u32::MAX,
};

impl UnixSocket {
    /// Sends with what goes along.
    fn send_with(
        &self,
        who: &Caller<'_>,
        message: &mut Outgoing<'_, '_>,
        parcel: &mut Parcel,
    ) -> Result<usize> {
        let urgent = message.flags & MSG_OOB != 0;
        if urgent && (!self.end.is_stream() || message.data.is_empty()) {
            return Err(Errno::EOPNOTSUPP);
        }
        if !self.end.is_stream() {
            let (data, nonblock) = (&mut *message.data, message.nonblock);
            return self.send_message(Some(who), data, message.address, nonblock, parcel);
        }
        match (message.address, self.connected()) {
            (Some(_), Some(_)) => Err(Errno::EISCONN),
            (Some(_), None) => Err(Errno::EOPNOTSUPP),
            (None, _) if urgent => self.send_urgent(message.data, message.nonblock, parcel),
            (None, _) => self.send_stream(message.data, message.nonblock, parcel),
        }
    }

    /// Tells what came along, and the sender's address.
    fn tell(
        &self,
        message: &mut Incoming<'_, '_>,
        sender: Option<Sender>,
        cargo: Option<Box<Cargo>>,
    ) -> Result<()> {
        if self.end.base.passes_credentials() {
            let seen = match sender {
                Some(sender) => Caller::with_current(|who| Ok(seen_by(who, &sender)))?,
                None => UNASKED,
            };
            let bytes = seen.as_bytes();
            message.control.put(SOL_SOCKET, SCM_CREDENTIALS, bytes);
        }
        if let Some(mut cargo) = cargo {
            let on_exec = OnExec::from_flag(message.flags & MSG_CMSG_CLOEXEC != 0);
            let files = flight::take(&mut cargo);
            message.control.put_files(&files, on_exec);
            drop(cargo);
            flight::drop_files(files);
        }
        Ok(())
    }
}

/// Who sent, in the names of the receiver's namespaces.
fn seen_by(who: &Caller<'_>, sender: &Sender) -> Credentials {
    let users = &who.cred.user_ns;
    Credentials {
        pid: sender.process.nr_in(who.process.ns()),
        uid: users.uid(cred::Kuid(sender.uid)),
        gid: users.gid(cred::Kgid(sender.gid)),
    }
}

impl UnixSocket {
    /// `SO_PEERGROUPS`. ENODATA: there is no peer; ERANGE: there is no room for all, and `out.len` says how much there has to be;
    /// EFAULT.
    fn tell_groups(&self, out: &mut OptionOut) -> Result<()> {
        let peer = self.end.identity.lock().clone().ok_or(Errno::ENODATA)?;
        let groups = peer.cred.groups();
        let room = core::mem::replace(&mut out.len, size_of_val(groups));
        if room < out.len {
            return Err(Errno::ERANGE);
        }
        let cred = Caller::with_current(|who| Ok(who.cred.clone()))?;
        for (at, group) in groups.iter().enumerate() {
            let seen = cred.user_ns.gid(*group);
            user::write(out.at.add(at * size_of::<u32>()), &seen)?;
        }
        Ok(())
    }
}

/// The address of who sent, as a receiver is told: none if he has no name.
fn sender_address(from: Option<&End>) -> Result<Address> {
    match from.filter(|from| from.name.get().is_some()) {
        Some(from) => names::address(from),
        None => Ok(Address::none()),
    }
}

impl Socket for UnixSocket {
    fn base(&self) -> &Base {
        &self.end.base
    }

    fn owned(&self, owner: &Arc<FileOwner>) {
        let _ = self.end.file_owner.set(owner.clone()); // once
    }

    fn opened(&self, ino: u64) {
        let own = Caller::with_current(|who| Ok(who.cred.fsuid.0));
        self.end.owner.store(own.unwrap_or(0), Ordering::Relaxed);
        self.end.ino.store(ino, Ordering::Relaxed);
    }

    #[inline]
    fn read(&self, data: &mut UserBuf<'_>, nonblock: bool) -> Result<usize> {
        if data.is_empty() {
            return Ok(0);
        }
        let wish = Wish::new(0, nonblock);
        if self.end.is_stream() {
            return self.receive_stream(data, wish, &mut Got::default());
        }
        let message = self.receive_message(data, 0, wish)?;
        Ok(message.map_or(0, |message| message.copied))
    }

    #[inline]
    fn write(&self, data: &mut UserBuf<'_>, nonblock: bool) -> Result<usize> {
        let mut parcel = Parcel::default();
        match self.end.is_stream() {
            true => self.send_stream(data, nonblock, &mut parcel),
            false => self.send_message(None, data, None, nonblock, &mut parcel),
        }
    }

    fn has_sigpipe(&self) -> bool {
        self.end.is_stream()
    }

    fn ioctl(&self, cmd: u32, arg: usize) -> Result<usize> {
        let end = &*self.end;
        let value = match cmd {
            SIOCINQ if end.phase() == phase::LISTENS => return Err(Errno::EINVAL),
            SIOCINQ => end.waiting_bytes(),
            SIOCATMARK if !end.is_stream() => return Err(Errno::EOPNOTSUPP),
            SIOCATMARK => usize::from(end.is_at_mark()),
            SIOCOUTQ => end.charged.load(Ordering::Relaxed),
            _ => return Err(Errno::ENOTTY),
        };
        user::write(UserAddr(arg), &(value as i32))?;
        Ok(0)
    }

    fn ioctl_open(&self, cmd: u32, cred: &Arc<Cred>) -> Result<Arc<File>> {
        if cmd != SIOCUNIXFILE {
            return Err(Errno::ENOTTY);
        }
        if !cred.capable(cap::NET_ADMIN) {
            return Err(Errno::EPERM);
        }
        let node = self.end.node.lock().clone().ok_or(Errno::ENOENT)?;
        vfs::open_place(node, cred)
    }

    fn bind(&self, who: &Caller<'_>, address: &[u8]) -> Result<()> {
        self.bind_to(who, address)
    }

    fn connect(&self, who: &Caller<'_>, address: &[u8], nonblock: bool) -> Result<()> {
        match self.end.is_datagram() {
            true => self.aim_at(who, address),
            false => self.connect_to(who, address, nonblock),
        }
    }

    fn listen(&self, backlog: i32) -> Result<()> {
        Caller::with_current(|who| self.listen_for(who, backlog))
    }

    fn accept(&self, nonblock: bool) -> Result<Arc<dyn Socket>> {
        let next = self.accept_next(nonblock)?;
        Ok(next)
    }

    fn pair(&self, other: &Arc<dyn Socket>) -> Result<()> {
        let other: Arc<dyn Any + Send + Sync> = other.clone();
        let other = other.downcast::<Self>().map_err(|_| Errno::EOPNOTSUPP)?;
        Caller::with_current(|who| self.pair_with(who, &other))
    }

    fn name(&self, side: Side) -> Result<Address> {
        match side {
            Side::Own => names::address(&self.end),
            Side::Peer => names::address(&*self.other()?),
        }
    }

    fn shutdown(&self, how: u32) -> Result<()> {
        self.shut_down(how)
    }

    fn send(&self, who: &Caller<'_>, message: &mut Outgoing<'_, '_>) -> Result<usize> {
        let mut parcel = match message.control {
            [] => Parcel::default(),
            _ => parcel::pack(who, message)?,
        };
        self.send_with(who, message, &mut parcel)
    }

    fn receive(&self, message: &mut Incoming<'_, '_>) -> Result<usize> {
        let wish = Wish::new(message.flags, message.nonblock);
        if self.end.is_stream() {
            if message.flags & MSG_OOB != 0 {
                message.told |= MSG_OOB;
                return self.receive_urgent(message.data, wish.peek);
            }
            let mut got = Got::default();
            let n = self.receive_stream(message.data, wish, &mut got)?;
            if n != 0 {
                message.address = sender_address(self.connected())?;
            }
            self.tell(message, got.sender.flatten(), got.cargo)?;
            return Ok(n);
        }
        let flags = message.flags;
        let Some(got) = self.receive_message(message.data, flags, wish)? else {
            return Ok(0);
        };
        let from = got.from.as_deref().or_else(|| self.connected());
        message.address = sender_address(from)?;
        if got.copied < got.len {
            message.told |= MSG_TRUNC;
        }
        self.tell(message, got.sender, got.cargo)?;
        match flags & MSG_TRUNC {
            0 => Ok(got.copied),
            _ => Ok(got.len),
        }
    }

    fn set_option(&self, _who: &Caller<'_>, level: u32, name: u32, value: &OptionIn) -> Result<()> {
        match (level, name) {
            (SOL_SOCKET, SO_PEEK_OFF) => {
                self.end.peek.store(value.read()?, Ordering::Relaxed);
                Ok(())
            }
            (SOL_SOCKET, _) => Err(Errno::ENOPROTOOPT),
            _ => Err(Errno::EOPNOTSUPP),
        }
    }

    fn option(&self, level: u32, name: u32, out: &mut OptionOut) -> Result<()> {
        match (level, name) {
            (SOL_SOCKET, SO_PEEK_OFF) => out.write(&self.end.peek.load(Ordering::Relaxed)),
            (SOL_SOCKET, SO_PEERCRED) => {
                let peer = self.end.identity.lock().clone();
                let Some(peer) = peer else {
                    return out.write(&NOBODY);
                };
                let of = Sender {
                    process: peer.process,
                    uid: peer.cred.euid.0,
                    gid: peer.cred.egid.0,
                };
                let seen = Caller::with_current(|who| Ok(seen_by(who, &of)))?;
                out.write(&seen)
            }
            (SOL_SOCKET, SO_PEERGROUPS) => self.tell_groups(out),
            (SOL_SOCKET, _) => Err(Errno::ENOPROTOOPT),
            _ => Err(Errno::EOPNOTSUPP),
        }
    }

    fn poll(&self, table: &mut PollTable<'_>) -> PollEvents {
        self.poll_now(table)
    }

    fn close(&self) {
        self.end_it();
    }
}
