//! Who watches, what can be watched, and what is told of it.
use crate::happening::{Group, Happening, Met};
use crate::objects::{Inode, Mount, SuperBlock};
use abi::Result;
use alloc::sync::Arc;
use core::any::Any;
use core::sync::atomic::Ordering;
use cred::Charge;

/// Where a thing is in memory.
pub(crate) fn address<T>(object: &T) -> usize {
    core::ptr::from_ref(object).addr()
}

/// What happened, as inotify_event has it.
pub struct Event<'a> {
    /// The watch's number.
    pub wd: i32,
    /// One of `IN_*`, with `IN_ISDIR`.
    pub mask: u32,
    /// The same for both halves of a rename, else 0.
    pub cookie: u32,
    /// The entry of a watched directory; empty: the watched file itself.
    pub name: &'a [u8],
}

/// Somebody who watches.
pub trait Watcher: Any + Send + Sync {
    /// Takes an event of one row; under a spinlock. Not called for a group.
    fn tell(&self, _event: &Event<'_>) {}
    /// Takes an event that met some of a group's rows; no lock of this module is held. An error refuses what is asked for.
    fn hear(&self, _what: &Happening<'_>, _met: &Met) -> Result<()> {
        Ok(())
    }
    /// The group that it is.
    fn group(&self) -> Option<Group> {
        None
    }
    /// A number for a new watch. ENOSPC.
    fn new_wd(&self) -> Result<i32> {
        Ok(0)
    }
    /// Counts a new watch, if its watches are limited. ENOSPC, ENOMEM.
    fn count(&self) -> Result<Option<Charge>>;
}

/// What can be watched.
#[derive(Clone, Copy)]
pub enum Object<'a> {
    Inode(&'a Arc<Inode>),
    Mount(&'a Mount),
    SuperBlock(&'a SuperBlock),
}

/// What is watched, by its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Device and inode; whether there are handles for it.
    Inode(u64, u64, bool),
    /// Number of the mount.
    Mount(u32),
    /// Device.
    SuperBlock(u64),
}

impl Object<'_> {
    pub(crate) fn at(self) -> usize {
        match self {
            Object::Inode(inode) => address(&**inode),
            Object::Mount(mount) => address(mount),
            Object::SuperBlock(sb) => address(sb),
        }
    }

    pub(crate) fn seen(self) -> Seen {
        match self {
            Object::Inode(inode) => {
                let sb = inode.sb();
                Seen::Inode(sb.dev(), inode.ino(), sb.ops().has_handles())
            }
            Object::Mount(mount) => Seen::Mount(mount.id()),
            Object::SuperBlock(sb) => Seen::SuperBlock(sb.dev()),
        }
    }

    pub(crate) fn now_watched(self) {
        let flag = match self {
            Object::Inode(inode) => &inode.watched,
            Object::Mount(mount) => &mount.watched,
            Object::SuperBlock(sb) => &sb.watched,
        };
        flag.store(true, Ordering::Relaxed);
    }
}
