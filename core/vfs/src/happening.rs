//! What is known of an event, and the order in which groups are told of it (fanotify(7)).
use crate::objects::{Inode, Path};
use bitflags::bitflags;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

bitflags! {
    /// Which of an event's places a row was of.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Of: u32 {
        const INODE = 1;
        const MOUNT = 2;
        const SUPERBLOCK = 4;
        /// The directory of the file, which watches its entries.
        const PARENT = 8;
        /// The directory that a renamed entry went to.
        const SECOND = 16;
    }
}

/// What happened, with all that is known of it.
pub struct Happening<'a> {
    /// `FAN_*`, with `FAN_ONDIR` where it happened to a directory.
    pub mask: u32,
    /// Where it happened, if that is known.
    pub path: Option<&'a Path>,
    /// What it happened to.
    pub inode: &'a Inode,
    /// The directory it is in and its name there.
    pub dir: Option<&'a Inode>,
    pub name: &'a [u8],
    /// Where a renamed entry went.
    pub moved: Option<(&'a Inode, &'a [u8])>,
}

/// What the rows of one group that an event meets say together.
#[derive(Clone, Copy, Debug)]
pub struct Met {
    pub mask: u32,
    pub ignored: u32,
    /// The rows that want such an event.
    pub of: Of,
}

/// The place of a group among all: who is asked first, then who came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group(u64);

/// Groups that may be asked for permission.
static ASKED: AtomicUsize = AtomicUsize::new(0);
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Whether anybody may want to be asked.
#[inline]
pub(crate) fn may_ask() -> bool {
    ASKED.load(Ordering::Relaxed) != 0
}

impl Group {
    /// A place among the groups of a class: 0 is told only, 1 is asked, 2 is asked first.
    pub fn new(class: u64) -> Self {
        if class > 0 {
            ASKED.fetch_add(1, Ordering::Relaxed);
        }
        Self((2 - class) << 62 | NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// Its class.
    pub const fn class(self) -> u64 {
        2 - (self.0 >> 62)
    }

    /// It is no more.
    pub fn end(self) {
        if self.class() > 0 {
            ASKED.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
