//! Whom mq_notify(2) registered at a queue, and how it is told: once, when a message comes into the empty queue and nobody
//! waits for it.
use abi::{Errno, Result};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use pid::siginfo::code::SI_MESGQ;
use pid::{Pid, SigData, SigInfo, Signal};
use socket::Socket;
use task::signal::send::{Sender, send_named};
use task::{Cx, Process};

/// `sigev_notify` (sigevent(3type)).
const SIGEV_SIGNAL: u32 = 0;
const SIGEV_NONE: u32 = 1;
const SIGEV_THREAD: u32 = 2;

/// Bytes of a cookie (`NOTIFY_COOKIE_LEN`); the last one says what happened.
pub const COOKIE: usize = 32;
const WOKEN: u8 = 1;
const REMOVED: u8 = 2;

/// How a process is told.
pub enum How {
    /// Not at all: it only keeps others from registering.
    Nothing,
    /// By a signal with a value; 0: by none.
    Signal(Signal, u64),
    /// By these bytes through its netlink socket, at which a thread of the C library waits.
    Cookie(Arc<dyn Socket>, Vec<u8>),
}

/// A registration.
pub struct Notification {
    owner: Weak<Process>,
    /// Its numbers.
    pid: Arc<Pid>,
    /// The program that registered: another one would not know the signal.
    program: u32,
    how: How,
}

impl Notification {
    /// For the caller's process. EINVAL: a socket that is no netlink socket.
    pub fn new(cx: &Cx, how: How) -> Result<Self> {
        if let How::Cookie(socket, _) = &how
            && !socket.can_be_told()
        {
            return Err(Errno::EINVAL);
        }
        let owner = cx.process();
        Ok(Self {
            owner: Arc::downgrade(owner),
            pid: owner.pid().clone(),
            program: owner.program(),
            how,
        })
    }

    /// Whether it is this process'.
    pub fn is_of(&self, process: &Arc<Process>) -> bool {
        core::ptr::eq(self.owner.as_ptr(), Arc::as_ptr(process))
    }

    /// `NOTIFY`, `SIGNO` and `NOTIFY_PID` of the queue's file.
    pub(crate) fn shown(&self) -> (u32, u32, i32) {
        let number = self.pid.nr_in(&task::numbers::own_pids());
        match self.how {
            How::Nothing => (SIGEV_NONE, 0, number),
            How::Signal(signal, _) => (SIGEV_SIGNAL, signal, number),
            How::Cookie(..) => (SIGEV_THREAD, 0, number),
        }
    }

    /// A message of the caller's came. What cannot be told for want of memory or room is lost, as every signal is then.
    pub fn arrived(self, cx: &Cx) {
        match self.how {
            How::Signal(signo, value) if signo != 0 => {
                let Some(owner) = self.owner.upgrade() else {
                    return;
                };
                if owner.program() != self.program {
                    return;
                }
                let info = SigInfo {
                    signo,
                    errno: 0,
                    code: SI_MESGQ,
                    data: SigData::Queue {
                        pid: cx.process().nr_in(owner.pids()),
                        uid: cx.cred.user_ns.uid(cx.cred.uid),
                        value,
                    },
                };
                let sender = Sender {
                    cred: &cx.cred,
                    process: cx.process(),
                };
                let _ = send_named(sender, &owner, &info);
            }
            How::Cookie(socket, cookie) => say(&*socket, cookie, WOKEN),
            How::Signal(..) | How::Nothing => {}
        }
    }

    /// It is taken back before a message came.
    pub fn removed(self) {
        if let How::Cookie(socket, cookie) = self.how {
            say(&*socket, cookie, REMOVED);
        }
    }
}

fn say(socket: &dyn Socket, mut cookie: Vec<u8>, what: u8) {
    if let Some(last) = cookie.last_mut() {
        *last = what;
    }
    let _ = socket.tell(cookie);
}
