//! stat and statm: one line of numbers each.
use super::Who;
use abi::Result;
use core::fmt::Write;
use cred::Resource;
use sched::Policy;
use task::times::Usage;
use time::ns_to_clock_t;
use vfs::SeqBuf;

/// Priority as the line shows it: 20 plus the nice value, or below 0 for real-time threads.
pub(super) fn priority(share: &sched::Share) -> i64 {
    if share.rt_level != 0 {
        -1 - i64::from(share.rt_level)
    } else {
        20 + i64::from(share.nice)
    }
}

/// `SCHED_*`.
pub(super) fn policy_number(policy: Policy) -> u32 {
    match policy {
        Policy::Normal => 0,
        Policy::Fifo => 1,
        Policy::Rr => 2,
        Policy::Batch => 3,
        Policy::Idle => 5,
        Policy::Deadline => 6,
    }
}

/// `PF_*` that mean something here: never execed, and what kernel threads are.
fn flags(who: &Who) -> u32 {
    let mut flags = 0;
    if who.process.never_execed() {
        flags |= 0x40;
    }
    if who.process.is_kernel() {
        flags |= 0x20_0000;
        if who.task.thread().is_some_and(|thread| thread.is_bound()) {
            flags |= 0x400_0000;
        }
    }
    flags
}

/// /proc/PID/stat, the 52 fields of proc_pid_stat(5).
pub(crate) fn stat(who: &Who, out: &mut SeqBuf) -> Result<()> {
    let (process, task) = (&who.process, &who.task);
    let usage = if who.one_thread {
        Usage::of_task(task)
    } else {
        process.usage()
    };
    let children = process.children_usage();
    let (group, session) = process.group_and_session_in(&who.pids);
    let (tty, foreground) = terminal(who);
    let mm = task.mm();
    let counters = mm.as_ref().map(|mm| mm.counters()).unwrap_or_default();
    let layout = mm.as_ref().map(|mm| mm.layout()).unwrap_or_default();
    let thread = task.thread();
    let attr = thread
        .as_ref()
        .map_or(sched::SchedAttr::NORMAL, |thread| thread.attr());
    // What it inherits from those who wait for it shows in its priority alone.
    let effective = thread.map_or(attr.share, |thread| thread.effective_share());
    let (ignored, caught) = process.sighand().ignored_and_caught();
    let _ = write!(out, "{} (", task.tid_in(&who.pids));
    who.name(out, SeqBuf::push_bytes);
    let _ = write!(
        out,
        ") {} {} {group} {session} {tty} {foreground} {} {} {} {} {} {} {} {} {} {} {} {} 0 {} {} {} {} ",
        task.state_char(),
        process.parent_nr_in(&who.pids),
        flags(who),
        usage.minor_faults,
        children.minor_faults,
        usage.major_faults,
        children.major_faults,
        ns_to_clock_t(usage.user_ns),
        ns_to_clock_t(usage.system_ns),
        ns_to_clock_t(children.user_ns),
        ns_to_clock_t(children.system_ns),
        priority(&effective),
        attr.share.nice,
        process.thread_count(),
        ns_to_clock_t(task.started_ns()),
        counters.total * abi::PAGE_SIZE,
        counters.rss,
        process.limits().cur(Resource::Rss),
    );
    let last_cpu = task.thread().map_or(0, |thread| thread.cpu());
    let _ = writeln!(
        out,
        "{} {} {} 0 0 {} {} {} {} 0 0 0 {} {last_cpu} {} {} 0 0 0 {} {} {} {} {} {} {} {}",
        layout.start_code,
        layout.end_code,
        layout.start_stack,
        task.pending_set().0 & 0x7fff_ffff,
        task.blocked().0 & 0x7fff_ffff,
        ignored.0 & 0x7fff_ffff,
        caught.0 & 0x7fff_ffff,
        if process.is_kernel() { 0 } else { 17 }, // exit signal of a process: SIGCHLD
        if attr.share.policy.is_rt() {
            attr.share.rt_level
        } else {
            0
        },
        policy_number(attr.share.policy),
        layout.start_data,
        layout.end_data,
        layout.start_brk,
        layout.arg_start,
        layout.arg_end,
        layout.env_start,
        layout.env_end,
        0,
    );
    Ok(())
}

/// Number of the controlling terminal and its foreground process group; 0 and -1 without one.
fn terminal(who: &Who) -> (u64, i32) {
    let tty = who
        .process
        .group()
        .ok()
        .filter(|_| task::jobs::has_terminal(&who.process))
        .and_then(|group| group.session().tty());
    tty.map_or((0, -1), |tty| {
        (
            tty.device(),
            tty.foreground()
                .map_or(-1, |group| group.pid().nr_in(&who.pids)),
        )
    })
}

/// /proc/PID/statm: total, resident, shared, text, lib, data, dirty; in pages.
pub(crate) fn statm(who: &Who, out: &mut SeqBuf) -> Result<()> {
    let counters = who.task.mm().map(|mm| mm.counters()).unwrap_or_default();
    let layout = who.task.mm().map(|mm| mm.layout()).unwrap_or_default();
    let text = (layout.end_code.next_multiple_of(abi::PAGE_SIZE))
        .saturating_sub(layout.start_code & !0xfff)
        / abi::PAGE_SIZE;
    let _ = writeln!(
        out,
        "{} {} {} {text} 0 {} 0",
        counters.total,
        counters.rss,
        counters.file + counters.shmem,
        counters.data + counters.stack
    );
    Ok(())
}
