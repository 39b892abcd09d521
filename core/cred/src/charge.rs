//! In which ledgers a thing stands: who makes it has it in the own namespace; in each one around, whoever made the namespace
//! inside has it. All of their limits count (user_namespaces(7), namespaces(7)).
use crate::cred::Cred;
use crate::ids::Kuid;
use crate::ledger::{Counted, UNLIMITED};
use crate::userns::{Charge, UserNamespace};
use abi::{Errno, Result};
use alloc::sync::Arc;

impl UserNamespace {
    /// How much of this one user may have in it.
    pub fn limit(&self, what: Counted) -> u32 {
        self.ledger.limit(what)
    }

    /// Sets that; who has more keeps it. EINVAL: more than [`UNLIMITED`].
    pub fn set_limit(&self, what: Counted, limit: u32) -> Result<()> {
        if limit > UNLIMITED {
            return Err(Errno::EINVAL);
        }
        self.ledger.set_limit(what, limit);
        Ok(())
    }

    /// Calls `f` with each namespace, from this outwards, and who is counted there for what `user` has in this one, while
    /// that works.
    fn outwards(&self, mut user: Kuid, mut f: impl FnMut(&Self, Kuid) -> Result<()>) -> Result<()> {
        let mut at = Some(self);
        while let Some(ns) = at {
            f(ns, user)?;
            user = ns.owner();
            at = ns.parent().map(|parent| &**parent);
        }
        Ok(())
    }
}

impl Charge {
    /// Counts one more for `user` in `ns` and around it.
    ///
    /// # Errors
    /// EMFILE: somewhere the user has too many groups or instances; ENOSPC: too many of what else there is; ENOMEM.
    pub fn new(ns: &Arc<UserNamespace>, user: Kuid, what: Counted) -> Result<Self> {
        let mut taken = 0;
        let all = ns.outwards(user, |ns, user| {
            ns.ledger.take(user, what)?;
            taken += 1;
            Ok(())
        });
        all.inspect_err(|_| give(ns, user, what, taken))?;
        Ok(Self {
            ns: ns.clone(),
            user,
            what,
        })
    }

    /// Counts one more for who has these credentials. Errors as of [`new`](Self::new).
    pub fn of(cred: &Cred, what: Counted) -> Result<Self> {
        Self::new(&cred.user_ns, cred.euid, what)
    }

    /// Counts something else for the same user. Errors as of [`new`](Self::new).
    pub fn beside(&self, what: Counted) -> Result<Self> {
        Self::new(&self.ns, self.user, what)
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        give(&self.ns, self.user, self.what, usize::MAX);
    }
}

/// Takes it back in the first `levels` namespaces outwards from `ns`.
fn give(ns: &UserNamespace, user: Kuid, what: Counted, levels: usize) {
    let mut left = levels;
    let _ = ns.outwards(user, |ns, user| {
        left = left.checked_sub(1).ok_or(Errno::ENOENT)?; // the end
        ns.ledger.give(user, what);
        Ok(())
    });
}
