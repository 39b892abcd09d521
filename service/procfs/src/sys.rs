//! /proc/sys: what acts. A file is a path with two functions; directories follow from the paths.
use crate::ipc;
mod net;

use crate::node::{self, Directory, Listed, Owner, Text, ino, parse_number};
use crate::queues;
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::fmt::Write;
use core::sync::atomic::{AtomicU64, Ordering};
use mqueue::Knob as Queues;
use vfs::notify::Limit;
use vfs::{FileType, Inode, Positions, SeqBuf, Sink, SuperBlock};

type Show = fn(&(), &mut SeqBuf) -> Result<()>;
type Store = fn(&(), &[u8]) -> Result<()>;

struct Knob {
    path: &'static str,
    show: Show,
    /// Root may write it.
    store: Option<Store>,
    positions: Positions,
}

const fn read_only(path: &'static str, show: Show) -> Knob {
    Knob {
        path,
        show,
        store: None,
        positions: Positions::Number,
    }
}
const fn settable(path: &'static str, show: Show, store: Store) -> Knob {
    Knob {
        path,
        show,
        store: Some(store),
        positions: Positions::Number,
    }
}

const fn both(path: &'static str, how: (Show, Store)) -> Knob {
    settable(path, how.0, how.1)
}

impl Knob {
    /// It holds a string.
    const fn text(mut self) -> Self {
        self.positions = Positions::Text;
        self
    }
}

/// In order of path: entries of a directory stand together.
static KNOBS: &[Knob] = &[
    settable(
        "fs/file-max",
        |_, out| number(out, vfs::max_files()),
        |_, text| {
            vfs::set_max_files(u64::try_from(parse_number(text)?).map_err(|_| Errno::EINVAL)?);
            Ok(())
        },
    ),
    read_only("fs/file-nr", |_, out| {
        let _ = writeln!(out, "{}\t0\t{}", vfs::open_files(), vfs::max_files());
        Ok(())
    }),
    settable(
        "fs/dir-notify-enable",
        |_, out| number(out, u64::from(vfs::is_dir_notify_enabled())),
        |_, text| {
            vfs::enable_dir_notify(parse_number(text)? != 0);
            Ok(())
        },
    ),
    settable(
        "fs/inotify/max_queued_events",
        |_, out| number(out, Limit::QueuedEvents.get()),
        |_, text| set_limit(Limit::QueuedEvents, text),
    ),
    settable(
        "fs/inotify/max_user_instances",
        |_, out| number(out, Limit::UserInstances.get()),
        |_, text| set_limit(Limit::UserInstances, text),
    ),
    settable(
        "fs/inotify/max_user_watches",
        |_, out| number(out, Limit::UserWatches.get()),
        |_, text| set_limit(Limit::UserWatches, text),
    ),
    settable(
        "fs/mqueue/msg_default",
        |_, out| queues::show(out, Queues::MsgDefault),
        |_, text| queues::set(Queues::MsgDefault, text),
    ),
    settable(
        "fs/mqueue/msg_max",
        |_, out| queues::show(out, Queues::MsgMax),
        |_, text| queues::set(Queues::MsgMax, text),
    ),
    settable(
        "fs/mqueue/msgsize_default",
        |_, out| queues::show(out, Queues::SizeDefault),
        |_, text| queues::set(Queues::SizeDefault, text),
    ),
    settable(
        "fs/mqueue/msgsize_max",
        |_, out| queues::show(out, Queues::SizeMax),
        |_, text| queues::set(Queues::SizeMax, text),
    ),
    settable(
        "fs/mqueue/queues_max",
        |_, out| queues::show(out, Queues::QueuesMax),
        |_, text| queues::set(Queues::QueuesMax, text),
    ),
    read_only("fs/nr_open", |_, out| number(out, vfs::NR_OPEN)),
    settable(
        "fs/pipe-max-size",
        |_, out| number(out, pipe::max_size() as u64),
        |_, text| {
            pipe::set_max_size(usize::try_from(parse_number(text)?).map_err(|_| Errno::EINVAL)?)
        },
    ),
    read_only("kernel/cap_last_cap", |_, out| {
        number(out, u64::from(cred::cap::LAST))
    }),
    settable(
        "kernel/core_pattern",
        |_, out| text(out, &task::coredump::pattern()?),
        |_, text| task::coredump::set_pattern(line(text)),
    )
    .text(),
    settable(
        "kernel/core_uses_pid",
        |_, out| number(out, u64::from(task::coredump::uses_pid())),
        |_, text| {
            task::coredump::set_uses_pid(parse_number(text)? != 0);
            Ok(())
        },
    ),
    settable("kernel/domainname", domain, set_domain).text(),
    settable("kernel/hostname", host, set_host).text(),
    settable(
        "kernel/modprobe",
        |_, out| text(out, &task::helper::modprobe_path()?),
        |_, text| task::helper::set_modprobe_path(line(text)),
    )
    .text(),
    settable(
        "kernel/modules_disabled",
        |_, out| number(out, u64::from(task::helper::modules_disabled())),
        // There is no way back.
        |_, text| match parse_number(text)? {
            1 => {
                task::helper::disable_modules();
                Ok(())
            }
            _ => Err(Errno::EINVAL),
        },
    ),
    settable("kernel/msg_next_id", ipc::msg_next, ipc::set_msg_next),
    settable("kernel/msgmax", ipc::msg_max, ipc::set_msg_max),
    settable("kernel/msgmnb", ipc::msg_bytes, ipc::set_msg_bytes),
    settable("kernel/msgmni", ipc::msg_most, ipc::set_msg_most),
    read_only("kernel/ngroups_max", |_, out| {
        number(out, cred::NGROUPS_MAX as u64)
    }),
    read_only("kernel/osrelease", |_, out| text(out, abi::RELEASE)).text(),
    read_only("kernel/ostype", |_, out| text(out, "Linux")).text(),
    settable("kernel/panic", panic_timeout, set_panic_timeout),
    settable(
        "kernel/panic_on_oops",
        |_, out| number(out, u64::from(trace::panic::on_oops())),
        |_, text| {
            trace::panic::set_on_oops(parse_number(text)? != 0);
            Ok(())
        },
    ),
    read_only("kernel/pid_max", |_, out| number(out, pid::PID_MAX as u64)),
    settable("kernel/printk", printk, set_printk),
    read_only("kernel/pty/max", |_, out| number(out, tty::pty::MAX as u64)),
    read_only("kernel/pty/nr", |_, out| {
        number(out, tty::pty::count() as u64)
    }),
    read_only("kernel/random/boot_id", boot_id).text(),
    read_only("kernel/random/uuid", uuid).text(),
    settable(
        "kernel/sched_rt_period_us",
        |_, out| number(out, sched::throttle::period_us()),
        |_, text| sched::throttle::set_period_us(parse_number(text)?),
    ),
    settable(
        "kernel/sched_rt_runtime_us",
        |_, out| {
            let _ = writeln!(out, "{}", sched::throttle::runtime_us());
            Ok(())
        },
        |_, text| sched::throttle::set_runtime_us(parse_number(text)?),
    ),
    settable("kernel/sem", ipc::semaphores, ipc::set_semaphores),
    settable("kernel/sem_next_id", ipc::sem_next, ipc::set_sem_next),
    settable("kernel/shm_next_id", ipc::shm_next, ipc::set_shm_next),
    settable("kernel/shm_rmid_forced", ipc::forced, ipc::set_forced),
    settable("kernel/shmall", ipc::shm_all, ipc::set_shm_all),
    settable("kernel/shmmax", ipc::shm_max, ipc::set_shm_max),
    settable("kernel/shmmni", ipc::shm_most, ipc::set_shm_most),
    read_only("kernel/tainted", |_, out| number(out, trace::taint::mask())),
    settable(
        "kernel/threads-max",
        |_, out| number(out, u64::from(task::limits::max_threads())),
        |_, text| task::limits::set_max_threads(parse_number(text)?),
    ),
    read_only("kernel/version", version).text(),
    both("net/core/rmem_default", net::RMEM_DEFAULT),
    both("net/core/rmem_max", net::RMEM_MAX),
    both("net/core/somaxconn", net::SOMAXCONN),
    both("net/core/wmem_default", net::WMEM_DEFAULT),
    both("net/core/wmem_max", net::WMEM_MAX),
    both("net/unix/max_dgram_qlen", net::MAX_DGRAM_QLEN),
    settable(
        "vm/drop_caches",
        |_, _| Err(Errno::EACCES),
        |_, text| match parse_number(text)? {
            1..=7 => {
                // First what is only waiting to be freed: workers without work, threads on their way out, then what RCU
                // readers may see.
                workqueue::settle();
                sched::settle();
                sync::rcu::barrier();
                kmem::drop_caches();
                Ok(())
            }
            _ => Err(Errno::EINVAL),
        },
    ),
    read_only("vm/max_map_count", |_, out| {
        number(out, mm::MAX_AREAS as u64)
    }),
    read_only("vm/mmap_min_addr", |_, out| {
        number(out, mm::MMAP_MIN_ADDR as u64)
    }),
    settable(
        "vm/overcommit_memory",
        |_, out| number(out, mm::commit::mode() as u64),
        set_overcommit,
    ),
    settable(
        "vm/overcommit_ratio",
        |_, out| number(out, mm::commit::ratio() as u64),
        |_, text| {
            let percent = usize::try_from(parse_number(text)?).map_err(|_| Errno::EINVAL)?;
            mm::commit::set_ratio(percent);
            Ok(())
        },
    ),
    settable(
        "vm/swappiness",
        |_, out| number(out, SWAPPINESS.load(Ordering::Relaxed)),
        |_, text| match parse_number(text)? {
            value @ 0..=200 => {
                SWAPPINESS.store(value as u64, Ordering::Relaxed);
                Ok(())
            }
            _ => Err(Errno::EINVAL),
        },
    ),
];

/// How ready memory is to be swapped out. It is kept for who sets and reads it; there is no swap space yet.
static SWAPPINESS: AtomicU64 = AtomicU64::new(60);

fn set_limit(limit: Limit, text: &[u8]) -> Result<()> {
    let value = u32::try_from(parse_number(text)?).map_err(|_| Errno::EINVAL)?;
    limit.set(u64::from(value));
    Ok(())
}

fn text(out: &mut SeqBuf, value: &str) -> Result<()> {
    let _ = writeln!(out, "{value}");
    Ok(())
}

fn number(out: &mut SeqBuf, value: u64) -> Result<()> {
    let _ = writeln!(out, "{value}");
    Ok(())
}

fn field(out: &mut SeqBuf, field: &[u8]) -> Result<()> {
    let len = field.iter().position(|b| *b == 0).unwrap_or(field.len());
    out.push_bytes(&field[..len]);
    out.push_bytes(b"\n");
    Ok(())
}

/// The names that the reader or writer itself has. ESRCH: it is no task.
fn uts(f: impl FnOnce(&task::uts::UtsNs) -> Result<()>) -> Result<()> {
    let set = task::current().and_then(|me| me.ns()).ok_or(Errno::ESRCH)?;
    f(task::uts::of(&set)?)
}
fn host(_: &(), out: &mut SeqBuf) -> Result<()> {
    uts(|names| field(out, &names.get().host))
}
fn set_host(_: &(), text: &[u8]) -> Result<()> {
    uts(|names| names.set_host(line(text)))
}
fn domain(_: &(), out: &mut SeqBuf) -> Result<()> {
    uts(|names| field(out, &names.get().domain))
}
fn set_domain(_: &(), text: &[u8]) -> Result<()> {
    uts(|names| names.set_domain(line(text)))
}
fn version(_: &(), out: &mut SeqBuf) -> Result<()> {
    text(out, task::uts::VERSION)
}

/// What was written, up to the first newline.
fn line(text: &[u8]) -> &[u8] {
    text.split(|b| *b == b'\n' || *b == 0)
        .next()
        .unwrap_or_default()
}

fn printk(_: &(), out: &mut SeqBuf) -> Result<()> {
    let [a, b, c, d] = trace::console::printk_levels();
    let _ = writeln!(out, "{a}\t{b}\t{c}\t{d}");
    Ok(())
}
fn set_printk(_: &(), text: &[u8]) -> Result<()> {
    let first = text
        .split(u8::is_ascii_whitespace)
        .find(|word| !word.is_empty())
        .ok_or(Errno::EINVAL)?;
    let level = u8::try_from(parse_number(first)?).map_err(|_| Errno::EINVAL)?;
    trace::console::set_loglevel(level);
    Ok(())
}

fn panic_timeout(_: &(), out: &mut SeqBuf) -> Result<()> {
    let _ = writeln!(out, "{}", trace::panic::timeout_seconds());
    Ok(())
}
fn set_panic_timeout(_: &(), text: &[u8]) -> Result<()> {
    let seconds = i32::try_from(parse_number(text)?).map_err(|_| Errno::EINVAL)?;
    trace::panic::set_timeout_seconds(seconds);
    Ok(())
}

fn set_overcommit(_: &(), text: &[u8]) -> Result<()> {
    use mm::commit::Mode;
    mm::commit::set_mode(match parse_number(text)? {
        0 => Mode::Heuristic,
        1 => Mode::Always,
        2 => Mode::Never,
        _ => return Err(Errno::EINVAL),
    });
    Ok(())
}

fn write_uuid(out: &mut SeqBuf, high: u64, low: u64) -> Result<()> {
    // Version 4, variant 1 (RFC 4122).
    let high = high & !0xf000 | 0x4000;
    let low = low & !(3 << 62) | 2 << 62;
    let _ = writeln!(
        out,
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    );
    Ok(())
}
fn uuid(_: &(), out: &mut SeqBuf) -> Result<()> {
    write_uuid(out, hal::random::seed_u64(), hal::random::seed_u64())
}
fn boot_id(_: &(), out: &mut SeqBuf) -> Result<()> {
    static ID: sync::Once<(u64, u64)> = sync::Once::new();
    let (high, low) = *ID.get_or_init(|| (hal::random::seed_u64(), hal::random::seed_u64()));
    write_uuid(out, high, low)
}

/// The directory whose path is a prefix ("" or "kernel/") of its knobs' paths.
struct Level(&'static str);

/// /proc/sys itself.
pub(crate) fn make(sb: &Arc<SuperBlock>) -> Result<Arc<Inode>> {
    node::directory(sb, ino::SYS, 0o555, Owner::ROOT, Level(""))
}

impl Level {
    /// The name of a knob's entry in this directory, and whether it is a directory.
    fn entry_of(&self, knob: &'static Knob) -> Option<(&'static str, bool)> {
        let rest = knob.path.strip_prefix(self.0)?;
        Some(
            rest.split_once('/')
                .map_or((rest, false), |(dir, _)| (dir, true)),
        )
    }
}

impl Directory for Level {
    fn find(&self, sb: &Arc<SuperBlock>, name: &[u8]) -> Result<Option<Arc<Inode>>> {
        let wanted = |k: &'static Knob| self.entry_of(k).is_some_and(|(n, _)| n.as_bytes() == name);
        let Some(at) = KNOBS.iter().position(wanted) else {
            return Ok(None);
        };
        let knob = &KNOBS[at];
        let ino = ino::SYS + 1 + 2 * at as u64;
        let made = match self.entry_of(knob) {
            Some((dir, true)) => {
                let below = &knob.path[..self.0.len() + dir.len() + 1];
                node::directory(sb, ino + 1, 0o555, Owner::ROOT, Level(below))
            }
            _ => {
                let mode = if knob.store.is_some() { 0o644 } else { 0o444 };
                let text = Text {
                    show: knob.show,
                    store: knob.store,
                    may_open: None,
                    positions: knob.positions,
                    splices: (true, true),
                };
                node::text(sb, ino, mode, Owner::ROOT, (), text)
            }
        };
        made.map(Some)
    }

    fn entry(
        &self,
        at: u64,
        emit: &mut dyn FnMut(&Listed<'_>) -> Result<Sink>,
    ) -> Result<Option<(u64, Sink)>> {
        for place in at as usize..KNOBS.len() {
            let Some((name, is_dir)) = self.entry_of(&KNOBS[place]) else {
                continue;
            };
            let seen = place > 0
                && self
                    .entry_of(&KNOBS[place - 1])
                    .is_some_and(|(n, _)| n == name);
            if !seen {
                let kind = if is_dir {
                    FileType::Directory
                } else {
                    FileType::Regular
                };
                let ino = ino::SYS + 1 + 2 * place as u64 + u64::from(is_dir);
                return Ok(Some((
                    place as u64,
                    emit(&Listed {
                        name: name.as_bytes(),
                        ino,
                        kind,
                    })?,
                )));
            }
        }
        Ok(None)
    }
}
