//! /proc/PID and /proc/PID/task/TID.
mod fd;
mod idmap;
mod info;
mod maps;
mod mem;
mod mounts;
mod net;
mod ns;
mod pagemap;
mod places;
mod sched;
mod stat;
mod status;
mod wchan;

use crate::node::{self, Decimal, Directory, Listed, Owner, Text, ino};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::fmt::Write;
use cred::{Cred, LookBy, MapKind};
use pid::PidNs;
use task::process::{find_process_in, find_task_in};
use task::{Life, Process, Task};
use vfs::{FileOpsRef, FileType, Inode, Link, Positions, SeqBuf, Sink, SuperBlock};

/// Whom an entry is about.
#[derive(Clone)]
pub(crate) struct Who {
    pub(crate) process: Arc<Process>,
    /// The thread: the first one for /proc/PID itself.
    pub(crate) task: Arc<Task>,
    /// Below task/TID: figures of the thread alone.
    pub(crate) one_thread: bool,
    /// Whose numbers its file system shows.
    pub(crate) pids: PidNs,
}

impl Who {
    /// Its address space. ESRCH once it has none.
    pub(crate) fn mm(&self) -> Result<Arc<mm::Mm>> {
        self.task.mm().ok_or(Errno::ESRCH)
    }

    /// Its name, as `push` writes it, and after that of a worker what it works at.
    fn name(&self, out: &mut SeqBuf, push: fn(&mut SeqBuf, &[u8])) {
        let comm = self.task.comm();
        let len = comm.iter().position(|b| *b == 0).unwrap_or(comm.len());
        push(out, &comm[..len]);
        if self.process.is_kernel()
            && let Some(note) = self.task.thread().and_then(|t| workqueue::note(&t))
        {
            let _ = write!(out, "{note}");
        }
    }

    fn gone(&self) -> bool {
        matches!(self.task.life(), Life::Dead)
    }

    /// Whether `cred` may look into it (ptrace(2), "PTRACE_MODE_READ_FSCREDS" and "PTRACE_MODE_ATTACH_FSCREDS"): it is the
    /// caller's own; or of the same user and group, no mightier, and it has not made itself undumpable; or
    /// `CAP_SYS_PTRACE`. EACCES.
    pub(crate) fn may_look(&self, by: &Cred) -> Result<()> {
        let own = task::current().is_some_and(|me| Arc::ptr_eq(me.process(), &self.process));
        if own
            || by.may_look(
                &*self.task.cred()?,
                LookBy::FileSystem,
                self.process.is_dumpable(),
            )
        {
            Ok(())
        } else {
            Err(Errno::EACCES)
        }
    }

    fn owner(&self) -> Owner {
        match self.task.cred() {
            Ok(cred) if self.process.is_dumpable() => Owner {
                uid: cred.euid,
                gid: cred.egid,
            },
            _ => Owner::ROOT,
        }
    }

    fn ino(&self) -> u64 {
        self.task.tid() as u64 * ino::PER_PROCESS
            + if self.one_thread {
                ino::PER_PROCESS / 2
            } else {
                0
            }
    }
}

type Show = fn(&Who, &mut SeqBuf) -> Result<()>;

enum Kind {
    /// Anybody may read it.
    Open(u32, Show),
    /// Only who may look into the process.
    Private(u32, Show),
    /// It can be written.
    Settable(u32, Show, fn(&Who, &[u8]) -> Result<()>, Positions),
    /// Not a seq_file of Linux, which only shows in the errors of pwrite(2).
    Raw(u32, Show, Option<fn(&Who, &Cred) -> Result<()>>),
    Link(fn(&Who, &Cred) -> Result<Link>),
    Fds(fd::View),
    /// Maps of its user namespace.
    Ids(idmap::File),
    /// Sockets.
    Net,
    /// Its namespaces.
    Namespaces,
    /// What has operations of its own: mode, how it is opened.
    Special(u32, fn(&Who, &Cred) -> Result<FileOpsRef>),
    /// task/, in a process' directory only.
    Threads,
}

const FILES: &[(&str, Kind)] = &[
    ("auxv", Kind::Raw(0o400, info::auxv, Some(Who::may_look))),
    ("cmdline", Kind::Raw(0o444, info::cmdline, None)),
    (
        "comm",
        Kind::Settable(0o644, info::comm, info::set_comm, Positions::None),
    ),
    (
        "coredump_filter",
        Kind::Settable(
            0o644,
            info::core_filter,
            info::set_core_filter,
            Positions::Ignored,
        ),
    ),
    ("cwd", Kind::Link(places::cwd)),
    (
        "environ",
        Kind::Raw(0o400, info::environ, Some(Who::may_look)),
    ),
    ("exe", Kind::Link(places::exe)),
    (
        "fail-nth",
        Kind::Settable(
            0o644,
            info::fail_nth,
            info::set_fail_nth,
            Positions::Ignored,
        ),
    ),
    ("fd", Kind::Fds(fd::View::Links)),
    ("fdinfo", Kind::Fds(fd::View::Info)),
    ("gid_map", Kind::Ids(idmap::File::Map(MapKind::Groups))),
    ("io", Kind::Private(0o400, info::io)),
    ("ipc_cost", Kind::Private(0o400, info::ipc_cost)),
    ("limits", Kind::Open(0o444, info::limits)),
    ("maps", Kind::Private(0o444, maps::maps)),
    ("mem", Kind::Special(0o600, mem::open)),
    ("mountinfo", Kind::Special(0o444, mounts::open_mountinfo)),
    ("mounts", Kind::Special(0o444, mounts::open_mounts)),
    ("net", Kind::Net),
    ("ns", Kind::Namespaces),
    (
        "oom_adj",
        Kind::Settable(0o644, info::oom_adj, info::set_oom_adj, Positions::Ignored),
    ),
    ("oom_score", Kind::Open(0o444, info::oom_score)),
    (
        "oom_score_adj",
        Kind::Settable(
            0o644,
            info::oom_score_adj,
            info::set_oom_score_adj,
            Positions::Ignored,
        ),
    ),
    ("pagemap", Kind::Special(0o400, pagemap::open)),
    ("projid_map", Kind::Ids(idmap::File::Map(MapKind::Projects))),
    ("root", Kind::Link(places::root)),
    ("sched", Kind::Open(0o444, sched::sched)),
    ("setgroups", Kind::Ids(idmap::File::Setgroups)),
    ("smaps", Kind::Private(0o444, maps::smaps)),
    ("smaps_rollup", Kind::Private(0o444, maps::smaps_rollup)),
    ("stack", Kind::Open(0o400, wchan::stack)),
    ("stat", Kind::Open(0o444, stat::stat)),
    ("statm", Kind::Open(0o444, stat::statm)),
    ("status", Kind::Open(0o444, status::status)),
    ("uid_map", Kind::Ids(idmap::File::Map(MapKind::Users))),
    ("wchan", Kind::Open(0o444, wchan::wchan)),
    ("task", Kind::Threads),
];

/// The directory of a process (or of a thread, which has one too but is not listed). `None`: there is no such number.
pub(crate) fn find(sb: &Arc<SuperBlock>, nr: i32) -> Result<Option<Arc<Inode>>> {
    let pids = crate::pids(sb);
    let Ok(task) = find_task_in(pids, nr) else {
        return find_ended(sb, nr);
    };
    let who = Who {
        process: task.process().clone(),
        task,
        one_thread: false,
        pids: pids.clone(),
    };
    directory(sb, who).map(Some)
}

/// A zombie's first thread is no longer found by number; its process is.
fn find_ended(sb: &Arc<SuperBlock>, nr: i32) -> Result<Option<Arc<Inode>>> {
    let pids = crate::pids(sb);
    let Ok(process) = find_process_in(pids, nr) else {
        return Ok(None);
    };
    let Some(task) = process.leader() else {
        return Ok(None);
    };
    directory(
        sb,
        Who {
            process,
            task,
            one_thread: false,
            pids: pids.clone(),
        },
    )
    .map(Some)
}

fn directory(sb: &Arc<SuperBlock>, who: Who) -> Result<Arc<Inode>> {
    let (ino, owner) = (who.ino(), who.owner());
    let process = (!who.one_thread).then(|| who.process.clone());
    let inode = node::directory(sb, ino, 0o555, owner, OfProcess(who))?;
    if let Some(process) = process {
        // For pidfd_send_signal(2).
        inode.extra_or_set(process);
    }
    Ok(inode)
}

struct OfProcess(Who);

impl Directory for OfProcess {
    fn find(&self, sb: &Arc<SuperBlock>, name: &[u8]) -> Result<Option<Arc<Inode>>> {
        if self.0.gone() {
            return Ok(None);
        }
        let Some(place) = FILES.iter().position(|(n, _)| n.as_bytes() == name) else {
            return Ok(None);
        };
        let ino = self.0.ino() + 1 + place as u64;
        self.make(sb, ino, &FILES[place].1)
    }

    fn entry(
        &self,
        at: u64,
        emit: &mut dyn FnMut(&Listed<'_>) -> Result<Sink>,
    ) -> Result<Option<(u64, Sink)>> {
        let Some((name, kind)) = FILES.get(at as usize) else {
            return Ok(None);
        };
        if matches!(kind, Kind::Threads) && self.0.one_thread {
            return Ok(None); // the last of the table
        }
        let kind = match kind {
            Kind::Open(..)
            | Kind::Private(..)
            | Kind::Raw(..)
            | Kind::Settable(..)
            | Kind::Ids(_)
            | Kind::Special(..) => FileType::Regular,
            Kind::Link(_) => FileType::Symlink,
            Kind::Fds(_) | Kind::Net | Kind::Namespaces | Kind::Threads => FileType::Directory,
        };
        let listed = Listed {
            name: name.as_bytes(),
            ino: self.0.ino() + 1 + at,
            kind,
        };
        Ok(Some((at, emit(&listed)?)))
    }

    fn alive(&self) -> bool {
        !self.0.gone()
    }
}

/// A write to what only shows: not the EIO of /proc's other files.
fn unwritten(_: &Who, _: &[u8]) -> Result<()> {
    Err(Errno::EINVAL)
}

impl OfProcess {
    fn make(&self, sb: &Arc<SuperBlock>, ino: u64, kind: &Kind) -> Result<Option<Arc<Inode>>> {
        let (who, owner) = (self.0.clone(), self.0.owner());
        let text = |mode: u32, show: Show, store, may_open, positions| {
            node::text(
                sb,
                ino,
                mode,
                owner,
                who.clone(),
                Text {
                    show,
                    store,
                    may_open,
                    positions,
                    splices: (false, false),
                },
            )
        };
        match kind {
            Kind::Open(mode, show) => text(*mode, *show, Some(unwritten), None, Positions::None),
            Kind::Private(mode, show) => text(
                *mode,
                *show,
                Some(unwritten),
                Some(Who::may_look),
                Positions::None,
            ),
            Kind::Raw(mode, show, may_open) => {
                text(*mode, *show, None, *may_open, Positions::Ignored)
            }
            Kind::Settable(mode, show, store, positions) => {
                text(*mode, *show, Some(*store), None, *positions)
            }
            Kind::Link(target) => node::link(sb, ino, 0o777, owner, who, *target),
            Kind::Fds(view) => node::directory(sb, ino, 0o500, owner, fd::Fds::new(who, *view)),
            Kind::Ids(file) => idmap::make(sb, ino, owner, who, *file),
            Kind::Net => node::directory(sb, ino, 0o555, Owner::ROOT, net::Net(who)),
            Kind::Namespaces => node::directory(sb, ino, 0o511, owner, ns::Namespaces(who)),
            Kind::Special(mode, open) => {
                let open = *open;
                node::special(sb, ino, *mode, owner, move |_, args| open(&who, args.cred))
            }
            Kind::Threads if who.one_thread => return Ok(None),
            Kind::Threads => node::directory(sb, ino, 0o555, owner, Threads(who)),
        }
        .map(Some)
    }
}

struct Threads(Who);

impl Threads {
    /// The thread of this process with the lowest number of at least `from`, and the number.
    fn next(&self, from: i32) -> Option<(i32, Arc<Task>)> {
        let mut best: Option<(i32, Arc<Task>)> = None;
        self.0.process.for_each_thread(|task| {
            let nr = task.tid_in(&self.0.pids);
            if nr >= from && best.as_ref().is_none_or(|(least, _)| nr < *least) {
                best = Some((nr, task.clone()));
            }
            true
        });
        best
    }
}

impl Directory for Threads {
    fn find(&self, sb: &Arc<SuperBlock>, name: &[u8]) -> Result<Option<Arc<Inode>>> {
        let Some(nr) = node::number(name) else {
            return Ok(None);
        };
        let Some((_, task)) = self.next(nr).filter(|(found, _)| *found == nr) else {
            return Ok(None);
        };
        directory(
            sb,
            Who {
                process: self.0.process.clone(),
                task,
                one_thread: true,
                pids: self.0.pids.clone(),
            },
        )
        .map(Some)
    }

    fn entry(
        &self,
        at: u64,
        emit: &mut dyn FnMut(&Listed<'_>) -> Result<Sink>,
    ) -> Result<Option<(u64, Sink)>> {
        let Some((nr, task)) = self.next(at.clamp(1, i32::MAX as u64) as i32) else {
            return Ok(None);
        };
        let nr = nr as u64;
        let ino = task.tid() as u64 * ino::PER_PROCESS + ino::PER_PROCESS / 2;
        let name = Decimal::new(nr);
        Ok(Some((
            nr,
            emit(&Listed {
                name: name.as_bytes(),
                ino,
                kind: FileType::Directory,
            })?,
        )))
    }

    fn alive(&self) -> bool {
        !self.0.gone()
    }
}
