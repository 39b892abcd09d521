//! Entries that others add and take away: what modules create, and files whose content is a service's (/proc/modules).
use crate::node::{self, Directory, Listed, Owner, Text, ino};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};
use cred::{Kgid, Kuid};
use kmem::{TryVec, try_arc};
use sync::{LockClass, Mutex, Once, rank};
use vfs::{FileOpsRef, FileType, Inode, Link, OpenArgs, Positions, SeqBuf, Sink, SuperBlock};

static ENTRIES: LockClass = LockClass::new("procfs.entries", rank::DIR_INDEX);

/// Who opens a file of an entry.
pub trait Opener: Send + Sync + 'static {
    /// The operations of a file that is opened.
    ///
    /// # Errors
    /// Whatever opening may answer.
    fn open(&self, inode: &Arc<Inode>, args: &OpenArgs<'_>) -> Result<FileOpsRef>;
}

/// What an entry is.
#[derive(Clone)]
pub enum Content {
    /// A directory.
    Directory,
    /// A file.
    File(Arc<dyn Opener>),
    /// A symbolic link.
    Link(Arc<Vec<u8>>),
}

/// What may be changed of an entry after it was made.
#[derive(Clone, Copy)]
struct Looks {
    uid: Kuid,
    gid: Kgid,
    size: u64,
}

/// An entry.
pub struct Entry {
    name: Vec<u8>,
    mode: u32,
    /// Grows from entry to entry: the place in its directory, and part of the inode's number.
    serial: u64,
    content: Content,
    looks: Mutex<Looks>,
    children: Mutex<Vec<Arc<Entry>>>,
}

static SERIAL: AtomicU64 = AtomicU64::new(0);
static TOP: Once<Arc<Entry>> = Once::new();

impl Entry {
    fn new(name: &[u8], mode: u32, content: Content) -> Result<Arc<Self>> {
        let looks = Looks {
            uid: Kuid(0),
            gid: Kgid(0),
            size: 0,
        };
        try_arc(Self {
            name: Vec::try_from_slice(name)?,
            mode,
            serial: SERIAL.fetch_add(1, Ordering::Relaxed),
            content,
            looks: Mutex::new(&ENTRIES, looks),
            children: Mutex::new(&ENTRIES, Vec::new()),
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// Gives it an owner (`proc_set_user`).
    pub fn set_owner(&self, uid: Kuid, gid: Kgid) {
        let mut looks = self.looks.lock();
        (looks.uid, looks.gid) = (uid, gid);
    }

    /// Gives it a size (`proc_set_size`).
    pub fn set_size(&self, size: u64) {
        self.looks.lock().size = size;
    }

    fn child(&self, name: &[u8]) -> Option<Arc<Self>> {
        let children = self.children.lock();
        children.iter().find(|child| child.name == name).cloned()
    }

    fn kind(&self) -> FileType {
        match self.content {
            Content::Directory => FileType::Directory,
            Content::File(_) => FileType::Regular,
            Content::Link(_) => FileType::Symlink,
        }
    }

    fn ino(&self) -> u64 {
        ino::EXTRA + self.serial
    }
}

/// The directory of all that was added at the top.
fn top() -> Result<&'static Arc<Entry>> {
    if TOP.get().is_none() {
        let _ = TOP.set(Entry::new(b"", 0o555, Content::Directory)?);
    }
    TOP.get().ok_or(Errno::ENOMEM)
}

/// Makes an entry. `path` may lead through directories that are there already, from `parent` or from the top.
///
/// # Errors
/// `ENOENT`: a directory on the way is missing; `EEXIST`; `EINVAL`: no name; `ENOMEM`.
pub fn create(
    parent: Option<&Arc<Entry>>,
    path: &[u8],
    mode: u32,
    content: Content,
) -> Result<Arc<Entry>> {
    let mut parent = match parent {
        Some(parent) => parent.clone(),
        None => top()?.clone(),
    };
    let mut parts = path.split(|byte| *byte == b'/').peekable();
    loop {
        let name = parts.next().unwrap_or_default();
        if name.is_empty() || name.len() > 255 {
            return Err(Errno::EINVAL);
        }
        if parts.peek().is_some() {
            parent = parent.child(name).ok_or(Errno::ENOENT)?;
            continue;
        }
        if !matches!(parent.content, Content::Directory) {
            return Err(Errno::ENOENT);
        }
        let entry = Entry::new(name, mode, content)?;
        let mut children = parent.children.lock();
        if children.iter().any(|child| child.name == name) {
            return Err(Errno::EEXIST);
        }
        children.try_push(entry.clone())?;
        return Ok(entry);
    }
}

/// Takes an entry away, with all below it. False: it was not there any more.
pub fn remove(entry: &Arc<Entry>) -> bool {
    TOP.get().is_some_and(|top| remove_below(top, entry))
}

fn remove_below(dir: &Arc<Entry>, entry: &Arc<Entry>) -> bool {
    let taken = {
        let mut children = dir.children.lock();
        let at = children.iter().position(|child| Arc::ptr_eq(child, entry));
        at.map(|at| children.remove(at))
    };
    if taken.is_some() {
        return true;
    }
    // Directories are few and shallow: the parent is searched for, not remembered.
    let mut after = None;
    while let Some(child) = next_directory(dir, after) {
        if remove_below(&child, entry) {
            return true;
        }
        after = Some(child.serial);
    }
    false
}

fn next_directory(dir: &Entry, after: Option<u64>) -> Option<Arc<Entry>> {
    let children = dir.children.lock();
    let later = |child: &&Arc<Entry>| {
        after.is_none_or(|serial| child.serial > serial)
            && matches!(child.content, Content::Directory)
    };
    children.iter().find(later).cloned()
}

/// The entry of that path, from `parent` or from the top.
#[must_use]
pub fn lookup(parent: Option<&Arc<Entry>>, path: &[u8]) -> Option<Arc<Entry>> {
    let mut at = parent.or_else(|| TOP.get())?.clone();
    for name in path.split(|byte| *byte == b'/') {
        at = at.child(name)?;
    }
    Some(at)
}

/// Adds a file of generated text at the top, for good.
///
/// # Errors
/// As [`create`].
pub fn add_text(name: &[u8], mode: u32, show: fn(&(), &mut SeqBuf) -> Result<()>) -> Result<()> {
    struct Shown(fn(&(), &mut SeqBuf) -> Result<()>);
    impl Opener for Shown {
        fn open(&self, _: &Arc<Inode>, _: &OpenArgs<'_>) -> Result<FileOpsRef> {
            let text = Text {
                show: self.0,
                store: None,
                may_open: None,
                positions: Positions::None,
                splices: (true, false),
            };
            node::open_text((), text)
        }
    }
    create(None, name, mode, Content::File(try_arc(Shown(show))?))?;
    Ok(())
}

/// The content of an added directory.
pub(crate) struct Added(Arc<Entry>);

/// All that was added at the top.
pub(crate) fn added() -> Option<Added> {
    TOP.get().cloned().map(Added)
}

impl Directory for Added {
    fn find(&self, sb: &Arc<SuperBlock>, name: &[u8]) -> Result<Option<Arc<Inode>>> {
        let Some(child) = self.0.child(name) else {
            return Ok(None);
        };
        let (number, mode) = (child.ino(), child.mode);
        let looks = *child.looks.lock();
        let owner = Owner {
            uid: looks.uid,
            gid: looks.gid,
        };
        let made = match &child.content {
            Content::Directory => node::directory(sb, number, mode, owner, Self(child.clone())),
            Content::Link(target) => {
                node::link(sb, number, 0o777, owner, target.clone(), |target, _| {
                    Ok(Link::Body(target.clone()))
                })
            }
            Content::File(opener) => {
                let opener = opener.clone();
                let made = node::special(sb, number, mode, owner, move |inode, args| {
                    opener.open(inode, args)
                })?;
                made.set_size(looks.size);
                Ok(made)
            }
        };
        made.map(Some)
    }

    fn entry(
        &self,
        at: u64,
        emit: &mut dyn FnMut(&Listed<'_>) -> Result<Sink>,
    ) -> Result<Option<(u64, Sink)>> {
        let next = {
            let children = self.0.children.lock();
            children.iter().find(|child| child.serial >= at).cloned()
        };
        let Some(child) = next else {
            return Ok(None);
        };
        let listed = Listed {
            name: &child.name,
            ino: child.ino(),
            kind: child.kind(),
        };
        Ok(Some((child.serial, emit(&listed)?)))
    }
}
