//! A tree of nodes as a file system.
use crate::attribute::AttributeFile;
use crate::node::{Content, Node};
use abi::{Errno, PAGE_SIZE, Result};
use alloc::boxed::Box;
use alloc::sync::Arc;
use cred::Cred;
use kmem::{TryVec, try_arc, try_box};
use sync::Once;
use vfs::{
    Caching, Dentry, DirEntry, DirSink, File, FileOps, FileOpsRef, FileSystemType, Inode, InodeOps,
    Kstat, Link, Mount, NewInode, OpenArgs, SetAttr, Sink, SuperBlock, SuperOps,
};

/// A file system whose files are kernel objects. There is one of it, however often it is mounted.
pub struct Tree {
    name: &'static str,
    magic: u64,
    /// Permissions of the root.
    mode: u32,
    /// Files open only as their mode says, whoever opens them.
    strict: bool,
    root: Once<Arc<Node>>,
    /// The kernel's own mount: the tree stays when the last other one goes.
    mount: Once<Arc<Mount>>,
}

struct TreeSuper;

impl SuperOps for TreeSuper {
    fn revalidates(&self) -> bool {
        true
    }
}

impl Tree {
    /// A tree that mount(2) knows as `name`, and statfs(2) by its magic number. `mode` is that of its
    /// root; if it is `strict`, files open only as their mode says, whoever opens them.
    #[must_use]
    pub const fn new(name: &'static str, magic: u64, mode: u32, strict: bool) -> Self {
        Self {
            name,
            magic,
            mode,
            strict,
            root: Once::new(),
            mount: Once::new(),
        }
    }

    /// Its root. ENOMEM.
    pub fn root(&self) -> Result<&Arc<Node>> {
        if self.root.get().is_none() {
            let _ = self.root.set(Node::root(self.mode)?);
        }
        self.root.get().ok_or(Errno::ENOMEM)
    }

    fn superblock(&self) -> Result<Arc<SuperBlock>> {
        if self.mount.get().is_none() {
            let ops = try_box(TreeSuper)? as Box<dyn SuperOps>;
            let sb = SuperBlock::new(self.name, self.magic, i64::MAX as u64, ops)?;
            let root = inode(&sb, self.root()?.clone(), self.strict)?;
            sb.set_root(Dentry::new_root(root)?);
            let _ = self.mount.set(Mount::kernel(&sb)?);
        }
        let mount = self.mount.get().ok_or(Errno::ENOMEM)?;
        Ok(mount.sb().clone())
    }
}

impl FileSystemType for Tree {
    fn name(&self) -> &'static str {
        self.name
    }

    fn mount(&self, _source: &[u8], _data: &[u8]) -> Result<Arc<SuperBlock>> {
        self.superblock()
    }
}

/// The inode's side of a node.
struct NodeInode {
    node: Arc<Node>,
    strict: bool,
}

fn inode(sb: &Arc<SuperBlock>, node: Arc<Node>, strict: bool) -> Result<Arc<Inode>> {
    let looks = node.looks();
    let new = NewInode {
        ino: node.serial(),
        mode: node.kind().mode_bits() | looks.mode,
        uid: looks.uid,
        gid: looks.gid,
        nlink: if node.is_dir() { 2 } else { 1 },
        rdev: 0,
        cache: None,
    };
    // Where any file may be opened none tells how long it might be.
    let page = strict && matches!(node.content(), Some(Content::Attribute(_)));
    let made = Inode::new(sb, new, try_box(NodeInode { node, strict })?)?;
    if page {
        made.set_size(PAGE_SIZE as u64);
    }
    Ok(made)
}

impl InodeOps for NodeInode {
    fn lookup(&self, dir: &Arc<Inode>, name: &[u8]) -> Result<Option<Arc<Inode>>> {
        let child = core::str::from_utf8(name)
            .ok()
            .and_then(|name| self.node.child(name));
        child
            .map(|child| inode(dir.sb(), child, self.strict))
            .transpose()
    }

    fn caching(&self) -> Caching {
        Caching::Normal
    }

    fn revalidate(&self, dentry: &Dentry) -> bool {
        let node = dentry.inode().and_then(|inode| inode.ops_as::<Self>());
        node.is_some_and(|found| !found.node.is_gone())
    }

    fn open(&self, inode: &Arc<Inode>, args: &OpenArgs<'_>) -> Result<Option<FileOpsRef>> {
        let content = self.node.content().ok_or(Errno::ENODEV)?;
        let mode = inode.mode();
        let denied =
            (args.flags.reads() && mode & 0o444 == 0) || (args.flags.writes() && mode & 0o222 == 0);
        if self.strict && denied && !self.node.is_dir() {
            return Err(Errno::EACCES);
        }
        match content {
            Content::Directory => Ok(Some(FileOpsRef::shared(&DIRECTORY))),
            Content::Attribute(attribute) => {
                let file = AttributeFile::new(self.node.clone(), attribute);
                Ok(Some(FileOpsRef::own(try_arc(file)?)))
            }
            Content::File(opener) => opener.open(inode, args).map(Some),
            Content::Link(_) => Err(Errno::ELOOP),
        }
    }

    fn get_link(&self, _inode: &Inode, _cred: &Cred) -> Result<Link> {
        match self.node.content() {
            Some(Content::Link(target)) => {
                let way = self.node.way_to(&target)?;
                let body = alloc::vec::Vec::try_from_slice(way.as_bytes())?;
                Ok(Link::Body(try_arc(body)?))
            }
            Some(_) => Err(Errno::EINVAL),
            None => Err(Errno::ENOENT),
        }
    }

    fn getattr(&self, _inode: &Inode, stat: &mut Kstat) {
        if self.node.is_dir() {
            stat.nlink = 2 + self.node.directories();
        }
    }

    fn setattr(&self, inode: &Inode, attr: &SetAttr) -> Result<()> {
        // The length of text is what it is; `> file` changes nothing.
        inode.apply(attr);
        self.node.change_looks(|looks| {
            looks.mode = attr.mode.unwrap_or(looks.mode);
            looks.uid = attr.uid.unwrap_or(looks.uid);
            looks.gid = attr.gid.unwrap_or(looks.gid);
        });
        Ok(())
    }
}

struct Directory;
static DIRECTORY: Directory = Directory;

impl FileOps for Directory {
    fn read(&self, _: &File, _: &mut kmem::user::UserBuf<'_>, _: &mut vfs::Io) -> Result<usize> {
        Err(Errno::EISDIR)
    }

    fn readdir(&self, file: &File, pos: &mut u64, sink: &mut dyn DirSink) -> Result<()> {
        let inode = file.inode();
        let node = &inode.ops_as::<NodeInode>().ok_or(Errno::ENOTDIR)?.node;
        if node.is_gone() {
            return Err(Errno::ENOENT);
        }
        if vfs::emit_dots(file, pos, sink)? == Sink::Full {
            return Ok(());
        }
        while let Some(child) = node.child_from(*pos - vfs::AFTER_DOTS) {
            let next = child.serial() + 1 + vfs::AFTER_DOTS;
            let entry = DirEntry {
                name: child.name().as_bytes(),
                ino: child.serial(),
                kind: child.kind(),
                next,
            };
            if sink.entry(&entry)? == Sink::Full {
                return Ok(());
            }
            *pos = next;
        }
        Ok(())
    }
}
