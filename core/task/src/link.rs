//! Where new tasks are entered: among the threads of a process, in its group, among its parent's children, by number.
use crate::clone_flags::CloneArgs;
use crate::cx::Cx;
use crate::objects::{Membership, Process, Task};
use crate::seccomp;
use abi::raw::CLONE_PARENT;
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::Ordering::Relaxed;
use pid::ProcessGroup;

/// One more thread of the process.
pub(crate) fn link_thread(cx: &Cx, task: &Arc<Task>) -> Result<()> {
    let process = task.process();
    let place = {
        let mut shared = process.sig.lock_irq();
        if shared.group_exit.is_some() || shared.exec_by.is_some() || shared.stop.signal != 0 {
            return Err(Errno::ERESTARTNOINTR); // the signal that this goes with is handled first
        }
        let place = shared.threads.push_back(task.clone())?;
        seccomp::catch_up(&cx.task, task);
        process.live.fetch_add(1, Relaxed);
        task.place.store(place, Relaxed);
        place
    };
    let published = task.pid().publish(task.clone(), None);
    if published.is_err() {
        process.live.fetch_sub(1, Relaxed);
        let gone = process.sig.lock_irq().threads.remove(place);
        drop(gone);
    }
    published
}

/// A process: among its own threads, in its parent's process group, among the children, findable by number.
pub(crate) fn link_process(cx: &Cx, args: &CloneArgs, task: &Arc<Task>) -> Result<()> {
    let parent = if args.has(CLONE_PARENT) {
        cx.process().parent()
    } else {
        None
    };
    let parent = parent.unwrap_or_else(|| cx.process().clone());
    first_thread(task)?;
    let group = cx.process().group()?;
    let done = enter_group(task.process(), group).and_then(|()| {
        task.pid()
            .publish(task.clone(), Some(task.process().clone()))?;
        let adopted = crate::family::adopt(&parent, task.process(), cx.task.tid());
        if adopted.is_err() {
            task.pid().detach_both();
        }
        adopted
    });
    if done.is_err() {
        undo_process(task);
    }
    done
}

pub(crate) fn first_thread(task: &Arc<Task>) -> Result<()> {
    let process = task.process();
    let mut shared = process.sig.lock_irq();
    let place = shared.threads.push_back(task.clone())?;
    task.place.store(place, Relaxed);
    shared.leader = Some(task.clone());
    process.live.store(1, Relaxed);
    Ok(())
}

pub(crate) fn enter_group(process: &Arc<Process>, group: Arc<ProcessGroup>) -> Result<()> {
    let place = group.join(process.clone())?;
    *process.membership.lock_irq() = Some(Membership { group, place });
    Ok(())
}

pub(crate) fn undo_process(task: &Arc<Task>) {
    let process = task.process();
    crate::family::leave_group(process);
    let mut shared = process.sig.lock_irq();
    let leader = shared.leader.take();
    let threads = core::mem::take(&mut shared.threads);
    drop(shared);
    drop((leader, threads));
}
