//! Mounted file systems and the list of their types.
use crate::missing::load_module;
use crate::notify;
use crate::objects::{Dentry, SuperBlock, SuperOps};
use crate::types::makedev;
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use cred::{Cred, UserNamespace, cap};
use kmem::{TryVec, try_arc};
use sync::{LockClass, Mutex, MutexGuard, Once, RwSpinLock, SpinLock, rank};

static ROOT: LockClass = LockClass::new("superblock.root", rank::SUPERBLOCK);
static RENAME: LockClass = LockClass::new("superblock.rename", rank::RENAME);
static TYPES: LockClass = LockClass::new("vfs.filesystems", rank::NONE);

/// `MS_RDONLY` as a superblock flag.
const READ_ONLY: u32 = 1;

/// The next minor number of major 0 (file systems without a device).
static NEXT_DEV: AtomicU32 = AtomicU32::new(1);

impl SuperBlock {
    /// A file system without a device. `magic` is what statfs(2) says, `max_size` the longest file. ENOMEM.
    pub fn new(
        kind: &'static str,
        magic: u64,
        max_size: u64,
        ops: Box<dyn SuperOps>,
    ) -> Result<Arc<Self>> {
        try_arc(Self {
            dev: makedev(0, NEXT_DEV.fetch_add(1, Ordering::Relaxed)),
            magic,
            kind,
            max_size,
            flags: AtomicU32::new(0),
            revalidates: ops.revalidates(),
            dirty: AtomicU32::new(0),
            mounts: AtomicUsize::new(0),
            writers: AtomicUsize::new(0),
            next_ino: AtomicU64::new(1),
            watched: AtomicBool::new(false),
            root: SpinLock::new(&ROOT, None),
            owner: Once::new(),
            rename: Mutex::new(&RENAME, ()),
            ops,
        })
    }

    /// Whose capabilities count for it as a whole. ENOMEM.
    pub fn owner(&self) -> Result<Arc<UserNamespace>> {
        self.owner
            .get()
            .map_or_else(UserNamespace::init, |ns| Ok(ns.clone()))
    }
    /// EOVERFLOW: what `cred` makes would have an owner or a group without a number among its users (user_namespaces(7)).
    pub(crate) fn require_known(&self, cred: &Cred) -> Result<()> {
        let known = |ns: &Arc<UserNamespace>| ns.has_uid(cred.fsuid) && ns.has_gid(cred.fsgid);
        if self.owner.get().is_none_or(known) {
            Ok(())
        } else {
            Err(Errno::EOVERFLOW)
        }
    }
    /// It is one of these users', before it is mounted.
    pub fn set_owner(&self, owner: Arc<UserNamespace>) {
        let _ = self.owner.set(owner);
    }
    /// Its device number.
    pub const fn dev(&self) -> u64 {
        self.dev
    }
    /// Its number for statfs(2).
    pub const fn magic(&self) -> u64 {
        self.magic
    }
    /// The name of its type.
    pub const fn kind(&self) -> &'static str {
        self.kind
    }
    /// The longest file it can hold.
    pub const fn max_size(&self) -> u64 {
        self.max_size
    }
    /// What the file system does.
    pub fn ops(&self) -> &dyn SuperOps {
        &*self.ops
    }
    /// The operations as the type they are, if they are of that type.
    pub fn ops_as<T: SuperOps>(&self) -> Option<&T> {
        (&*self.ops as &dyn Any).downcast_ref()
    }
    pub(crate) const fn revalidates(&self) -> bool {
        self.revalidates
    }
    /// A fresh inode number.
    pub fn next_ino(&self) -> u64 {
        self.next_ino.fetch_add(1, Ordering::Relaxed)
    }
    /// Its root, unless it was shut down.
    pub fn root(&self) -> Option<Arc<Dentry>> {
        self.root.lock().clone()
    }
    /// Sets its root, once.
    pub fn set_root(&self, root: Arc<Dentry>) {
        *self.root.lock() = Some(root);
    }
    /// Whether nothing on it may change.
    #[inline]
    pub fn is_read_only(&self) -> bool {
        self.flags.load(Ordering::Relaxed) & READ_ONLY != 0
    }
    /// Makes it read-only or writable. EBUSY while files are open for writing.
    pub fn set_read_only(&self, read_only: bool) -> Result<()> {
        if read_only && self.writers.load(Ordering::Acquire) > 0 {
            return Err(Errno::EBUSY);
        }
        self.flags.store(u32::from(read_only), Ordering::Release);
        Ok(())
    }
    pub(crate) fn add_writer(&self) {
        self.writers.fetch_add(1, Ordering::Relaxed);
    }
    pub(crate) fn remove_writer(&self) {
        self.writers.fetch_sub(1, Ordering::Relaxed);
    }
    /// Notes that something has to be written some time.
    #[inline]
    pub fn mark_dirty(&self) {
        if self.dirty.load(Ordering::Relaxed) == 0 {
            self.dirty.store(1, Ordering::Relaxed);
        }
    }
    /// Keeps directories from moving to other directories.
    pub(crate) fn lock_rename(&self) -> MutexGuard<'_, ()> {
        self.rename.lock()
    }
    pub(crate) fn mounted(&self) {
        self.mounts.fetch_add(1, Ordering::Relaxed);
    }
    /// A mount of it is gone. With the last one the tree is taken apart; files still open keep their inodes.
    pub(crate) fn unmounted(&self) {
        if self.mounts.fetch_sub(1, Ordering::AcqRel) == 1 {
            notify::unmounted(self);
            let root = self.root.lock().take();
            if let Some(root) = root {
                root.shrink();
            }
            self.ops.shutdown();
        }
    }
}

/// A kind of file system.
pub trait FileSystemType: Send + Sync {
    /// Its name, as mount(2) takes it.
    fn name(&self) -> &'static str;

    /// Makes or finds a file system to mount. `source` is the first argument of mount(2), `data` its options. EINVAL:
    /// options; ENOMEM.
    fn mount(&self, source: &[u8], data: &[u8]) -> Result<Arc<SuperBlock>>;

    /// [`mount`](Self::mount) for somebody with `CAP_SYS_ADMIN` over what is mounted where it goes. EPERM: that is no root of
    /// the machine, whom this file system would need.
    fn mount_for(&self, source: &[u8], data: &[u8], cred: &Cred) -> Result<Arc<SuperBlock>> {
        cred.require(cap::SYS_ADMIN)?;
        self.mount(source, data)
    }

    /// Whether it needs a block device: the column of `/proc/filesystems`.
    fn needs_device(&self) -> bool {
        false
    }
}

static REGISTRY: RwSpinLock<Vec<&'static dyn FileSystemType>> = RwSpinLock::new(&TYPES, Vec::new());

/// Adds a kind of file system. EBUSY: the name is taken; ENOMEM.
pub fn register_filesystem(kind: &'static dyn FileSystemType) -> Result<()> {
    let mut types = REGISTRY.write();
    if types.iter().any(|t| t.name() == kind.name()) {
        return Err(Errno::EBUSY);
    }
    types.try_push(kind)
}

/// The kind of file system of this name; a module that has it is loaded. ENODEV.
pub fn find_filesystem(name: &[u8]) -> Result<&'static dyn FileSystemType> {
    let found = known_filesystem(name);
    let Ok(name_text) = core::str::from_utf8(name) else {
        return found;
    };
    if found.is_err() && load_module(&kmem::try_format!("fs-{name_text}")?) == Ok(0) {
        return known_filesystem(name);
    }
    found
}

fn known_filesystem(name: &[u8]) -> Result<&'static dyn FileSystemType> {
    let types = REGISTRY.read();
    types
        .iter()
        .find(|t| t.name().as_bytes() == name)
        .copied()
        .ok_or(Errno::ENODEV)
}

/// Runs `f` for every kind (for `/proc/filesystems`); `f` must not sleep.
pub fn for_each_filesystem(mut f: impl FnMut(&'static dyn FileSystemType)) {
    REGISTRY.read().iter().for_each(|t| f(*t));
}
