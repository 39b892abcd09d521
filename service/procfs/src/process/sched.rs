//! sched: what the scheduler knows of a thread. Of Linux' lines those that mean something here.
use super::Who;
use super::stat::{policy_number, priority};
use abi::Result;
use core::fmt::Write;
use vfs::SeqBuf;

/// Milliseconds with six places.
struct Millis(u64);

impl core::fmt::Display for Millis {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:>14}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

/// `/proc/PID/sched`.
pub(crate) fn sched(who: &Who, out: &mut SeqBuf) -> Result<()> {
    let Some(thread) = who.task.thread() else {
        return Ok(());
    };
    who.name(out, SeqBuf::push_bytes);
    let (threads, attr) = (who.process.thread_count(), thread.attr());
    let (voluntary, involuntary) = thread.switches();
    let _ = writeln!(
        out,
        " ({}, #threads: {threads})\n{:-<67}",
        who.task.tid_in(&who.pids),
        ""
    );
    for (name, ns) in [
        ("se.exec_start", thread.exec_start_ns()),
        ("se.vruntime", thread.vruntime()),
        ("se.sum_exec_runtime", thread.run_ns()),
    ] {
        let _ = writeln!(out, "{name:<45}:{}", Millis(ns));
    }
    for (name, value) in [
        ("nr_switches", voluntary + involuntary),
        ("nr_voluntary_switches", voluntary),
        ("nr_involuntary_switches", involuntary),
        // Linux counts in 1024ths.
        ("se.load.weight", u64::from(thread.weight()) * 1024),
        ("policy", policy_number(attr.share.policy).into()),
    ] {
        let _ = writeln!(out, "{name:<45}:{value:>21}");
    }
    let priority = 100 + priority(&attr.share);
    let _ = writeln!(out, "{:<45}:{priority:>21}", "prio");
    if let Some((left, until)) = thread.left_until() {
        let _ = writeln!(out, "{:<45}:{left:>21}", "dl.runtime");
        let _ = writeln!(out, "{:<45}:{until:>21}", "dl.deadline");
    }
    Ok(())
}
