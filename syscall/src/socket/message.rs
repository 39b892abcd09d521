//! send(2), recv(2) and their kin.
use super::opened::{ADDRESS, Opened, address, caller, give_address};
use crate::bounds::{fd_limit, signal_self};
use crate::fdio::with_segments;
use ::socket::{Address, Control, Incoming, Outgoing, Receiver};
use abi::net::{MSG_CMSG_CLOEXEC, MSG_DONTWAIT, MSG_NOSIGNAL};
use abi::pod::{Msghdr, Timespec};
use abi::{Errno, MAX_RW_COUNT, Result};
use alloc::vec::Vec;
use kmem::TryVec;
use kmem::user::{self, UserAddr, UserBuf, UserPtr};
use pid::signals;
use task::Cx;

/// Most vectors of a message (`UIO_MAXIOV`), and messages of a call.
const MANY: usize = 1024;
/// Most bytes of control messages.
const CONTROL: usize = 20_480;
/// `MSG_WAITFORONE`.
const WAIT_FOR_ONE: u32 = 0x1_0000;
/// `struct mmsghdr`: a message and how much of it was moved.
const MMSGHDR: usize = 64;

/// The user range of a call. EFAULT.
fn range(at: usize, len: usize) -> Result<UserBuf<'static>> {
    let len = len.min(MAX_RW_COUNT);
    user::check(UserAddr(at), len)?;
    Ok(UserBuf::single(UserAddr(at), len))
}

pub(super) fn sys_sendto(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
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
    send_by(cx, &file, &mut message)
}

/// Sends, with the signal that EPIPE brings unless `MSG_NOSIGNAL` forbids.
fn send_by(cx: &Cx, file: &Opened, message: &mut Outgoing<'_, '_>) -> Result<usize> {
    let socket = file.socket()?;
    let silent = message.flags & MSG_NOSIGNAL != 0;
    let room = message.data.remaining();
    let sent = socket.send(&caller(cx), message);
    sync::cost::copied_in(room - message.data.remaining());
    if sent == Err(Errno::EPIPE) && !silent && socket.has_sigpipe() {
        signal_self(cx, signals::SIGPIPE);
    }
    sent
}

fn receive_by(file: &Opened, message: &mut Incoming<'_, '_>) -> Result<usize> {
    let room = message.data.remaining();
    let got = file.socket()?.receive(message);
    sync::cost::copied_out(room - message.data.remaining());
    got
}

pub(super) fn sys_recvfrom(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let mut data = range(a[1], a[2])?;
    let file = Opened::new(cx, a[0])?;
    let flags = a[3] as u32;
    let mut message = Incoming::new(&mut data, flags, file.is_nonblock(flags));
    let got = receive_by(&file, &mut message)?;
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
        send_by(cx, file, &mut message)
    })
}

fn receive(cx: &Cx, file: &Opened, at: usize, flags: u32) -> Result<usize> {
    let head = head(at)?;
    with_segments(head.msg_iov, head.msg_iovlen, |data| {
        let mut message = Incoming::new(data, flags, file.is_nonblock(flags));
        message.control = Control::new(
            UserAddr(head.msg_control),
            head.msg_controllen,
            Receiver {
                files: &cx.files,
                limit: fd_limit(cx),
            },
        );
        let got = receive_by(file, &mut message)?;
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

pub(super) fn sys_sendmsg(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let file = Opened::new(cx, a[0])?;
    send(cx, &file, a[1], a[2] as u32)
}

pub(super) fn sys_recvmsg(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let file = Opened::new(cx, a[0])?;
    receive(cx, &file, a[1], a[2] as u32)
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

pub(super) fn sys_sendmmsg(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let file = Opened::new(cx, a[0])?;
    each_message(a[1], a[2], |_, at| send(cx, &file, at, a[3] as u32))
}

pub(super) fn sys_recvmmsg(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
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
        receive(cx, &file, at, flags)
    })
}
