//! When memory has run out: chooses a process, says so, kills it (Linux' mm/oom_kill.c for the score).
use crate::objects::{Process};
use crate::process::{flag, next_process};
use crate::signal::send_to_process;
use alloc::sync::Arc;
use kmem::pressure::VictimSource;
use pid::SigInfo;
use pid::signals::SIGKILL;

/// Never to be chosen.
const ADJ_MIN: i16 = -1000;
/// How long a caller waits for the victim's memory.
const PATIENCE_NS: u64 = 50_000_000;

struct Victims;

impl VictimSource for Victims {
    fn kill_one(&self) -> bool {
        out_of_memory()
    }
}

/// Makes this module the one that is asked when memory ends.
pub fn register() {
    let _ = kmem::pressure::register_victims(&Victims);
}

/// A fault found no memory. Where there is enough by now (a victim has gone, or the failure was injected) it is just
/// taken again; else as [`out_of_memory`].
pub(crate) fn fault_without_memory() -> bool {
    let frames = kmem::frame::stats();
    frames.free > frames.high || out_of_memory()
}

/// Kills the process whose end frees most and waits a moment; false if there is nobody to kill.
pub(crate) fn out_of_memory() -> bool {
    let Some((victim, points)) = choose() else {
        trace::pr_emerg!("Out of memory and no killable processes...");
        return false;
    };
    if victim.sig.lock_irq().group_exit.is_none() {
        announce(&victim, points);
        let _ = send_to_process(&victim, &SigInfo::kernel(SIGKILL));
    }
    let deadline = time::monotonic_ns() + PATIENCE_NS;
    let gone = || (victim.live.load(core::sync::atomic::Ordering::Relaxed) == 0).then_some(());
    let _ = victim
        .end_wait
        .wait(sync::WaitMode::Killable, Some(deadline), gone);
    true
}

fn choose() -> Option<(Arc<Process>, i64)> {
    let total = kmem::frame::stats().total as i64;
    let mut best: Option<(Arc<Process>, i64)> = None;
    let mut from = 1;
    while let Some(process) = next_process(from) {
        from = process.nr() + 1;
        let Some(points) = score(&process, total) else {
            continue;
        };
        if best.as_ref().is_none_or(|(_, most)| points > *most) {
            best = Some((process, points));
        }
    }
    best
}

/// Pages that its end would free, plus its adjustment in thousandths of memory.
fn score(process: &Arc<Process>, total_pages: i64) -> Option<i64> {
    if process.has(flag::UNKILLABLE) || process.oom_score_adj() == ADJ_MIN || process.has_ended() {
        return None;
    }
    let rss = process.leader()?.mm()?.rss_pages() as i64;
    let adjusted = rss + i64::from(process.oom_score_adj()) * total_pages / 1000;
    Some(adjusted.max(1))
}

/// The score that `/proc/PID/oom_score` shows, 0 to 2000.
pub fn badness(process: &Arc<Process>) -> i64 {
    let total = (kmem::frame::stats().total as i64).max(1);
    score(process, total).map_or(0, |points| (1000 + points * 1000 / total) * 2 / 3)
}

fn announce(victim: &Process, points: i64) {
    let Some(leader) = victim.leader() else {
        return;
    };
    let comm = leader.comm();
    let name = core::str::from_utf8(&comm)
        .unwrap_or("?")
        .trim_end_matches('\0');
    let counters = leader
        .mm()
        .map(|mm| mm.counters_unlocked())
        .unwrap_or_default();
    let kb = |pages: usize| pages * 4;
    trace::pr_err!(
        "Out of memory: Killed process {} ({}) total-vm:{}kB, anon-rss:{}kB, file-rss:{}kB, shmem-rss:{}kB, UID:{} \
         pgtables:{}kB oom_score_adj:{} (score {})",
        victim.nr(),
        name,
        kb(counters.total),
        kb(counters.anon),
        kb(counters.file),
        kb(counters.shmem),
        leader.cred().map_or(0, |cred| cred.uid.0),
        kb(counters.page_tables),
        victim.oom_score_adj(),
        points
    );
}
