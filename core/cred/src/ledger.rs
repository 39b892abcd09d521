//! How much users have of what user namespaces limit: /proc/sys/user (namespaces(7)).
//!
//! Each namespace has a [`Ledger`]: its limits, and how much each user has in it. `charge` says in which ledgers a thing stands.
use crate::ids::Kuid;
use abi::{Errno, Result};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use kmem::TryVec;
use sync::{LockClass, SpinLock, rank};

static USERS: LockClass = LockClass::new("user_namespace.ledger", rank::USER_LEDGER);

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    FanotifyGroups,
    FanotifyMarks,
    InotifyInstances,
    InotifyWatches,
    IpcNamespaces,
    MntNamespaces,
    PidNamespaces,
    UserNamespaces,
    UtsNamespaces,
}

const KINDS: usize = Counted::UtsNamespaces as usize + 1;

impl Counted {
    /// What who has too many is told.
    const fn refusal(self) -> Errno {
        match self {
            Self::FanotifyGroups | Self::InotifyInstances => Errno::EMFILE,
            _ => Errno::ENOSPC,
        }
    }
}

/// The first namespace's limits at boot, by [`Counted`]; of namespaces half of the tasks that there can be.
const FIRST: [u32; KINDS] = [128, 8192, 128, 8192, 16384, 16384, 16384, 16384, 16384];

/// The most that a limit can be: none.
pub const UNLIMITED: u32 = i32::MAX as u32;

/// A namespace's limits, and what its users have.
pub(crate) struct Ledger {
    limits: [AtomicU32; KINDS],
    /// In order of users; none has nothing.
    users: SpinLock<Vec<(Kuid, [u32; KINDS])>>,
}

impl Ledger {
    /// With no limits, or those of the first.
    pub(crate) fn new(is_first: bool) -> Self {
        let limit = |first| if is_first { first } else { UNLIMITED };
        Self {
            limits: FIRST.map(|first| AtomicU32::new(limit(first))),
            users: SpinLock::new(&USERS, Vec::new()),
        }
    }

    pub(crate) fn limit(&self, what: Counted) -> u32 {
        self.limits[what as usize].load(Relaxed)
    }

    pub(crate) fn set_limit(&self, what: Counted, limit: u32) {
        self.limits[what as usize].store(limit, Relaxed);
    }

    /// One more for `user`. ENOMEM, or what `what` refuses with.
    pub(crate) fn take(&self, user: Kuid, what: Counted) -> Result<()> {
        let limit = self.limit(what);
        let mut users = self.users.lock_irq();
        let at = users.binary_search_by_key(&user.0, |(known, _)| known.0);
        let has = at.map_or(0, |at| users[at].1[what as usize]);
        if has >= limit {
            return Err(what.refusal());
        }
        let at = match at {
            Ok(at) => at,
            Err(at) => {
                users.try_insert(at, (user, [0; KINDS]))?;
                at
            }
        };
        users[at].1[what as usize] = has + 1;
        Ok(())
    }

    pub(crate) fn give(&self, user: Kuid, what: Counted) {
        let mut users = self.users.lock_irq();
        let Ok(at) = users.binary_search_by_key(&user.0, |(known, _)| known.0) else {
            return;
        };
        let counts = &mut users[at].1;
        counts[what as usize] -= 1;
        if *counts == [0; KINDS] {
            users.remove(at);
        }
    }
}
