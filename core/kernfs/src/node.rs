//! What a tree is made of.
use crate::gate::Gate;
use abi::{Errno, Result};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use cred::{Kgid, Kuid};
use kmem::{TryString, TryVec, try_arc};
use sync::{LockClass, Mutex, WaitQueue, rank};
use vfs::{FileOpsRef, FileType, Inode, OpenArgs, SeqBuf};

static CHILDREN: LockClass = LockClass::new("kernfs.children", rank::DIR_INDEX);
static STATE: LockClass = LockClass::new("kernfs.state", rank::DIR_INDEX);
static SERIAL: AtomicU64 = AtomicU64::new(1);

/// The text of a file, and what writing it does. What is missing answers EIO.
pub trait Attribute: Send + Sync + 'static {
    /// Writes the whole text.
    ///
    /// # Errors
    /// What reading the file answers.
    fn show(&self, _out: &mut SeqBuf) -> Result<()> {
        Err(Errno::EIO)
    }

    /// Takes what was written by one write(2), at most a page; how much of it.
    ///
    /// # Errors
    /// What writing the file answers.
    fn store(&self, _text: &[u8]) -> Result<usize> {
        Err(Errno::EIO)
    }
}

impl<F: Fn(&mut SeqBuf) -> Result<()> + Send + Sync + 'static> Attribute for F {
    fn show(&self, out: &mut SeqBuf) -> Result<()> {
        self(out)
    }
}

/// Who opens a file that is no attribute.
pub trait Opener: Send + Sync + 'static {
    /// The operations of a file that is opened.
    ///
    /// # Errors
    /// Whatever opening may answer.
    fn open(&self, inode: &Arc<Inode>, args: &OpenArgs<'_>) -> Result<FileOpsRef>;
}

/// What a node is.
#[derive(Clone)]
pub enum Content {
    /// A directory.
    Directory,
    /// A page of text.
    Attribute(Arc<dyn Attribute>),
    /// A file with operations of its own.
    File(Arc<dyn Opener>),
    /// A link to another node of the tree.
    Link(Arc<Node>),
}

impl Content {
    const fn kind(&self) -> FileType {
        match self {
            Self::Directory => FileType::Directory,
            Self::Attribute(_) | Self::File(_) => FileType::Regular,
            Self::Link(_) => FileType::Symlink,
        }
    }
}

/// What chmod(2) and chown(2) change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Looks {
    pub(crate) mode: u32,
    pub(crate) uid: Kuid,
    pub(crate) gid: Kgid,
}

struct State {
    /// `None` once it was removed.
    content: Option<Content>,
    looks: Looks,
}

/// A directory, a file or a link.
pub struct Node {
    name: String,
    parent: Option<Arc<Node>>,
    /// Grows from node to node: its place in the directory, and the number of its inode.
    serial: u64,
    kind: FileType,
    state: Mutex<State>,
    /// By serial number.
    children: Mutex<Vec<Arc<Node>>>,
    gone: AtomicBool,
    gate: Gate,
    /// Counts [`Node::notify`].
    event: AtomicU32,
    changed: WaitQueue,
}

impl Node {
    fn new(
        parent: Option<Arc<Self>>,
        name: &str,
        mode: u32,
        content: Content,
    ) -> Result<Arc<Self>> {
        try_arc(Self {
            name: String::try_from_str(name)?,
            parent,
            serial: SERIAL.fetch_add(1, Ordering::Relaxed),
            kind: content.kind(),
            state: Mutex::new(
                &STATE,
                State {
                    content: Some(content),
                    looks: Looks {
                        mode,
                        uid: Kuid(0),
                        gid: Kgid(0),
                    },
                },
            ),
            children: Mutex::new(&CHILDREN, Vec::new()),
            gone: AtomicBool::new(false),
            gate: Gate::new(),
            event: AtomicU32::new(0),
            changed: WaitQueue::new(),
        })
    }

    /// The root of a tree.
    pub(crate) fn root(mode: u32) -> Result<Arc<Self>> {
        Self::new(None, "", mode, Content::Directory)
    }

    /// Makes a node below this one. EEXIST; ENOENT: this one was removed; EINVAL: no name, or this is no directory;
    /// ENOMEM.
    pub fn add(self: &Arc<Self>, name: &str, mode: u32, content: Content) -> Result<Arc<Self>> {
        if name.is_empty() || name.len() > 255 || name.contains('/') || !self.is_dir() {
            return Err(Errno::EINVAL);
        }
        let node = Self::new(Some(self.clone()), name, mode, content)?;
        let mut children = self.children.lock();
        if self.is_gone() {
            return Err(Errno::ENOENT);
        }
        if children.iter().any(|child| child.name == name) {
            return Err(Errno::EEXIST);
        }
        // Two makers may come here in another order than they got their numbers.
        let at = children.partition_point(|child| child.serial < node.serial);
        children.try_push(node.clone())?;
        children[at..].rotate_right(1);
        Ok(node)
    }

    /// Makes a directory. As [`Node::add`].
    pub fn add_dir(self: &Arc<Self>, name: &str) -> Result<Arc<Self>> {
        self.add(name, 0o755, Content::Directory)
    }

    /// The directory of that name, made if it is missing. As [`Node::add`].
    pub fn dir(self: &Arc<Self>, name: &str) -> Result<Arc<Self>> {
        match self.add_dir(name) {
            Err(Errno::EEXIST) => self.child(name).ok_or(Errno::ENOENT),
            made => made,
        }
    }

    /// Makes a file of a page of text. As [`Node::add`].
    pub fn add_attribute(
        self: &Arc<Self>,
        name: &str,
        mode: u32,
        attribute: impl Attribute,
    ) -> Result<Arc<Self>> {
        self.add(name, mode, Content::Attribute(try_arc(attribute)?))
    }

    /// Makes a link. As [`Node::add`].
    pub fn add_link(self: &Arc<Self>, name: &str, target: &Arc<Self>) -> Result<Arc<Self>> {
        self.add(name, 0o777, Content::Link(target.clone()))
    }

    /// Removes it with all below it, and waits for calls into it. False: it was removed before.
    pub fn remove(self: &Arc<Self>) -> bool {
        let Some(parent) = &self.parent else {
            return false;
        };
        let taken = {
            let mut children = parent.children.lock();
            let at = children.iter().position(|child| Arc::ptr_eq(child, self));
            at.map(|at| children.remove(at))
        };
        if taken.is_some() {
            self.end();
        }
        taken.is_some()
    }

    fn end(&self) {
        self.gone.store(true, Ordering::SeqCst);
        self.gate.close();
        let below = core::mem::take(&mut *self.children.lock());
        for child in &below {
            child.end();
        }
        self.gate.wait_empty();
        let content = self.state.lock().content.take();
        drop(content);
        self.changed.wake_all();
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it stands; none for a root.
    #[must_use]
    pub const fn parent(&self) -> Option<&Arc<Self>> {
        self.parent.as_ref()
    }

    /// The node of that name below this one.
    #[must_use]
    pub fn child(&self, name: &str) -> Option<Arc<Self>> {
        let children = self.children.lock();
        children.iter().find(|child| child.name == name).cloned()
    }

    /// The first node below this one whose place is at or behind `place`.
    pub(crate) fn child_from(&self, place: u64) -> Option<Arc<Self>> {
        let children = self.children.lock();
        let at = children.partition_point(|child| child.serial < place);
        children.get(at).cloned()
    }

    /// Calls `each` with all that is below it now, one after the other.
    pub fn each_child(&self, each: &mut dyn FnMut(&Arc<Self>)) {
        let mut place = 0;
        while let Some(child) = self.child_from(place) {
            place = child.serial + 1;
            each(&child);
        }
    }

    /// How many directories it holds.
    pub(crate) fn directories(&self) -> u32 {
        let children = self.children.lock();
        children.iter().filter(|child| child.is_dir()).count() as u32
    }

    /// Whether nothing is below it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.children.lock().is_empty()
    }

    /// Whether it was removed.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.gone.load(Ordering::SeqCst)
    }

    pub(crate) fn is_dir(&self) -> bool {
        self.kind == FileType::Directory
    }

    pub(crate) const fn kind(&self) -> FileType {
        self.kind
    }

    pub(crate) const fn serial(&self) -> u64 {
        self.serial
    }

    pub(crate) const fn gate(&self) -> &Gate {
        &self.gate
    }

    pub(crate) fn content(&self) -> Option<Content> {
        self.state.lock().content.clone()
    }

    pub(crate) fn looks(&self) -> Looks {
        self.state.lock().looks
    }

    pub(crate) fn change_looks(&self, change: impl FnOnce(&mut Looks)) {
        change(&mut self.state.lock().looks);
    }

    /// Changes its permissions.
    pub fn set_mode(&self, mode: u32) {
        self.change_looks(|looks| looks.mode = mode);
    }

    /// Tells those who poll it that its text is another one.
    pub fn notify(&self) {
        self.event.fetch_add(1, Ordering::SeqCst);
        self.changed.wake_all();
    }

    pub(crate) fn event(&self) -> u32 {
        self.event.load(Ordering::SeqCst)
    }

    pub(crate) const fn changed(&self) -> &WaitQueue {
        &self.changed
    }

    /// How many nodes are above it.
    fn depth(&self) -> usize {
        core::iter::successors(self.parent(), |node| node.parent()).count()
    }

    /// Its ancestor, or itself, that has `depth` nodes above it.
    fn at_depth(&self, depth: usize) -> &Self {
        let mut at = self;
        for _ in depth..self.depth() {
            at = at.parent.as_deref().unwrap_or(at);
        }
        at
    }

    /// Its path from the root of its tree ("/class/mem"). ENOMEM.
    pub fn path(&self) -> Result<String> {
        let mut path = String::new();
        self.push_path(0, &mut path)?;
        Ok(path)
    }

    /// Appends the names of what is below the ancestor at `depth`, a slash before each.
    fn push_path(&self, depth: usize, path: &mut String) -> Result<()> {
        for level in depth + 1..=self.depth() {
            path.try_push_str("/")?;
            path.try_push_str(&self.at_depth(level).name)?;
        }
        Ok(())
    }

    /// What a link at this place says to lead to `target`.
    pub(crate) fn way_to(&self, target: &Self) -> Result<String> {
        let from = self.parent().ok_or(Errno::EINVAL)?;
        // Whoever is led to what holds the link goes through what holds that.
        let deepest = from.depth().min(target.depth().saturating_sub(1));
        let same = |depth: &usize| core::ptr::eq(from.at_depth(*depth), target.at_depth(*depth));
        let shared = (0..=deepest).rev().find(same).unwrap_or(0);
        let mut down = String::new();
        target.push_path(shared, &mut down)?;
        let mut way = String::new();
        for _ in shared..from.depth() {
            way.try_push_str("../")?;
        }
        way.try_push_str(down.trim_start_matches('/'))?;
        Ok(way)
    }
}
