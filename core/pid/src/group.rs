//! Process groups and sessions (setpgid(2), setsid(2), credentials(7)).
//!
//! A group lives while it has members, a session while it has groups; each keeps its [`Pid`]'s number in use so long.
//! Terminals may hold either longer: signalling an empty group does nothing.
use crate::list::{Handle, List};
use crate::object::{ControllingTty, Members, Pid, ProcessGroup, Session};
use crate::{SigInfo, SignalTarget};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU32, Ordering};
use sync::{LockClass, SpinLock, rank};

static MEMBERS: LockClass = LockClass::new("pgrp_members", rank::PGRP_MEMBERS);
static SESSION_TTY: LockClass = LockClass::new("session_tty", rank::SESSION_TTY);

impl Session {
    /// The session's id, as the kernel itself calls it.
    pub fn id(&self) -> i32 {
        self.pid.nr()
    }
    /// The number it is named by: its leader's.
    pub fn pid(&self) -> &Arc<Pid> {
        &self.pid
    }
    /// The controlling terminal.
    pub fn tty(&self) -> Option<Arc<dyn ControllingTty>> {
        self.tty.lock_irq().clone()
    }
    /// Sets the controlling terminal if there is none; false if there is one.
    pub fn acquire_tty(&self, tty: Arc<dyn ControllingTty>) -> bool {
        let mut slot = self.tty.lock_irq();
        if slot.is_some() {
            return false;
        }
        *slot = Some(tty);
        true
    }
    /// Takes the controlling terminal away; returns it.
    pub fn release_tty(&self) -> Option<Arc<dyn ControllingTty>> {
        self.tty.lock_irq().take()
    }
}

impl ProcessGroup {
    /// A new group in a session, without members: join it at once or [`Self::abandon`] it. `EPERM` when the number
    /// names a group already; `ENOMEM`.
    pub fn new(pid: &Arc<Pid>, session: &Arc<Session>) -> Result<Arc<Self>> {
        let members = Members {
            list: List::new(),
            dead: false,
        };
        let group = kmem::try_arc(Self {
            pid: pid.clone(),
            session: session.clone(),
            members: SpinLock::new(&MEMBERS, members),
        })?;
        pid.attach_group(&group)?;
        session.groups.fetch_add(1, Ordering::Relaxed);
        Ok(group)
    }

    /// A new session with its first group, both of one number. `EPERM`, `ENOMEM` as [`Self::new`].
    pub fn new_session(pid: &Arc<Pid>) -> Result<Arc<Self>> {
        let session = kmem::try_arc(Session {
            pid: pid.clone(),
            groups: AtomicU32::new(0),
            tty: SpinLock::new(&SESSION_TTY, None),
        })?;
        let group = Self::new(pid, &session)?;
        pid.attach_session(&session);
        Ok(group)
    }

    /// The group's id, as the kernel itself calls it.
    pub fn id(&self) -> i32 {
        self.pid.nr()
    }
    /// The number it is named by.
    pub fn pid(&self) -> &Arc<Pid> {
        &self.pid
    }
    /// Its session.
    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// Adds a member; the handle is for [`Self::leave`].
    ///
    /// # Errors
    /// `ESRCH`: its last member left meanwhile. `ENOMEM`.
    pub fn join(&self, member: Arc<dyn SignalTarget>) -> Result<Handle> {
        let mut members = self.members.lock_irq();
        if members.dead {
            return Err(Errno::ESRCH);
        }
        members.list.push_back(member)
    }

    /// Takes a member out; with the last one the group ends.
    pub fn leave(&self, member: Handle) {
        let mut members = self.members.lock_irq();
        let gone = members.list.remove(member);
        let last = members.list.is_empty() && !members.dead;
        if last {
            members.dead = true;
            members.list.release();
        }
        drop(members);
        drop(gone);
        if last {
            self.end();
        }
    }

    /// Ends a new group that nobody joined.
    pub fn abandon(&self) {
        let mut members = self.members.lock_irq();
        if members.list.is_empty() && !members.dead {
            members.dead = true;
            drop(members);
            self.end();
        }
    }

    fn end(&self) {
        self.pid.detach_group();
        if self.session.groups.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.session.pid.detach_session();
        }
    }

    /// Calls `f` for every member until it answers false. The group is locked meanwhile, interrupts off.
    pub fn for_each(&self, mut f: impl FnMut(&Arc<dyn SignalTarget>) -> bool) {
        let members = self.members.lock_irq();
        for member in &members.list {
            if !f(member) {
                return;
            }
        }
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.members.lock_irq().list.len()
    }
    /// Whether the last member has left.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sends a signal from the kernel to every member. From any context.
    pub fn signal(&self, info: &SigInfo) {
        self.for_each(|member| {
            let _ = member.signal(info); // a full queue drops the details, never the signal to others
            true
        });
    }
}
