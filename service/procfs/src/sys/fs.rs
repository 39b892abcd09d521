//! /proc/sys/fs: files, pipes, notification, message queues.
use super::{Knob, number, read_only, settable};
use super::{queues, user};
use crate::node::parse_number;
use abi::{Errno, Result};
use core::fmt::Write;
use cred::{Counted, UserNamespace};
use pipe::Share;
use vfs::notify::Limit;

macro_rules! inotify {
    ($path:literal, $limit:ident) => {
        settable(
            $path,
            |_, out| number(out, Limit::$limit.get()),
            |_, text| set_limit(Limit::$limit, text),
        )
    };
}

/// A limit of the first user namespace.
macro_rules! first {
    ($path:literal, $what:ident) => {
        settable(
            $path,
            |_, out| user::show(out, &*UserNamespace::init()?, Counted::$what),
            |_, text| user::store(text, &*UserNamespace::init()?, Counted::$what),
        )
    };
}

macro_rules! queues {
    ($path:literal, $knob:ident) => {
        settable(
            $path,
            |_, out| queues::show(out, mqueue::Knob::$knob),
            |_, text| queues::set(mqueue::Knob::$knob, text),
        )
    };
}

pub(super) static KNOBS: &[Knob] = &[
    settable(
        "fs/aio-max-nr",
        |_, out| number(out, vfs::aio::most()),
        |_, text| {
            vfs::aio::set_most(u64::try_from(parse_number(text)?).map_err(|_| Errno::EINVAL)?);
            Ok(())
        },
    ),
    read_only("fs/aio-nr", |_, out| number(out, vfs::aio::taken())),
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
    inotify!("fs/fanotify/max_queued_events", GroupEvents),
    first!("fs/fanotify/max_user_groups", FanotifyGroups),
    first!("fs/fanotify/max_user_marks", FanotifyMarks),
    inotify!("fs/inotify/max_queued_events", QueuedEvents),
    first!("fs/inotify/max_user_instances", InotifyInstances),
    first!("fs/inotify/max_user_watches", InotifyWatches),
    settable(
        "fs/mount-max",
        |_, out| number(out, u64::from(vfs::max_mounts())),
        |_, text| {
            let max = u32::try_from(parse_number(text)?).map_err(|_| Errno::EINVAL)?;
            vfs::set_max_mounts(Some(max).filter(|max| *max != 0).ok_or(Errno::EINVAL)?);
            Ok(())
        },
    ),
    queues!("fs/mqueue/msg_default", MsgDefault),
    queues!("fs/mqueue/msg_max", MsgMax),
    queues!("fs/mqueue/msgsize_default", SizeDefault),
    queues!("fs/mqueue/msgsize_max", SizeMax),
    queues!("fs/mqueue/queues_max", QueuesMax),
    read_only("fs/nr_open", |_, out| number(out, vfs::NR_OPEN)),
    settable(
        "fs/pipe-max-size",
        |_, out| number(out, pipe::max_size() as u64),
        |_, text| {
            pipe::set_max_size(usize::try_from(parse_number(text)?).map_err(|_| Errno::EINVAL)?)
        },
    ),
    settable(
        "fs/pipe-user-pages-hard",
        |_, out| number(out, Share::Hard.get()),
        |_, text| set_share(Share::Hard, text),
    ),
    settable(
        "fs/pipe-user-pages-soft",
        |_, out| number(out, Share::Soft.get()),
        |_, text| set_share(Share::Soft, text),
    ),
];

fn set_share(limit: Share, text: &[u8]) -> Result<()> {
    limit.set(u64::try_from(parse_number(text)?).map_err(|_| Errno::EINVAL)?);
    Ok(())
}

fn set_limit(limit: Limit, text: &[u8]) -> Result<()> {
    let value = u32::try_from(parse_number(text)?).map_err(|_| Errno::EINVAL)?;
    limit.set(u64::from(value));
    Ok(())
}
