//! System calls: sockets. What a call means is the family's (`service/socket`); here addresses, vectors and control
//! messages are fetched and delivered.
use crate::Call;
use crate::fdio::with_segments;
use crate::poll::install;
use ::socket::{
    Address, Caller, Control, End, Incoming, OptionIn, OptionOut, Outgoing, Socket, SocketFile,
};
use abi::net::{MSG_CMSG_CLOEXEC, MSG_DONTWAIT, SOL_SOCKET};
use abi::pod::{Msghdr, Timespec};
use abi::raw::{
    __NR_accept, __NR_accept4, __NR_bind, __NR_connect, __NR_getpeername, __NR_getsockname,
    __NR_getsockopt, __NR_listen, __NR_recvfrom, __NR_recvmmsg, __NR_recvmsg, __NR_sendmmsg,
    __NR_sendmsg, __NR_sendto, __NR_setsockopt, __NR_shutdown, __NR_socket, __NR_socketpair,
    O_CLOEXEC, O_NONBLOCK,
};
use abi::{Errno, MAX_RW_COUNT, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use cred::Resource;
use kmem::TryVec;
use kmem::user::{self, UserAddr, UserBuf, UserPtr};
use task::Cx;
use vfs::OnExec;

/// This family.
pub(crate) const CALLS: &[Call] = &[
    (__NR_socket, "socket", sys_socket),
    (__NR_socketpair, "socketpair", sys_socketpair),
    (__NR_bind, "bind", sys_bind),
    (__NR_connect, "connect", sys_connect),
    (__NR_listen, "listen", sys_listen),
    (__NR_accept, "accept", sys_accept),
    (__NR_accept4, "accept4", sys_accept4),
    (__NR_getsockname, "getsockname", sys_getsockname),
    (__NR_getpeername, "getpeername", sys_getpeername),
    (__NR_shutdown, "shutdown", sys_shutdown),
    (__NR_setsockopt, "setsockopt", sys_setsockopt),
    (__NR_getsockopt, "getsockopt", sys_getsockopt),
    (__NR_sendto, "sendto", sys_sendto),
    (__NR_recvfrom, "recvfrom", sys_recvfrom),
    (__NR_sendmsg, "sendmsg", sys_sendmsg),
    (__NR_recvmsg, "recvmsg", sys_recvmsg),
    (__NR_sendmmsg, "sendmmsg", sys_sendmmsg),
    (__NR_recvmmsg, "recvmmsg", sys_recvmmsg),
];

/// Bits of a type that say which; the others are `SOCK_CLOEXEC` and `SOCK_NONBLOCK`.
const KIND: u32 = 15;
/// Longest address.
const ADDRESS: usize = 128;
/// Most vectors of a message (`UIO_MAXIOV`), and messages of a call.
const MANY: usize = 1024;
/// Most bytes of control messages.
const CONTROL: usize = 20_480;
/// `MSG_WAITFORONE`.
const WAIT_FOR_ONE: u32 = 0x1_0000;
/// `struct mmsghdr`: a message and how much of it was moved.
const MMSGHDR: usize = 64;

/// An open socket.
struct Opened(Arc<vfs::File>);

impl Opened {
    /// EBADF; ENOTSOCK.
    fn new(cx: &Cx, fd: usize) -> Result<Self> {
        let file = cx.files.get_io(fd as i32)?;
        SocketFile::of(&file)?;
        Ok(Self(file))
    }

    fn socket(&self) -> Result<&Arc<dyn Socket>> {
        SocketFile::of(&self.0)
    }

    fn is_nonblock(&self, flags: u32) -> bool {
        self.0.is_nonblock() || flags & MSG_DONTWAIT != 0
    }
}

fn caller(cx: &Cx) -> Caller<'_> {
    Caller {
        cred: &cx.cred,
        pid: cx.process().nr(),
    }
}

/// An address that user space gave. EINVAL: its length is impossible; EFAULT.
fn address(at: usize, len: usize) -> Result<Address> {
    let len = usize::try_from(len as i32).map_err(|_| Errno::EINVAL)?;
    let mut bytes = [0; ADDRESS];
    let room = bytes.get_mut(..len).ok_or(Errno::EINVAL)?;
    user::copy_from_user(room, UserAddr(at))?;
    Address::new(room)
}

/// Gives user space an address, as much as fits; its length stands at `len_at`. EFAULT, EINVAL.
fn give_address(address: &Address, at: usize, len_at: UserPtr<i32>) -> Result<()> {
    let room = usize::try_from(len_at.read()?).map_err(|_| Errno::EINVAL)?;
    let bytes = address.as_bytes();
    user::copy_to_user(UserAddr(at), &bytes[..bytes.len().min(room)])?;
    len_at.write(&(bytes.len() as i32))
}

/// Which kind of socket, and its flags. EINVAL: flags that are none.
fn kind(word: usize) -> Result<(i32, u32)> {
    let flags = word as u32 & !KIND;
    if flags & !(O_CLOEXEC | O_NONBLOCK) != 0 {
        return Err(Errno::EINVAL);
    }
    Ok(((word as u32 & KIND) as i32, flags))
}

fn open(cx: &Cx, socket: Arc<dyn Socket>, flags: u32) -> Result<Arc<vfs::File>> {
    ::socket::open(socket, flags & O_NONBLOCK != 0, &cx.cred)
}

fn sys_socket(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let (kind, flags) = kind(a[1])?;
    let made = ::socket::create(&caller(cx), a[0] as i32, kind, a[2] as i32)?;
    let file = open(cx, made, flags)?;
    install(cx, file, flags & O_CLOEXEC != 0)
}

fn sys_socketpair(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let (kind, flags) = kind(a[1])?;
    let limit = cx.process().limits().cur(Resource::Nofile);
    let on_exec = OnExec::from_flag(flags & O_CLOEXEC != 0);
    let first = cx.files.reserve(0, limit, on_exec)?;
    let second = cx.files.reserve(0, limit, on_exec)?;
    // The numbers are told before they mean anything: a fault then leaves nothing open.
    user::write(UserAddr(a[3]), &[first.fd(), second.fd()])?;
    let make = || ::socket::create(&caller(cx), a[0] as i32, kind, a[2] as i32);
    let files = (open(cx, make()?, flags)?, open(cx, make()?, flags)?);
    let other = SocketFile::of(&files.1)?;
    SocketFile::of(&files.0)?.pair(other)?;
    first.install(files.0);
    second.install(files.1);
    Ok(0)
}

fn sys_bind(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let file = Opened::new(cx, a[0])?;
    let address = address(a[1], a[2])?;
    file.socket()?.bind(&caller(cx), address.as_bytes())?;
    Ok(0)
}

fn sys_connect(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let file = Opened::new(cx, a[0])?;
    let address = address(a[1], a[2])?;
    let nonblock = file.is_nonblock(0);
    let socket = file.socket()?;
    socket.connect(&caller(cx), address.as_bytes(), nonblock)?;
    Ok(0)
}

fn sys_listen(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    Opened::new(cx, a[0])?.socket()?.listen(a[1] as i32)?;
    Ok(0)
}

fn sys_accept(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    accept(cx, a, 0)
}

fn sys_accept4(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    accept(cx, a, a[3])
}

fn accept(cx: &Cx, a: &[usize; 6], flags: usize) -> Result<usize> {
    let (none, flags) = kind(flags)?;
    if none != 0 {
        return Err(Errno::EINVAL);
    }
    let file = Opened::new(cx, a[0])?;
    let socket = file.socket()?.accept(file.is_nonblock(0))?;
    if a[1] != 0 {
        give_address(&socket.name(End::Peer)?, a[1], UserPtr::new(a[2]))?;
    }
    let file = open(cx, socket, flags)?;
    install(cx, file, flags & O_CLOEXEC != 0)
}

fn sys_getsockname(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    name(cx, a, End::Own)
}

fn sys_getpeername(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    name(cx, a, End::Peer)
}

fn name(cx: &Cx, a: &[usize; 6], end: End) -> Result<usize> {
    let name = Opened::new(cx, a[0])?.socket()?.name(end)?;
    give_address(&name, a[1], UserPtr::new(a[2]))?;
    Ok(0)
}

fn sys_shutdown(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    Opened::new(cx, a[0])?.socket()?.shutdown(a[1] as u32)?;
    Ok(0)
}

fn sys_setsockopt(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let len = usize::try_from(a[4] as i32).map_err(|_| Errno::EINVAL)?;
    let file = Opened::new(cx, a[0])?;
    let socket = file.socket()?;
    let (level, name) = (a[1] as u32, a[2] as u32);
    let value = OptionIn {
        at: UserAddr(a[3]),
        len,
    };
    let who = caller(cx);
    if level == SOL_SOCKET {
        socket.base().set_option(&who, name, &value)?;
    } else {
        socket.set_option(&who, level, name, &value)?;
    }
    Ok(0)
}

fn sys_getsockopt(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let file = Opened::new(cx, a[0])?;
    let socket = file.socket()?;
    let len_at = UserPtr::<i32>::new(a[4]);
    let len = usize::try_from(len_at.read()?).map_err(|_| Errno::EINVAL)?;
    let (level, name) = (a[1] as u32, a[2] as u32);
    let mut out = OptionOut {
        at: UserAddr(a[3]),
        len,
    };
    if level == SOL_SOCKET {
        socket.base().option(name, &mut out)?;
    } else {
        socket.option(level, name, &mut out)?;
    }
    len_at.write(&(out.len as i32))?;
    Ok(0)
}

/// The user range of a call. EFAULT.
fn range(at: usize, len: usize) -> Result<UserBuf<'static>> {
    let len = len.min(MAX_RW_COUNT);
    user::check(UserAddr(at), len)?;
    Ok(UserBuf::single(UserAddr(at), len))
}

fn sys_sendto(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let mut data = range(a[1], a[2])?;
    let file = Opened::new(cx, a[0])?;
    // An address without a length is none.
    let to = match (a[4], a[5] as i32) {
        (0, _) | (_, 0) => None,
        (at, _) => Some(address(at, a[5])?),
    };
    let flags = a[3] as u32;
    let mut message = Outgoing {
        data: &mut data,
        address: to.as_ref().map(Address::as_bytes),
        flags,
        nonblock: file.is_nonblock(flags),
        control: &[],
    };
    file.socket()?.send(&caller(cx), &mut message)
}

fn sys_recvfrom(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let mut data = range(a[1], a[2])?;
    let file = Opened::new(cx, a[0])?;
    let flags = a[3] as u32;
    let mut message = Incoming::new(&mut data, flags, file.is_nonblock(flags));
    let got = file.socket()?.receive(&mut message)?;
    if a[4] != 0 {
        give_address(&message.address, a[4], UserPtr::new(a[5]))?;
    }
    Ok(got)
}

/// A message's head, checked. EFAULT, EINVAL, EMSGSIZE.
fn head(at: usize) -> Result<Msghdr> {
    let mut head: Msghdr = user::read(UserAddr(at))?;
    if head.msg_name == 0 {
        head.msg_namelen = 0;
    }
    if head.msg_namelen < 0 {
        return Err(Errno::EINVAL);
    }
    head.msg_namelen = head.msg_namelen.min(ADDRESS as i32);
    if head.msg_iovlen > MANY {
        return Err(Errno::EMSGSIZE);
    }
    Ok(head)
}

fn send(cx: &Cx, file: &Opened, at: usize, flags: u32) -> Result<usize> {
    let head = head(at)?;
    let to = match head.msg_namelen {
        0 => None,
        len => Some(address(head.msg_name, len as usize)?),
    };
    if head.msg_controllen > CONTROL {
        return Err(Errno::ENOBUFS);
    }
    with_segments(head.msg_iov, head.msg_iovlen, |data| {
        let mut control = Vec::try_filled(0, head.msg_controllen)?;
        user::copy_from_user(&mut control, UserAddr(head.msg_control))?;
        let mut message = Outgoing {
            data,
            address: to.as_ref().map(Address::as_bytes),
            flags,
            nonblock: file.is_nonblock(flags),
            control: &control,
        };
        file.socket()?.send(&caller(cx), &mut message)
    })
}

fn receive(file: &Opened, at: usize, flags: u32) -> Result<usize> {
    let head = head(at)?;
    with_segments(head.msg_iov, head.msg_iovlen, |data| {
        let mut message = Incoming::new(data, flags, file.is_nonblock(flags));
        message.control = Control::new(UserAddr(head.msg_control), head.msg_controllen);
        let got = file.socket()?.receive(&mut message)?;
        let field = |offset: usize| at + offset;
        if head.msg_name != 0 {
            let len_at = UserPtr::new(field(core::mem::offset_of!(Msghdr, msg_namelen)));
            give_address(&message.address, head.msg_name, len_at)?;
        }
        let told = message.told | message.control.flags() | flags & MSG_CMSG_CLOEXEC;
        let flags_at = UserAddr(field(core::mem::offset_of!(Msghdr, msg_flags)));
        user::write(flags_at, &told)?;
        let control_at = UserAddr(field(core::mem::offset_of!(Msghdr, msg_controllen)));
        user::write(control_at, &message.control.used())?;
        Ok(got)
    })
}

fn sys_sendmsg(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let file = Opened::new(cx, a[0])?;
    send(cx, &file, a[1], a[2] as u32)
}

fn sys_recvmsg(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let file = Opened::new(cx, a[0])?;
    receive(&file, a[1], a[2] as u32)
}

/// Does one message after the other: how many, or what the first answers when there was none.
fn each_message(
    list: usize,
    count: usize,
    mut one: impl FnMut(usize, usize) -> Result<usize>,
) -> Result<usize> {
    for number in 0..(count as u32 as usize).min(MANY) {
        let at = list.wrapping_add(number * MMSGHDR);
        let moved = one(number, at)
            .and_then(|moved| user::write(UserAddr(at + size_of::<Msghdr>()), &(moved as u32)));
        match moved {
            Ok(()) => {}
            Err(e) if number == 0 => return Err(e),
            Err(_) => return Ok(number),
        }
    }
    Ok((count as u32 as usize).min(MANY))
}

fn sys_sendmmsg(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let file = Opened::new(cx, a[0])?;
    each_message(a[1], a[2], |_, at| send(cx, &file, at, a[3] as u32))
}

fn sys_recvmmsg(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let mut until = None;
    if a[4] != 0 {
        let time: Timespec = user::read(UserAddr(a[4]))?;
        if time.tv_sec < 0 || !(0..1_000_000_000).contains(&time.tv_nsec) {
            return Err(Errno::EINVAL);
        }
        let ns = (time.tv_sec as u64).saturating_mul(1_000_000_000) + time.tv_nsec as u64;
        until = Some(hal::clock::now_ns().saturating_add(ns));
    }
    let file = Opened::new(cx, a[0])?;
    let flags = a[3] as u32;
    // The time is looked at between messages only, as Linux does.
    each_message(a[1], a[2], |number, at| {
        if number != 0 && until.is_some_and(|until| hal::clock::now_ns() >= until) {
            return Err(Errno::EAGAIN);
        }
        let waits = number == 0 || flags & WAIT_FOR_ONE == 0;
        let flags = flags & !WAIT_FOR_ONE | if waits { 0 } else { MSG_DONTWAIT };
        receive(&file, at, flags)
    })
}
