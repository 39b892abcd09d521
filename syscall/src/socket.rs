//! System calls: sockets. What a call means is the family's (`service/socket`); here addresses, vectors and control
//! messages are fetched and delivered.
mod message;
mod opened;

use crate::Call;
use crate::bounds::fd_limit;
use crate::poll::install;
use ::socket::{End, OptionIn, OptionOut, Socket, SocketFile};
use abi::net::SOL_SOCKET;
use abi::raw::{
    __NR_accept, __NR_accept4, __NR_bind, __NR_connect, __NR_getpeername, __NR_getsockname,
    __NR_getsockopt, __NR_listen, __NR_recvfrom, __NR_recvmmsg, __NR_recvmsg, __NR_sendmmsg,
    __NR_sendmsg, __NR_sendto, __NR_setsockopt, __NR_shutdown, __NR_socket, __NR_socketpair,
    O_CLOEXEC, O_NONBLOCK,
};
use abi::{Errno, Result};
use alloc::sync::Arc;
use kmem::user::{self, UserAddr, UserPtr};
use message::{sys_recvfrom, sys_recvmmsg, sys_recvmsg, sys_sendmmsg, sys_sendmsg, sys_sendto};
use opened::{Opened, address, caller, give_address};
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
    let limit = fd_limit(cx);
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
    // Who has no number left takes nobody out of the queue.
    let on_exec = OnExec::from_flag(flags & O_CLOEXEC != 0);
    let place = cx.files.reserve(0, fd_limit(cx), on_exec)?;
    let socket = file.socket()?.accept(file.is_nonblock(0))?;
    let peer = match a[1] {
        0 => None,
        _ => match socket.name(End::Peer) {
            Ok(peer) => Some(peer),
            Err(_) => {
                socket.close();
                return Err(Errno::ECONNABORTED);
            }
        },
    };
    let new = open(cx, socket, flags)?;
    if let Some(peer) = peer {
        give_address(&peer, a[1], UserPtr::new(a[2]))?;
    }
    Ok(place.install(new) as usize)
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
        match socket.base().set_option(&who, name, &value) {
            Err(Errno::ENOPROTOOPT) => socket.set_option(&who, level, name, &value)?,
            result => {
                result?;
                socket.base_changed();
            }
        }
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
    let told = match level {
        SOL_SOCKET => match socket.base().option(name, &mut out) {
            Err(Errno::ENOPROTOOPT) => socket.option(level, name, &mut out),
            result => result,
        },
        _ => socket.option(level, name, &mut out),
    };
    // Who gave too little room hears how much it takes.
    if matches!(told, Ok(()) | Err(Errno::ERANGE)) {
        len_at.write(&(out.len as i32))?;
    }
    told.map(|()| 0)
}
