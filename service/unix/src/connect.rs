//! bind(2), listen(2), connect(2), accept(2), socketpair(2).
use crate::end::waited;
use crate::flight;
use crate::inbox::forget;
use crate::names::{self, Wanted};
use crate::objects::{End, Identity, UnixSocket, phase, shut};
use abi::net::AF_UNSPEC;
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use kmem::ReservedQueue;
use socket::Caller;
use sync::WaitMode;

impl Identity {
    /// The caller's.
    pub(crate) fn of(who: &Caller<'_>) -> Self {
        Self {
            process: who.process.clone(),
            cred: who.cred.clone(),
        }
    }
}

impl UnixSocket {
    /// bind(2). EINVAL; EADDRINUSE; ENOSPC; what making the node says; ENOMEM.
    pub(crate) fn bind_to(&self, who: &Caller<'_>, address: &[u8]) -> Result<()> {
        if names::is_choice(address) {
            return names::choose(&self.end);
        }
        names::bind(who, &self.end, Wanted::read(address)?)
    }

    /// listen(2). EOPNOTSUPP: datagrams; EINVAL: it has no name, or is connected.
    pub(crate) fn listen_for(&self, who: &Caller<'_>, backlog: i32) -> Result<()> {
        let end = &self.end;
        if end.is_datagram() {
            return Err(Errno::EOPNOTSUPP);
        }
        if end.name.get().is_none() {
            return Err(Errno::EINVAL);
        }
        let most = (backlog as u32).min(socket::limits::SOMAXCONN.get());
        let old = {
            let mut identity = end.identity.lock();
            if end.phase() == phase::CONNECTED {
                return Err(Errno::EINVAL);
            }
            end.most.store(most, Ordering::Relaxed);
            end.set_phase(phase::LISTENS);
            end.base.set_listens();
            identity.replace(Identity::of(who))
        };
        drop(old);
        end.room_wait.wake_all();
        Ok(())
    }

    /// connect(2) of a stream or of packets.
    ///
    /// # Errors
    /// What finding the address says; `ECONNREFUSED`: nobody listens; `EAGAIN`: too many wait; `EISCONN`; `EINVAL`: it
    /// listens; `ERESTARTSYS`, `EINTR`; `ENOMEM`.
    pub(crate) fn connect_to(
        &self,
        who: &Caller<'_>,
        address: &[u8],
        nonblock: bool,
    ) -> Result<()> {
        Wanted::read(address)?;
        if self.end.base.passes_credentials() && self.end.name.get().is_none() {
            names::choose(&self.end)?;
        }
        let kind = self.end.base.kind;
        let new = Self::new(kind)?;
        loop {
            let listener = names::find(who, address, kind)?;
            match self.try_connect(who, &listener, &new) {
                Err(Errno::EAGAIN) if !nonblock => {}
                result => return result,
            }
            let until = self.end.base.send_until();
            let changed = || {
                !listener.is_full() || listener.is_dead() || listener.shut() & shut::RECEIVE != 0
            };
            listener
                .room_wait
                .wait(WaitMode::Interruptible, until, || changed().then_some(()))
                .map_err(|e| waited(e, until))?;
        }
    }

    fn try_connect(&self, who: &Caller<'_>, listener: &Arc<End>, new: &Arc<Self>) -> Result<()> {
        let (end, theirs) = (&self.end, &new.end);
        let mut backlog = listener.backlog.lock();
        if listener.phase() != phase::LISTENS
            || listener.is_dead()
            || listener.shut() & shut::RECEIVE != 0
        {
            return Err(Errno::ECONNREFUSED);
        }
        if listener.is_full() {
            return Err(Errno::EAGAIN);
        }
        if backlog.try_reserve(1).is_err() {
            return Err(Errno::ENOMEM);
        }
        let its = listener.identity.lock().clone();
        let old = {
            let mut identity = end.identity.lock();
            match end.phase() {
                phase::FRESH => {}
                phase::CONNECTED => return Err(Errno::EISCONN),
                _ => return Err(Errno::EINVAL),
            }
            let _ = self.peer.set(theirs.clone());
            end.set_phase(phase::CONNECTED);
            core::mem::replace(&mut *identity, its)
        };
        let _ = new.peer.set(end.clone());
        end.set_partner(Some(theirs));
        theirs.set_partner(Some(end));
        if let Some(name) = listener.name.get() {
            let _ = theirs.name.set(name.clone());
        }
        let node = listener.node.lock().clone();
        *theirs.node.lock() = node;
        *theirs.identity.lock() = Some(Identity::of(who));
        theirs.set_phase(phase::CONNECTED);
        new.embryo.store(true, Ordering::Relaxed);
        backlog.push_back_reserved(new.clone());
        listener
            .pending
            .store(backlog.len() as u32, Ordering::Release);
        drop(backlog);
        drop(old);
        listener.tell_reader();
        Ok(())
    }

    /// accept(2). EOPNOTSUPP: datagrams; EINVAL: it does not listen, or is shut down; EAGAIN, ERESTARTSYS, EINTR.
    pub(crate) fn accept_next(&self, nonblock: bool) -> Result<Arc<Self>> {
        let end = &*self.end;
        if end.is_datagram() {
            return Err(Errno::EOPNOTSUPP);
        }
        if end.phase() != phase::LISTENS {
            return Err(Errno::EINVAL);
        }
        loop {
            end.base.check_error()?;
            if let Some((next, more)) = end.next_pending() {
                next.embryo.store(false, Ordering::Relaxed);
                end.room_wait.wake_some(1, 0, false);
                if more {
                    end.tell_reader();
                }
                return Ok(next);
            }
            if nonblock {
                return Err(Errno::EAGAIN);
            }
            if end.shut() & shut::RECEIVE != 0 {
                return Err(Errno::EINVAL);
            }
            let until = end.base.receive_until();
            let changed = || {
                end.pending.load(Ordering::Acquire) != 0
                    || end.shut() & shut::RECEIVE != 0
                    || end.base.has_error()
            };
            end.read_wait
                .wait(WaitMode::Interruptible, until, || changed().then_some(()))
                .map_err(|e| waited(e, until))?;
        }
    }

    /// socketpair(2): two fresh ones, connected. EISCONN: they are not fresh.
    pub(crate) fn pair_with(&self, who: &Caller<'_>, other: &Self) -> Result<()> {
        for (one, two) in [(self, other), (other, self)] {
            if one.end.phase() != phase::FRESH {
                return Err(Errno::EISCONN);
            }
            if one.end.is_datagram() {
                *one.target.write() = Some(two.end.clone());
                one.end.target.store(two.end.id, Ordering::SeqCst);
            } else {
                let _ = one.peer.set(two.end.clone());
            }
            *one.end.identity.lock() = Some(Identity::of(who));
            one.end.set_partner(Some(&two.end));
            one.end.set_phase(phase::CONNECTED);
        }
        Ok(())
    }

    /// connect(2) of datagrams: to whom they go from now on, or to nobody (`AF_UNSPEC`).
    ///
    /// # Errors
    /// What finding the address says; `EPERM`: that one talks to another; `ECONNREFUSED`; `ENOSPC`, `ENOMEM`.
    pub(crate) fn aim_at(&self, who: &Caller<'_>, address: &[u8]) -> Result<()> {
        let end = &self.end;
        let family = address.first_chunk::<2>().ok_or(Errno::EINVAL)?;
        let new = if u32::from(u16::from_ne_bytes(*family)) == AF_UNSPEC {
            None
        } else {
            Wanted::read(address)?;
            if end.base.passes_credentials() && end.name.get().is_none() {
                names::choose(end)?;
            }
            let to = names::find(who, address, end.base.kind)?;
            if to.target.load(Ordering::SeqCst) != 0 && !to.talks_to(end) {
                return Err(Errno::EPERM);
            }
            Some(to)
        };
        let old = {
            let mut target = self.target.write();
            let (id, phase) = match &new {
                Some(to) => (to.id, phase::CONNECTED),
                None => (0, phase::FRESH),
            };
            end.target.store(id, Ordering::SeqCst);
            end.set_phase(phase);
            if let Some(to) = &new {
                to.set_phase(phase);
            }
            end.set_partner(new.as_ref());
            core::mem::replace(&mut *target, new.clone())
        };
        if let Some(old) = old
            && new.is_none_or(|new| !Arc::ptr_eq(&new, &old))
        {
            disconnected(end, &old);
        }
        end.tell_all();
        Ok(())
    }
}

impl End {
    /// The next that waits to be accepted, and whether more do.
    fn next_pending(&self) -> Option<(Arc<UnixSocket>, bool)> {
        let mut backlog = self.backlog.lock();
        let next = backlog.pop_front()?;
        self.pending.store(backlog.len() as u32, Ordering::Release);
        Some((next, !backlog.is_empty()))
    }
}

/// An end talks to `old` no more: what waits is lost, and who was connected here hears of it.
pub(crate) fn disconnected(end: &End, old: &End) {
    if old.target.load(Ordering::SeqCst) == 0 {
        old.set_phase(phase::FRESH);
    }
    if !end.has_records() {
        return;
    }
    let records = end.empty(end.inbox.lock());
    flight::throw_away(forget(records, None));
    end.room_wait.wake_all();
    if !old.is_dead() && old.talks_to(end) {
        old.base.set_error(Errno::ECONNRESET);
        old.tell_all();
    }
}
