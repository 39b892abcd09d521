//! A queue as an object: its lock, its owner, its times.
use super::queue::Queue;
use crate::caller::now;
use crate::perm::Perm;
use crate::table::{Head, Object};
use abi::{Errno, Result};
use alloc::sync::Arc;
use cred::{Cred, UserNamespace};
use sync::{LockClass, SpinLock, rank};

static STATE: LockClass = LockClass::new("sysvipc.msg", rank::SYSV_OBJECT);

/// What a queue's lock protects.
pub(crate) struct State {
    pub(crate) perm: Perm,
    pub(crate) queue: Queue,
    pub(crate) gone: bool,
    /// Seconds since 1970.
    pub(crate) changed: u64,
}

/// A message queue.
pub(crate) struct MsgQueue {
    head: Head,
    pub(crate) state: SpinLock<State>,
}

impl Object for MsgQueue {
    fn head(&self) -> &Head {
        &self.head
    }
}

impl State {
    /// Whether `cred` may do it, and the queue is there. `EACCES`, `EIDRM`.
    #[inline]
    pub(crate) fn check(&self, cred: &Cred, owner: &Arc<UserNamespace>, wanted: u32) -> Result<()> {
        self.perm.check(cred, owner, wanted)?;
        if self.gone { Err(Errno::EIDRM) } else { Ok(()) }
    }
}

impl MsgQueue {
    /// `ENOMEM`.
    pub(crate) fn new(perm: Perm, most: usize) -> Result<Arc<Self>> {
        let state = State {
            perm,
            queue: Queue::new(most),
            gone: false,
            changed: now(),
        };
        kmem::try_arc(Self {
            head: Head::new()?,
            state: SpinLock::new(&STATE, state),
        })
    }

    pub(crate) fn id(&self) -> i32 {
        self.head.id()
    }

    /// It goes: who waits learns of it. False: it was gone already. The messages are dropped here, since the object itself
    /// may still be looked at.
    pub(crate) fn expel(&self) -> bool {
        let mut state = self.state.lock();
        if state.gone {
            return false;
        }
        state.gone = true;
        let messages = state.queue.expel();
        drop(state);
        drop(messages);
        true
    }
}
