//! Job control: session, foreground group, the controlling terminal (ioctl_tty(2), credentials(7)).
use crate::caller::{self, Caller};
use crate::tty::Tty;
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::any::Any;
use pid::sigset::Signal;
use pid::{ControllingTty, ProcessGroup, Session, SigInfo, signals};

fn same<T: ?Sized>(a: &Arc<T>, b: &Arc<T>) -> bool {
    core::ptr::addr_eq(Arc::as_ptr(a), Arc::as_ptr(b))
}

/// The terminal of the caller's session.
pub(crate) fn controlling_tty() -> Option<Arc<Tty>> {
    let me = caller::current().filter(caller::Caller::has_terminal)?;
    let group = me.group().ok()?;
    group.session().tty()?.as_any().downcast().ok()
}

impl Tty {
    /// Whether it is the controlling terminal of this session.
    fn controls(&self, session: &Session) -> bool {
        session
            .tty()
            .is_some_and(|tty| core::ptr::addr_eq(Arc::as_ptr(&tty), self))
    }

    /// What a background process of this terminal's session gets for touching it: `signal` to its group.
    ///
    /// # Errors
    /// `EIO`: nobody could continue it, or it cannot be stopped from reading. `ERESTARTSYS`: the signal is sent.
    pub(crate) fn check_background(&self, signal: Signal) -> Result<()> {
        let Some(me) = caller::current() else {
            return Ok(());
        };
        let Some(foreground) = self.foreground_group() else {
            return Ok(());
        };
        let group = me.group()?;
        if !me.has_terminal() || same(&group, &foreground) || !self.controls(group.session()) {
            return Ok(());
        }
        if me.never_takes(signal) {
            return if signal == signals::SIGTTIN {
                Err(Errno::EIO)
            } else {
                Ok(())
            };
        }
        if me.group_is_orphaned() {
            return Err(Errno::EIO);
        }
        group.signal(&SigInfo::kernel(signal));
        Err(Errno::ERESTARTSYS)
    }

    /// Makes it the controlling terminal of the caller's session if both are free (open(2) without `O_NOCTTY`).
    pub(crate) fn acquire_on_open(self: &Arc<Self>) {
        let Some(me) = caller::current() else {
            return;
        };
        if me.is_session_leader() && self.control.lock_irq().session.is_none() {
            // A session that has a terminal keeps it.
            let _ = self.bind(&me);
        }
    }

    /// Binds the caller's session and this terminal to each other. EPERM: the session has one.
    fn bind(self: &Arc<Self>, me: &Caller) -> Result<()> {
        let group = me.group()?;
        let session = group.session().clone();
        if !session.acquire_tty(self.clone()) {
            return Err(Errno::EPERM);
        }
        let old = {
            let mut control = self.control.lock_irq();
            (
                control.session.replace(session),
                control.foreground.replace(group),
            )
        };
        drop(old);
        Ok(())
    }

    /// `TIOCSCTTY`. EPERM.
    pub(crate) fn set_controlling(self: &Arc<Self>, steal: bool, readable: bool) -> Result<()> {
        let me = caller::current().ok_or(Errno::EPERM)?;
        let mine = me.group()?.session().clone();
        let owner = self.control.lock_irq().session.clone();
        let leader = me.is_session_leader();
        if leader && owner.as_ref().is_some_and(|owner| same(owner, &mine)) {
            return Ok(());
        }
        if !leader || mine.tty().is_some() {
            return Err(Errno::EPERM);
        }
        if let Some(owner) = owner {
            if !(steal && caller::is_admin()) {
                return Err(Errno::EPERM);
            }
            drop(owner.release_tty());
        }
        if !readable && !caller::is_admin() {
            return Err(Errno::EPERM);
        }
        self.bind(&me)
    }

    /// `TIOCNOTTY`: the session of the calling leader gives it up; another member gives it up for itself. ENOTTY: it is
    /// not the caller's.
    pub(crate) fn give_up(&self) -> Result<()> {
        let me = caller::current().ok_or(Errno::ENOTTY)?;
        let session = me.group()?.session().clone();
        if !self.controls(&session) || !me.has_terminal() {
            return Err(Errno::ENOTTY);
        }
        if !me.is_session_leader() {
            me.give_up_terminal();
            return Ok(());
        }
        drop(session.release_tty());
        self.disassociate(&session, false);
        Ok(())
    }

    /// `TIOCGPGRP`; `through_slave`: not by the master of a pseudo-terminal. ENOTTY.
    pub(crate) fn foreground_id(&self, through_slave: bool) -> Result<i32> {
        if through_slave && !self.is_callers() {
            return Err(Errno::ENOTTY);
        }
        let group = self.foreground_group();
        Ok(group.map_or(0, |group| group.pid().nr_in(&caller::pids())))
    }

    /// `TIOCSPGRP`. ENOTTY, EINVAL, ESRCH, EPERM.
    pub(crate) fn set_foreground(&self, id: i32) -> Result<()> {
        match self.check_background(signals::SIGTTOU) {
            Err(Errno::EIO) => return Err(Errno::ENOTTY),
            other => other?,
        }
        let me = caller::current().ok_or(Errno::ENOTTY)?;
        let session = me.group()?.session().clone();
        if !self.controls(&session) || !me.has_terminal() {
            return Err(Errno::ENOTTY);
        }
        if id < 0 {
            return Err(Errno::EINVAL);
        }
        let group = caller::pids()
            .find(id)
            .and_then(|pid| pid.group())
            .ok_or(Errno::ESRCH)?;
        if !same(group.session(), &session) {
            return Err(Errno::EPERM);
        }
        let old = self.control.lock_irq().foreground.replace(group);
        drop(old);
        Ok(())
    }

    /// `TIOCGSID`. ENOTTY.
    pub(crate) fn session_id(&self, through_slave: bool) -> Result<i32> {
        if through_slave && !self.is_callers() {
            return Err(Errno::ENOTTY);
        }
        let control = self.control.lock_irq();
        let session = control.session.as_ref().ok_or(Errno::ENOTTY)?;
        Ok(session.pid().nr_in(&caller::pids()))
    }

    /// Whether it is the controlling terminal of the caller.
    pub(crate) fn is_callers(&self) -> bool {
        caller::current()
            .filter(caller::Caller::has_terminal)
            .and_then(|me| me.group().ok())
            .is_some_and(|group| self.controls(group.session()))
    }

    /// Sets the size; the foreground group hears of a change (`SIGWINCH`).
    pub fn set_winsize(&self, size: crate::Winsize) {
        let old = core::mem::replace(&mut self.control.lock_irq().winsize, size);
        if old != size {
            self.signal_foreground(signals::SIGWINCH);
        }
    }
}

impl ControllingTty for Tty {
    fn device(&self) -> u64 {
        self.device_number()
    }

    fn foreground(&self) -> Option<Arc<ProcessGroup>> {
        self.foreground_group()
    }

    fn disassociate(&self, _session: &Session, leader_exits: bool) {
        if leader_exits && !self.driver.is_pty() {
            return self.hangup(true);
        }
        let (session, foreground) = {
            let mut control = self.control.lock_irq();
            (control.session.take(), control.foreground.take())
        };
        if let Some(group) = foreground {
            group.signal(&SigInfo::kernel(signals::SIGHUP));
            group.signal(&SigInfo::kernel(signals::SIGCONT));
        }
        if let Some(session) = session {
            drop(session.release_tty());
        }
    }

    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}
