//! msgget(2), msgsnd(2), msgrcv(2).
use crate::msg::{Message, MsgQueue, Receiver, Sender, Want};
use crate::objects::{Objects, of};
use crate::perm::{Perm, READ, WRITE};
use crate::table::{IPC_PRIVATE, Room};
use abi::ipc::{IPC_CREAT, IPC_EXCL, IPC_NOWAIT, MSG_COPY, MSG_EXCEPT, MSG_NOERROR};
use abi::{Errno, Result};
use alloc::vec::Vec;
use core::sync::atomic::Ordering::Relaxed;
use hal::addr::UserAddr;
use kmem::{TryVec, user};
use sync::WaitMode;
use task::Cx;
use time::clock::realtime_coarse_ns;

/// The type stands before the text.
const HEAD: usize = size_of::<i64>();

/// msgget(2): the id of a queue of that key, or of a new one.
///
/// # Errors
/// `ENOENT`, `EEXIST`, `EACCES`, `ENOSPC`, `ENOMEM`.
pub fn get(cx: &Cx, key: i32, flags: u32) -> Result<i32> {
    let objects = of(cx)?;
    loop {
        let found = (key != IPC_PRIVATE).then(|| objects.queues.find(key));
        if let Some(queue) = found.flatten() {
            if flags & (IPC_CREAT | IPC_EXCL) == IPC_CREAT | IPC_EXCL {
                return Err(Errno::EEXIST);
            }
            let state = queue.state.lock();
            if state.gone {
                continue;
            }
            state.perm.check(&cx.cred, &objects.owner, flags)?;
            return Ok(queue.id());
        }
        if key != IPC_PRIVATE && flags & IPC_CREAT == 0 {
            return Err(Errno::ENOENT);
        }
        match create(cx, objects, key, flags) {
            Err(Errno::EEXIST) => {} // somebody was faster
            other => return other,
        }
    }
}

fn create(cx: &Cx, objects: &Objects, key: i32, flags: u32) -> Result<i32> {
    let most = objects.limits.msg_bytes.load(Relaxed) as usize;
    let queue = MsgQueue::new(Perm::new(key, flags, &cx.cred), most)?;
    let room = Room {
        most: objects.limits.msg_most.load(Relaxed),
        weight: 0,
        most_weight: 0,
    };
    objects.queues.insert(&queue, key, &room)
}

/// msgsnd(2): the `len` bytes behind the type at `message`.
///
/// # Errors
/// `EINVAL`: no such queue, type or length; `EIDRM`, `EACCES`, `EFAULT`, `ENOMEM`; `EAGAIN`: there is no room;
/// `ERESTARTNOHAND`: a signal came.
pub fn send(cx: &Cx, id: i32, message: UserAddr, len: usize, flags: u32) -> Result<()> {
    let objects = of(cx)?;
    let kind: i64 = user::read(message)?;
    if len > objects.limits.msg_max.load(Relaxed) as usize || id < 0 || kind < 1 {
        return Err(Errno::EINVAL);
    }
    let mut text: Vec<u8> = Vec::try_filled(0, len)?;
    user::copy_from_user(&mut text, UserAddr(message.0.wrapping_add(HEAD)))?;
    sync::cost::copied_in(len);
    let mut message = Message { kind, text };
    let queue = objects.queues.get(id)?;
    let process = cx.process().pid();
    loop {
        let mut state = queue.state.lock();
        state.check(&cx.cred, &objects.owner, WRITE)?;
        if state.queue.fits(len) {
            return state.queue.send(message, process, realtime_coarse_ns());
        }
        if flags & IPC_NOWAIT != 0 {
            return Err(Errno::EAGAIN);
        }
        let sender = Sender::new(message, process)?;
        state.queue.add_sender(&sender)?;
        drop(state);
        let ended = || sender.ended().then_some(());
        let waited = sender.wait().wait(WaitMode::Interruptible, None, ended);
        if waited.is_err() && queue.state.lock().queue.drop_sender(&sender) {
            return Err(Errno::ERESTARTNOHAND);
        }
        match sender.take()? {
            None => return Ok(()),
            Some(again) => message = again,
        }
    }
}

/// msgrcv(2): a message of type `kind` goes to `buffer`, up to `most` bytes of it; how many.
///
/// # Errors
/// `EINVAL`, `EIDRM`, `EACCES`, `EFAULT`, `ENOMEM`; `ENOMSG`: there is none; `E2BIG`: it is longer; `ERESTARTNOHAND`: a signal
/// came.
pub fn receive(
    cx: &Cx,
    id: i32,
    buffer: UserAddr,
    most: usize,
    kind: i64,
    flags: u32,
) -> Result<usize> {
    let objects = of(cx)?;
    if id < 0 || (most as isize) < 0 {
        return Err(Errno::EINVAL);
    }
    let message = if flags & MSG_COPY == 0 {
        take(cx, objects, id, most, kind, flags)?
    } else {
        copy(cx, objects, id, most, kind, flags)?
    };
    // As on Linux a message that can't be told is lost.
    user::write(buffer, &message.kind)?;
    let len = message.text.len().min(most);
    user::copy_to_user(UserAddr(buffer.0.wrapping_add(HEAD)), &message.text[..len])?;
    sync::cost::copied_out(len);
    Ok(len)
}

fn take(
    cx: &Cx,
    objects: &Objects,
    id: i32,
    most: usize,
    kind: i64,
    flags: u32,
) -> Result<Message> {
    let want = Want::of(kind, flags & MSG_EXCEPT != 0);
    let longest = if flags & MSG_NOERROR != 0 {
        usize::MAX
    } else {
        most
    };
    let process = cx.process().pid();
    let queue = objects.queues.get(id)?;
    loop {
        let mut state = queue.state.lock();
        state.check(&cx.cred, &objects.owner, READ)?;
        let now = realtime_coarse_ns();
        match state.queue.receive(want, longest, process, now) {
            Err(Errno::ENOMSG) if flags & IPC_NOWAIT == 0 => {}
            other => return other,
        }
        let receiver = Receiver::new(want, longest, process)?;
        state.queue.add_receiver(&receiver)?;
        drop(state);
        let ended = || receiver.ended().then_some(());
        let waited = receiver.wait().wait(WaitMode::Interruptible, None, ended);
        if waited.is_err() && queue.state.lock().queue.drop_receiver(&receiver) {
            return Err(Errno::ERESTARTNOHAND);
        }
        match receiver.take() {
            Err(Errno::EAGAIN) => {} // permissions may have changed
            other => return other,
        }
    }
}

/// `MSG_COPY`: the message at place `kind` stays in the queue.
fn copy(
    cx: &Cx,
    objects: &Objects,
    id: i32,
    most: usize,
    kind: i64,
    flags: u32,
) -> Result<Message> {
    if flags & MSG_EXCEPT != 0 || flags & IPC_NOWAIT == 0 {
        return Err(Errno::EINVAL);
    }
    let room = most.min(objects.limits.msg_max.load(Relaxed) as usize);
    let mut text: Vec<u8> = Vec::try_filled(0, room)?;
    let queue = objects.queues.get(id)?;
    let state = queue.state.lock();
    state.check(&cx.cred, &objects.owner, READ)?;
    let place = usize::try_from(kind).map_err(|_| Errno::ENOMSG)?;
    let message = state.queue.peek(place).ok_or(Errno::ENOMSG)?;
    let len = message.text.len();
    if len > most && flags & MSG_NOERROR == 0 {
        return Err(Errno::E2BIG);
    }
    if len > room {
        return Err(Errno::EINVAL); // a copy is never cut
    }
    text.truncate(len);
    text.copy_from_slice(&message.text[..len]);
    Ok(Message {
        kind: message.kind,
        text,
    })
}
