//! /proc/sysvipc: the objects of the reader's namespace (proc(5)).
use crate::objects::of_current;
use crate::table::{Object, Table};
use abi::{Errno, PAGE_SIZE, Result};
use alloc::sync::Arc;
use core::fmt::Write;
use cred::UserNamespace;
use vfs::SeqBuf;

/// How the reader calls users.
fn reader() -> Result<Arc<UserNamespace>> {
    let task = task::current().ok_or(Errno::ESRCH)?;
    Ok(task.cred()?.user_ns.clone())
}

fn each<T: Object>(table: &Table<T>, mut line: impl FnMut(&T)) {
    let mut from = 0;
    while let Some((index, object)) = table.next(from) {
        line(&object);
        from = index + 1;
    }
}

/// `shm`.
pub fn segments(out: &mut SeqBuf) -> Result<()> {
    let (objects, users) = (of_current()?, reader()?);
    let pids = task::numbers::own_pids();
    let _ = writeln!(
        out,
        "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      \
         atime      dtime      ctime                   rss                  swap"
    );
    each(&objects.segments, |segment| {
        let rss = segment.pages_in_memory() * PAGE_SIZE as u64;
        let state = segment.state.lock();
        if state.gone {
            return;
        }
        let perm = state.perm.show(segment.id(), &users);
        let nattch = state.attached;
        let (maker, last) = (state.maker.nr_in(&pids), state.last.nr_in(&pids));
        let times = [state.attach_time, state.detach_time, state.change_time];
        drop(state);
        let _ = writeln!(
            out,
            "{:10} {:10}  {:4o} {:21} {maker:5} {last:5}  {nattch:5} {:5} {:5} {:5} {:5} {:10} {:10} {:10} \
             {rss:21} {:21}",
            perm.key,
            segment.id(),
            perm.mode,
            segment.size,
            perm.uid,
            perm.gid,
            perm.cuid,
            perm.cgid,
            times[0],
            times[1],
            times[2],
            0
        );
    });
    Ok(())
}

/// `sem`.
pub fn sets(out: &mut SeqBuf) -> Result<()> {
    let (objects, users) = (of_current()?, reader()?);
    let _ = writeln!(
        out,
        "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime"
    );
    each(&objects.sets, |set| {
        let state = set.state.lock();
        if state.gone {
            return;
        }
        let perm = state.perm.show(set.id(), &users);
        let (operated, changed) = (state.operated / 1_000_000_000, state.changed);
        drop(state);
        let _ = writeln!(
            out,
            "{:10} {:10}  {:4o} {:10} {:5} {:5} {:5} {:5} {operated:10} {changed:10}",
            perm.key,
            set.id(),
            perm.mode,
            set.count(),
            perm.uid,
            perm.gid,
            perm.cuid,
            perm.cgid,
        );
    });
    Ok(())
}

/// `msg`.
pub fn queues(out: &mut SeqBuf) -> Result<()> {
    let (objects, users) = (of_current()?, reader()?);
    let pids = task::numbers::own_pids();
    let _ = writeln!(
        out,
        "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      \
         stime      rtime      ctime"
    );
    each(&objects.queues, |queue| {
        let state = queue.state.lock();
        if state.gone {
            return;
        }
        let perm = state.perm.show(queue.id(), &users);
        let (bytes, len) = (state.queue.bytes, state.queue.len());
        let sender = state.queue.last_sender.nr_in(&pids);
        let receiver = state.queue.last_receiver.nr_in(&pids);
        let times = [
            state.queue.sent / 1_000_000_000,
            state.queue.received / 1_000_000_000,
            state.changed,
        ];
        drop(state);
        let _ = writeln!(
            out,
            "{:10} {:10}  {:4o}  {bytes:10} {len:10} {sender:5} {receiver:5} {:5} {:5} {:5} {:5} {:10} {:10} {:10}",
            perm.key,
            queue.id(),
            perm.mode,
            perm.uid,
            perm.gid,
            perm.cuid,
            perm.cgid,
            times[0],
            times[1],
            times[2],
        );
    });
    Ok(())
}
