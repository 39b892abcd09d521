//! Process groups and sessions: setpgid(2), setsid(2), orphaned groups, the end of a session's leader.
use crate::objects::{Membership, Process, ProcessLife};
use crate::process::{find_process, flag};
use abi::{Errno, Result};
use alloc::sync::Arc;
use pid::signals::{SIGCONT, SIGHUP};
use pid::{ProcessGroup, SigInfo};

/// setpgid(2) by `me`, with the kernel's numbers; 0 stands for the caller and for the process' own number.
///
/// # Errors
/// `EINVAL`: a negative group. `ESRCH`: neither the caller nor a child. `EACCES`: the child has called execve.
/// `EPERM`: another session, a session leader, or no such group in the session.
pub fn set_group(me: &Arc<Process>, pid: i32, group: i32) -> Result<()> {
    if group < 0 {
        return Err(Errno::EINVAL);
    }
    let target = if pid == 0 || pid == me.nr() {
        me.clone()
    } else {
        find_process(pid)?
    };
    if !Arc::ptr_eq(&target, me) {
        let is_child = target
            .parent()
            .is_some_and(|parent| Arc::ptr_eq(&parent, me));
        if !is_child || target.life() != ProcessLife::Alive {
            return Err(Errno::ESRCH);
        }
        if target.group()?.session().id() != me.group()?.session().id() {
            return Err(Errno::EPERM);
        }
        if target.has(flag::EXECED) {
            return Err(Errno::EACCES);
        }
    }
    let old = target.group()?;
    if old.session().id() == target.nr() {
        return Err(Errno::EPERM);
    }
    let group = if group == 0 { target.nr() } else { group };
    if old.id() == group {
        return Ok(());
    }
    if group == target.nr() {
        let new = match target.pid().group() {
            Some(existing) => existing,
            None => ProcessGroup::new(target.pid(), old.session())?,
        };
        return enter(&target, &new);
    }
    let new = pid::find(group)
        .and_then(|pid| pid.group())
        .ok_or(Errno::EPERM)?;
    if new.session().id() != me.group()?.session().id() {
        return Err(Errno::EPERM);
    }
    enter(&target, &new)
}

/// Leaves the present group for another.
fn enter(process: &Arc<Process>, group: &Arc<ProcessGroup>) -> Result<()> {
    let place = match group.join(process.clone()) {
        Ok(place) => place,
        Err(error) => {
            group.abandon();
            return Err(if error == Errno::ESRCH {
                Errno::EPERM
            } else {
                error
            });
        }
    };
    let new = Membership {
        group: group.clone(),
        place,
    };
    let mut membership = process.membership.lock_irq();
    if process.life() == ProcessLife::Reaped && membership.is_none() {
        drop(membership);
        group.leave(place);
        return Err(Errno::ESRCH);
    }
    let old = membership.replace(new);
    drop(membership);
    if let Some(old) = old {
        old.group.leave(old.place);
    }
    Ok(())
}

/// setsid(2).
///
/// # Errors
/// `EPERM`: the process' number names a group already, so that it leads one.
pub fn new_session(me: &Arc<Process>) -> Result<()> {
    if me.pid().group().is_some() || me.pid().session().is_some() {
        return Err(Errno::EPERM);
    }
    let group = ProcessGroup::new_session(me.pid())?;
    enter(me, &group)?;
    me.set(flag::NO_TTY, false);
    Ok(())
}

/// Whether a process has its session's terminal, if that has one.
pub fn has_terminal(process: &Process) -> bool {
    !process.has(flag::NO_TTY)
}

/// A process gives its session's terminal up for itself alone.
pub fn give_up_terminal(process: &Process) {
    process.set(flag::NO_TTY, true);
}

/// Whether a process leads its session.
pub fn is_session_leader(process: &Process) -> bool {
    process.group_and_session().1 == process.nr()
}

/// Whether the process' group has no member with a parent outside the group but inside the session, who could continue
/// it (POSIX.1-2017 3.264). `but` counts as gone.
pub fn is_orphaned(process: &Process, but: Option<&Process>) -> bool {
    process
        .group()
        .is_ok_and(|group| group_is_orphaned(&group, but))
}

fn group_is_orphaned(group: &ProcessGroup, but: Option<&Process>) -> bool {
    let mut orphaned = true;
    group.for_each(|member| {
        if let Ok(process) = member.clone().as_any().downcast::<Process>()
            && !but.is_some_and(|but| core::ptr::eq(but, &*process))
            && process.life() == ProcessLife::Alive
            && let Some(parent) = process.parent()
            && parent.nr() != 1
        {
            let (parent_group, parent_session) = parent.group_and_session();
            orphaned = parent_group == group.id() || parent_session != group.session().id();
        }
        orphaned
    });
    orphaned
}

fn has_stopped_member(group: &ProcessGroup) -> bool {
    let mut stopped = false;
    group.for_each(|member| {
        if let Ok(process) = member.clone().as_any().downcast::<Process>() {
            stopped = process.sig.lock_irq().stop.stopped;
        }
        !stopped
    });
    stopped
}

/// Hangs up a group that has just become orphaned, if some of it is stopped: nobody could continue it.
fn hang_up_if_orphaned(group: &ProcessGroup, but: Option<&Process>) {
    if has_stopped_member(group) && group_is_orphaned(group, but) {
        group.signal(&SigInfo::kernel(SIGHUP));
        group.signal(&SigInfo::kernel(SIGCONT));
    }
}

/// The process ends: its own group may lose the member whose parent could continue it.
pub(crate) fn orphan_own_group(process: &Arc<Process>) {
    let Some(parent) = process.parent() else {
        return;
    };
    let Ok(group) = process.group() else { return };
    let (parent_group, parent_session) = parent.group_and_session();
    if parent_group != group.id() && parent_session == group.session().id() {
        hang_up_if_orphaned(&group, Some(process));
    }
}

/// A child lost its parent: the child's group may have lost who could continue it.
pub(crate) fn orphan_group_of_child(parent: &Arc<Process>, child: &Arc<Process>) {
    let Ok(group) = child.group() else { return };
    let (parent_group, parent_session) = parent.group_and_session();
    if parent_group != group.id() && parent_session == group.session().id() {
        hang_up_if_orphaned(&group, None);
    }
}

/// The last thread of a process ends: a session's leader gives the controlling terminal up.
pub(crate) fn leader_exits(process: &Arc<Process>) {
    let Ok(group) = process.group() else { return };
    let session = group.session();
    if session.id() == process.nr()
        && let Some(tty) = session.release_tty()
    {
        tty.disassociate(session, true);
    }
}
