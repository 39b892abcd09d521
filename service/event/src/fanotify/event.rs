//! One event: what is kept of it until it is read.
use super::question::Question;
use abi::{Result, fan};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::hash::{Hash, Hasher};
use pid::Pid;
use vfs::notify::{Happening, Met, Of};
use vfs::{Handle, Name, Path};

/// Bytes of `struct fanotify_event_metadata`.
pub(super) const HEAD: usize = 24;

/// What an event is about.
pub(super) enum About {
    /// A place, which the reader gets a descriptor of.
    Place(Path),
    /// Files by their handles.
    Files(Box<Files>),
    /// A place, where somebody waits for an answer.
    Question(Arc<Question>),
    /// Events were lost.
    Lost,
    /// Nothing any more: who asked is gone.
    Gone,
}

/// Files by their handles; `None` is not told.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct Files {
    /// A directory, and a name in it.
    pub(super) dir: Option<(Handle, Option<Entry>)>,
    /// The directory that an entry was renamed to, and its name there.
    pub(super) moved: Option<(Handle, Entry)>,
    /// The file.
    pub(super) file: Option<Handle>,
}

/// A name that can be compared.
pub(super) struct Entry(pub(super) Name);

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes() == other.0.as_bytes()
    }
}
impl Eq for Entry {}
impl Hash for Entry {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_bytes().hash(state);
    }
}

/// An event that waits to be read.
pub(super) struct Queued {
    pub(super) mask: u32,
    /// Who did it, unless that was the kernel.
    pub(super) pid: Option<Arc<Pid>>,
    pub(super) about: About,
    /// Equal for events that can be one.
    pub(super) hash: u64,
}

impl Queued {
    pub(super) fn new(mask: u32, pid: Option<Arc<Pid>>, about: About) -> Self {
        let mut queued = Self {
            mask,
            pid,
            about,
            hash: 0,
        };
        queued.hash = queued.hash_now();
        queued
    }

    fn hash_now(&self) -> u64 {
        let mut state = Fold(0xcbf2_9ce4_8422_2325);
        self.pid.as_ref().map_or(0, |pid| pid.nr()).hash(&mut state);
        (self.mask & APART).hash(&mut state);
        match &self.about {
            About::Place(path) => {
                Arc::as_ptr(&path.mnt).addr().hash(&mut state);
                Arc::as_ptr(&path.dentry).addr().hash(&mut state);
            }
            About::Files(files) => files.hash(&mut state),
            _ => {}
        }
        state.finish()
    }

    /// Whether it can be one with others at all. A question is answered by itself; what has lost its file is nobody's.
    pub(super) fn merges(&self) -> bool {
        match &self.about {
            About::Place(_) => true,
            About::Files(files) => files.dir.is_some() || files.file.is_some(),
            _ => false,
        }
    }

    /// Whether it and another can be one: the same of the same by the same. What happens to directories stays apart from
    /// what happens to files, and renames from all else.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let same_pid = match (&self.pid, &other.pid) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        };
        if self.hash != other.hash || !same_pid || (self.mask ^ other.mask) & APART != 0 {
            return false;
        }
        match (&self.about, &other.about) {
            (About::Place(a), About::Place(b)) => {
                Arc::ptr_eq(&a.mnt, &b.mnt) && Arc::ptr_eq(&a.dentry, &b.dentry)
            }
            (About::Files(a), About::Files(b)) => a == b,
            _ => false,
        }
    }
}

/// What events that become one have in common.
const APART: u32 = fan::FAN_ONDIR | fan::FAN_RENAME;

/// FNV-1a. There is nothing secret in it: who makes events meet slows down who watches him, no more than by making many.
struct Fold(u64);

impl Hasher for Fold {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}

impl Files {
    /// What a group with `flags` is told of an event. ENOMEM.
    pub(super) fn of(flags: u32, mask: u32, what: &Happening<'_>, met: &Met) -> Result<Box<Self>> {
        let entry_event = mask & fan::DIRENT_EVENTS != 0;
        // Of entries the directory, unless the group wants the entry as well.
        let by_target = flags & fan::FAN_REPORT_TARGET_FID != 0;
        let id = match what.dir {
            Some(dir) if entry_event && !by_target => dir,
            _ => what.inode,
        };
        let dir = match what.dir {
            Some(dir) if entry_event => Some(dir),
            _ if what.inode.is_dir() => Some(what.inode),
            dir => dir,
        };
        let Some(dir) = dir.filter(|_| flags & fan::FAN_REPORT_DIR_FID != 0) else {
            return kmem::try_box(Self {
                dir: None,
                moved: None,
                file: Handle::of(id),
            });
        };
        let wants_file = match entry_event {
            true => by_target,
            false => flags & fan::FAN_REPORT_FID != 0 && mask & fan::FAN_ONDIR == 0,
        };
        let file = (wants_file && !core::ptr::eq(id, dir))
            .then(|| Handle::of(id))
            .flatten();
        let wants_name = flags & fan::FAN_REPORT_NAME != 0
            && (entry_event || mask & fan::FAN_ONDIR == 0)
            && !what.name.is_empty();
        let (mut old, mut new) = (true, false);
        if mask & fan::FAN_RENAME != 0 {
            let all = met.of.contains(Of::SUPERBLOCK);
            old = all || met.of.contains(Of::INODE);
            new = all || met.of.contains(Of::SECOND);
        }
        let moved = what.moved.filter(|_| new);
        if !wants_name && moved.is_none() && file.is_none() {
            // One record, of the directory as if it were the file.
            return kmem::try_box(Self {
                dir: None,
                moved: None,
                file: Handle::of(dir),
            });
        }
        let name = match wants_name {
            true => Some(Entry(Name::new(what.name)?)),
            false => None,
        };
        let moved = match moved {
            Some((to, name)) => Handle::of(to).zip(Some(Entry(Name::new(name)?))),
            None => None,
        };
        kmem::try_box(Self {
            dir: Handle::of(dir).filter(|_| old).map(|dir| (dir, name)),
            moved,
            file,
        })
    }
}
