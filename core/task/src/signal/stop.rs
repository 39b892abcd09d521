//! Job control: stop signals and SIGCONT (signal(7), POSIX.1-2017 2.4.3).
//!
//! A stop signal taken by one thread makes all of them stop; the last one to do so tells the parent. SIGCONT undoes it
//! the moment it is sent, even if it is blocked or ignored; who then runs first tells the parent.
use crate::objects::{Life, Process, SigShared, Task};
use crate::task::work;
use crate::wait_match::Change;
use alloc::sync::Arc;
use core::sync::atomic::Ordering::Relaxed;
use pid::signals::{SIGCONT, SIGKILL};
use pid::{SigSet, Signal};
use sync::WaitMode;

/// What a signal does by being sent: stop signals and SIGCONT cancel each other; SIGCONT and SIGKILL end a stop.
pub(crate) fn before_send(process: &Process, shared: &mut SigShared, sig: Signal) {
    if SigSet::STOP.contains(sig) {
        flush_all(shared, SigSet::one(SIGCONT));
    } else if sig == SIGCONT {
        flush_all(shared, SigSet::STOP);
        resume(process, shared);
        for task in &shared.threads {
            task.notify_tracer();
        }
    } else if sig == SIGKILL {
        for task in &shared.threads {
            task.end_last_stop();
        }
        wake_stopped(process, shared);
    }
}

fn flush_all(shared: &mut SigShared, signals: SigSet) {
    shared.pending.flush(signals);
    for task in &shared.threads {
        task.with_pending(|pending| pending.flush(signals));
    }
}

fn resume(process: &Process, shared: &mut SigShared) {
    let stop = &mut shared.stop;
    stop.continues = stop.continues.wrapping_add(1);
    if stop.signal == 0 {
        return;
    }
    // One that was under way counts as stopped and continued.
    let why = if stop.stopped {
        Change::Continued
    } else {
        Change::Stopped(stop.signal)
    };
    stop.report_continue = stop.stopped;
    stop.report_stop = false;
    stop.tell_parent = Some(why);
    stop.signal = 0;
    stop.missing = 0;
    stop.stopped = false;
    wake_stopped(process, shared);
}

fn wake_stopped(process: &Process, shared: &SigShared) {
    for task in &shared.threads {
        if task.stopping.swap(false, Relaxed) {
            task.add_work(work::SIGNAL);
        }
    }
    process.stop_wait.wake_all();
}

/// The calling thread took a stop signal: begins a stop of the whole process.
pub(crate) fn begin(shared: &mut SigShared, me: &Task, sig: Signal) {
    if shared.stop.signal != 0 && !shared.stop.stopped {
        return; // one is under way
    }
    if !shared.stop.stopped {
        shared.stop.signal = sig;
    }
    shared.stop.missing = 0;
    for task in &shared.threads {
        if task.life() != Life::Alive || task.stopping.swap(true, Relaxed) {
            continue;
        }
        shared.stop.missing += 1;
        if !core::ptr::eq(&**task, me) {
            task.add_work(work::SIGNAL);
            task.notice();
        }
    }
}

/// A thread stops, or ends while it was to stop. Answers whether it was the last, so that the parent has to be told.
pub(crate) fn participate(shared: &mut SigShared) -> bool {
    let stop = &mut shared.stop;
    stop.missing = stop.missing.saturating_sub(1);
    if stop.missing != 0 || stop.signal == 0 || stop.stopped {
        return false;
    }
    stop.stopped = true;
    stop.report_stop = true;
    stop.report_continue = false;
    true
}

/// Waits until SIGCONT or SIGKILL. The caller has left the signal lock.
pub(crate) fn wait_stopped(process: &Arc<Process>, task: &Task) {
    let go_on = || (!task.stopping.load(Relaxed) || task.has_trap()).then_some(());
    // Interrupted means killed: the caller looks at its flags next in either case.
    let _ = process.stop_wait.wait(WaitMode::Killable, None, go_on);
    if task.has_trap() {
        // It goes on to stand still for its tracer; its part of the process' stop is done.
        task.stopping.store(false, Relaxed);
    }
}
