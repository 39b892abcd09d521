//! The end of a namespace of process numbers (pid_namespaces(7), "The namespace init process"): with its process of number 1
//! all others in it end, and that process waits for them.
use crate::family::release;
use crate::objects::{Process, Task};
use crate::process::{flag, next_process_in};
use crate::signal::send::send_to_process;
use alloc::sync::Arc;
use pid::SigInfo;
use pid::signals::{SIGCHLD, SIGKILL};

/// The last thread of `init` ends. Until all others are gone, and whoever waits for one of them has done so, it stays.
pub(crate) fn end_namespace(init: &Arc<Process>, last: &Task) {
    let ns = init.pids();
    ns.close();
    init.set(flag::REAPS, true);
    while let Some(zombie) = take_zombie(init) {
        release(&zombie);
    }
    let mut from = 2;
    while let Some((nr, process)) = next_process_in(ns, from) {
        from = nr + 1;
        let _ = send_to_process(&process, &SigInfo::kernel(SIGKILL)); // it finds room
    }
    // Its own numbers: the first thread's, and that of a last one which is not the first.
    ns.wait_alone(if last.is_leader() { 1 } else { 2 });
    if let Some(status) = ns.end() {
        init.sig.lock_irq().group_exit = Some(status);
    }
}

/// A child that has ended; the others end without a trace from now on.
fn take_zombie(init: &Process) -> Option<Arc<Process>> {
    let family = init.family.lock();
    let mut children = family.children.iter();
    let found = children.find(|child| {
        child.link.lock().exit_signal = SIGCHLD;
        child.claim_zombie()
    });
    found.cloned()
}
