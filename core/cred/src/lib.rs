//! Credentials: who one is, in which user namespace, with which capabilities; and resource limits.
//!
//! | module | holds |
//! |---|---|
//! | `ids` | [`Kuid`], [`Kgid`]: ids as the kernel compares them; never what user space said |
//! | `userns`, `idmap`, `usermap` | [`UserNamespace`] and its [`IdMap`]s between what user space says and `Kuid`/`Kgid` |
//! | `caps` | [`CapSet`] and the capability numbers in [`cap`] |
//! | `cred` | [`Cred`], immutable once shared: a task that changes who it is installs a changed copy |
//! | `change` | the rules of setuid, setresuid, setgroups, capset, exec |
//! | `ledger`, `charge` | what user namespaces limit, and how much of it their users have: a [`Charge`] per thing |
//! | [`number`] | the numbers of namespaces of every kind |
//! | `rlimit` | [`Rlimits`] of a process |
//!
//! Called by everything that checks permission (`vfs`, `task`, `syscall`); calls `abi`, `sync` and `kmem` only. `Cred` is
//! shared as `Arc<Cred>`, resource limits are atomics; only maps and ledgers have a lock.
//!
//! Specification: credentials(7), capabilities(7), user_namespaces(7), getrlimit(2).
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod caps;
mod change;
mod charge;
mod cred;
mod filecaps;
mod idmap;
mod ids;
mod ledger;
pub mod number;
mod rlimit;
#[cfg(test)]
mod tests;
mod usermap;
mod userns;

pub use caps::{CapSet, cap};
pub use change::{ExecFile, IdKind};
pub use cred::{Cred, GroupList, LookBy, NGROUPS_MAX, securebit};
pub use filecaps::{CAPABILITY, FileCaps};
pub use idmap::{Extent, IdMap};
pub use ids::{Kgid, Kuid};
pub use ledger::{Counted, UNLIMITED};
pub use rlimit::{Limit, RLIM_INFINITY, RLIM_NLIMITS, Resource, Rlimits};
pub use userns::{Charge, MapKind, OVERFLOW_ID, UserNamespace};
