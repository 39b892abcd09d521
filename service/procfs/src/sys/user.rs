//! /proc/sys/user: the limits of the user namespace of who opens a file (namespaces(7)).
use super::{Knob, number};
use crate::node::{self, Owner, Text, parse_number};
use abi::{Errno, Result};
use alloc::sync::Arc;
use cred::{Counted, Cred, UserNamespace, cap};
use vfs::{Access, Inode, Positions, SeqBuf, SuperBlock};

const fn limit(path: &'static str, what: Counted) -> Knob {
    let mut knob = super::read_only(path, |_, _| Err(Errno::EIO)); // opened by `make`
    knob.limit = Some(what);
    knob
}

pub(super) static KNOBS: &[Knob] = &[
    limit("user/max_fanotify_groups", Counted::FanotifyGroups),
    limit("user/max_fanotify_marks", Counted::FanotifyMarks),
    limit("user/max_inotify_instances", Counted::InotifyInstances),
    limit("user/max_inotify_watches", Counted::InotifyWatches),
    limit("user/max_ipc_namespaces", Counted::IpcNamespaces),
    limit("user/max_mnt_namespaces", Counted::MntNamespaces),
    limit("user/max_pid_namespaces", Counted::PidNamespaces),
    limit("user/max_user_namespaces", Counted::UserNamespaces),
    limit("user/max_uts_namespaces", Counted::UtsNamespaces),
];

pub(super) fn show(out: &mut SeqBuf, ns: &UserNamespace, what: Counted) -> Result<()> {
    number(out, u64::from(ns.limit(what)))
}

/// EINVAL: no number, or one that is no limit.
pub(super) fn store(text: &[u8], ns: &UserNamespace, what: Counted) -> Result<()> {
    let limit = u32::try_from(parse_number(text)?).map_err(|_| Errno::EINVAL)?;
    ns.set_limit(what, limit)
}

type Subject = (Arc<UserNamespace>, Counted);

/// What an open file of one is.
const TEXT: Text<Subject> = Text {
    show: |(ns, what), out| show(out, ns, *what),
    store: Some(|(ns, what), text| store(text, ns, *what)),
    may_open: None,
    positions: Positions::Number,
    splices: (true, true),
};

/// A file that is another one in each user namespace.
pub(super) fn make(sb: &Arc<SuperBlock>, ino: u64, what: Counted) -> Result<Arc<Inode>> {
    node::special_for(sb, ino, 0o644, Owner::ROOT, Some(may), move |_, args| {
        node::open_text((args.cred.user_ns.clone(), what), TEXT)
    })
}

/// Whoever owns it: all may read it, and write it with `CAP_SYS_RESOURCE` over their own namespace.
fn may(cred: &Cred, access: Access) -> Result<()> {
    let may_write = cred.has_cap(cap::SYS_RESOURCE);
    if access.contains(Access::EXEC) || access.contains(Access::WRITE) && !may_write {
        return Err(Errno::EACCES);
    }
    Ok(())
}
