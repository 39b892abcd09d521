//! shutdown(2) and close(2).
use crate::flight;
use crate::inbox::forget;
use crate::names;
use crate::objects::{UnixSocket, phase, shut};
use abi::net::{SHUT_RD, SHUT_RDWR, SHUT_WR};
use abi::{Errno, Result};
use core::sync::atomic::Ordering;

impl UnixSocket {
    /// shutdown(2); the other end of a connection is shut down the other way. EINVAL: no such direction.
    pub(crate) fn shut_down(&self, how: u32) -> Result<()> {
        let (own, theirs) = match how {
            SHUT_RD => (shut::RECEIVE, shut::SEND),
            SHUT_WR => (shut::SEND, shut::RECEIVE),
            SHUT_RDWR => (shut::BOTH, shut::BOTH),
            _ => return Err(Errno::EINVAL),
        };
        self.end.shut_down(own);
        self.end.room_wait.wake_all();
        if let Some(peer) = self.connected() {
            peer.shut_down(theirs);
        }
        Ok(())
    }

    /// Its last descriptor is gone, or it never had one.
    pub(crate) fn end_it(&self) {
        let end = &*self.end;
        if end.dead.swap(true, Ordering::SeqCst) {
            return;
        }
        names::release(end);
        let node = end.node.lock().take();
        drop(node);
        // Nobody connects any more once the backlog was empty with that said.
        let waiting = {
            let mut backlog = end.backlog.lock();
            end.pending.store(0, Ordering::Release);
            core::mem::take(&mut *backlog)
        };
        end.set_phase(phase::FRESH);
        end.shut.fetch_or(shut::BOTH, Ordering::SeqCst);
        let mut inbox = end.inbox.lock();
        inbox.closed = true;
        let unread = inbox.has_unread();
        let lost = inbox.lost.take();
        let records = end.empty(inbox);
        if let Some(peer) = self.connected() {
            if unread || self.embryo.load(Ordering::Relaxed) {
                peer.base.set_error(Errno::ECONNRESET);
            }
            peer.shut_down(shut::BOTH);
        }
        end.tell_all();
        end.room_wait.wake_all();
        let target = self.target.write().take();
        end.target.store(0, Ordering::SeqCst);
        let cargo = forget(records, self.connected());
        for socket in waiting {
            socket.end_it();
        }
        drop(target);
        flight::throw_away(cargo);
        flight::throw_away(lost);
        flight::collect();
    }
}

/// Who was never opened, or never accepted, closes here.
impl Drop for UnixSocket {
    fn drop(&mut self) {
        self.end_it();
    }
}
