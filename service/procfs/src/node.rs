//! What the tree is made of: directories that make their entries on demand, generated text, links.
use abi::{Errno, Result, raw};
use alloc::boxed::Box;
use alloc::sync::Arc;
use cred::{Cred, Kgid, Kuid};
use vfs::{
    Access, Caching, DirEntry, DirSink, File, FileOps, FileOpsRef, FileType, Inode, InodeOps,
    Kstat, Link, NewInode, OpenArgs, Positions, SeqBuf, SeqFile, SeqShow, SetAttr, Sink,
    SuperBlock,
};

/// The first numbers of inodes by kind, so that each file's number is its own and stays.
pub(crate) mod ino {
    pub(crate) const ROOT: u64 = 1;
    pub(crate) const SYSTEM: u64 = 0xf000_0000;
    pub(crate) const SYS: u64 = 0xf001_0000;
    /// Of what others add: this plus a serial number.
    pub(crate) const EXTRA: u64 = 0xf100_0000;
    /// Of a process' files: its number times this, plus the file's place.
    pub(crate) const PER_PROCESS: u64 = 0x1_0000;
    /// Of links to namespaces, within a process' numbers.
    pub(crate) const NAMESPACES: u64 = 0x800;
    /// Of lists of sockets, within a process' numbers.
    pub(crate) const NET: u64 = 0x900;
    /// Of descriptors, within a process' numbers.
    pub(crate) const FDS: u64 = 0x1000;
}

/// Who owns a file.
#[derive(Clone, Copy)]
pub(crate) struct Owner {
    pub(crate) uid: Kuid,
    pub(crate) gid: Kgid,
}

impl Owner {
    pub(crate) const ROOT: Self = Self {
        uid: Kuid(0),
        gid: Kgid(0),
    };
}

/// An entry that a directory hands out.
pub(crate) struct Listed<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) ino: u64,
    pub(crate) kind: FileType,
}

/// A directory's content.
pub(crate) trait Directory: Send + Sync + 'static {
    /// The entry called `name`.
    fn find(&self, sb: &Arc<SuperBlock>, name: &[u8]) -> Result<Option<Arc<Inode>>>;
    /// The entry at or after place `at`: its place and a call of `emit` with it. `None`: no more.
    fn entry(
        &self,
        at: u64,
        emit: &mut dyn FnMut(&Listed<'_>) -> Result<Sink>,
    ) -> Result<Option<(u64, Sink)>>;
    /// Whether what it is about still exists.
    fn alive(&self) -> bool {
        true
    }
}

/// What stat(2) advises to read at once, as Linux has it: the size of stdio's buffers, so of the reads that strace shows.
pub(crate) const ADVISED: u32 = 1024;

struct DirNode(Box<dyn Directory>);

struct DirFile;
static DIR_FILE: DirFile = DirFile;

impl InodeOps for DirNode {
    fn lookup(&self, dir: &Arc<Inode>, name: &[u8]) -> Result<Option<Arc<Inode>>> {
        // Not `None`: what is not here cannot be made either, so open(2) and mkdir(2) answer ENOENT as well.
        self.0.find(dir.sb(), name)?.map(Some).ok_or(Errno::ENOENT)
    }
    fn caching(&self) -> Caching {
        Caching::Never
    }
    fn open(&self, _inode: &Arc<Inode>, _args: &OpenArgs<'_>) -> Result<Option<FileOpsRef>> {
        Ok(Some(FileOpsRef::shared(&DIR_FILE)))
    }
    fn getattr(&self, _inode: &Inode, stat: &mut Kstat) {
        stat.blksize = ADVISED;
    }
    fn setattr(&self, _inode: &Inode, _attr: &SetAttr) -> Result<()> {
        Err(Errno::EPERM)
    }
}

impl FileOps for DirFile {
    fn read(&self, _: &File, _: &mut kmem::user::UserBuf<'_>, _: &mut vfs::Io) -> Result<usize> {
        Err(Errno::EISDIR)
    }
    fn readdir(&self, file: &File, pos: &mut u64, sink: &mut dyn DirSink) -> Result<()> {
        let dir = &file.inode().ops_as::<DirNode>().ok_or(Errno::ENOTDIR)?.0;
        if !dir.alive() {
            return Err(Errno::ENOENT);
        }
        if vfs::emit_dots(file, pos, sink)? == Sink::Full {
            return Ok(());
        }
        loop {
            // Where the next entry begins is known only once it is found, so the sink is told the least it can be:
            // places only grow, and a search from there finds the one after.
            let found = dir.entry(*pos - vfs::AFTER_DOTS, &mut |listed| {
                let next = *pos + 1;
                sink.entry(&DirEntry {
                    name: listed.name,
                    ino: listed.ino,
                    kind: listed.kind,
                    next,
                })
            })?;
            match found {
                Some((place, Sink::Taken)) => *pos = place + 1 + vfs::AFTER_DOTS,
                _ => return Ok(()),
            }
        }
    }
}

/// A directory.
pub(crate) fn directory(
    sb: &Arc<SuperBlock>,
    ino: u64,
    mode: u32,
    owner: Owner,
    content: impl Directory,
) -> Result<Arc<Inode>> {
    let content = kmem::try_box(content)? as Box<dyn Directory>;
    inode(
        sb,
        ino,
        raw::S_IFDIR | mode,
        owner,
        2,
        kmem::try_box(DirNode(content))?,
    )
}

/// An inode of this file system.
pub(crate) fn inode(
    sb: &Arc<SuperBlock>,
    ino: u64,
    mode: u32,
    owner: Owner,
    nlink: u32,
    ops: Box<dyn InodeOps>,
) -> Result<Arc<Inode>> {
    let new = NewInode {
        ino,
        mode,
        uid: owner.uid,
        gid: owner.gid,
        nlink,
        rdev: 0,
        cache: None,
    };
    Inode::new(sb, new, ops)
}

/// What writing a file of a subject does.
pub(crate) type Store<S> = fn(&S, &[u8]) -> Result<()>;

/// Generated text about a subject, and what writing it does.
pub(crate) struct Text<S> {
    pub(crate) show: fn(&S, &mut SeqBuf) -> Result<()>,
    pub(crate) store: Option<Store<S>>,
    /// Who may open it beyond what its mode says.
    pub(crate) may_open: Option<fn(&S, &Cred) -> Result<()>>,
    /// What positions mean to writers.
    pub(crate) positions: Positions,
    /// Whether splice(2) may read from it and write to it.
    pub(crate) splices: (bool, bool),
}
impl<S> Copy for Text<S> {}
impl<S> Clone for Text<S> {
    fn clone(&self) -> Self {
        *self
    }
}

struct TextNode<S> {
    subject: S,
    text: Text<S>,
}

impl<S: Clone + Send + Sync + 'static> SeqShow for TextNode<S> {
    fn show(&self, out: &mut SeqBuf) -> Result<()> {
        (self.text.show)(&self.subject, out)
    }
    fn store(&self, text: &[u8]) -> Result<()> {
        self.text
            .store
            .map_or(Err(Errno::EIO), |store| store(&self.subject, text))
    }
    fn positions(&self) -> Positions {
        self.text.positions
    }
    fn splices(&self) -> (bool, bool) {
        self.text.splices
    }
}

/// `> file` truncates what has no length: nothing to do. Owner and mode are what they are: EPERM.
pub(crate) fn keep_attributes(attr: &SetAttr) -> Result<()> {
    if attr.mode.is_some() || attr.uid.is_some() || attr.gid.is_some() {
        Err(Errno::EPERM)
    } else {
        Ok(())
    }
}

impl<S: Clone + Send + Sync + 'static> InodeOps for TextNode<S> {
    fn open(&self, _inode: &Arc<Inode>, args: &OpenArgs<'_>) -> Result<Option<FileOpsRef>> {
        if let Some(check) = self.text.may_open {
            check(&self.subject, args.cred)?;
        }
        open_text(self.subject.clone(), self.text).map(Some)
    }
    fn permission(&self, inode: &Inode, cred: &Cred, access: Access) -> Result<()> {
        if access.contains(Access::WRITE) {
            return Err(Errno::EACCES);
        }
        inode.generic_permission(cred, access)
    }
    /// A knob that cannot be set no capability opens for writing.
    fn has_permission(&self) -> bool {
        let knob = matches!(self.text.positions, Positions::Number | Positions::Text);
        knob && self.text.store.is_none()
    }
    fn getattr(&self, _inode: &Inode, stat: &mut Kstat) {
        stat.blksize = ADVISED;
    }
    fn setattr(&self, _inode: &Inode, attr: &SetAttr) -> Result<()> {
        keep_attributes(attr)
    }
    fn set_size(&self, _inode: &Inode, _size: u64) -> Result<()> {
        Ok(())
    }
}

/// The operations of an open file of generated text.
pub(crate) fn open_text<S: Clone + Send + Sync + 'static>(
    subject: S,
    text: Text<S>,
) -> Result<FileOpsRef> {
    let file = SeqFile::new(TextNode { subject, text });
    Ok(FileOpsRef::own(kmem::try_arc(file)?))
}

/// A file of generated text.
pub(crate) fn text<S: Clone + Send + Sync + 'static>(
    sb: &Arc<SuperBlock>,
    ino: u64,
    mode: u32,
    owner: Owner,
    subject: S,
    text: Text<S>,
) -> Result<Arc<Inode>> {
    inode(
        sb,
        ino,
        raw::S_IFREG | mode,
        owner,
        1,
        kmem::try_box(TextNode { subject, text })?,
    )
}

/// A symbolic link about a subject.
struct LinkNode<S> {
    subject: S,
    target: fn(&S, &Cred) -> Result<Link>,
}

impl<S: Send + Sync + 'static> InodeOps for LinkNode<S> {
    fn get_link(&self, _inode: &Inode, cred: &Cred) -> Result<Link> {
        (self.target)(&self.subject, cred)
    }
    fn getattr(&self, _inode: &Inode, stat: &mut Kstat) {
        stat.size = 0;
        stat.blksize = ADVISED;
    }
    fn setattr(&self, _inode: &Inode, _attr: &SetAttr) -> Result<()> {
        Err(Errno::EPERM)
    }
}

/// A symbolic link.
pub(crate) fn link<S: Send + Sync + 'static>(
    sb: &Arc<SuperBlock>,
    ino: u64,
    mode: u32,
    owner: Owner,
    subject: S,
    target: fn(&S, &Cred) -> Result<Link>,
) -> Result<Arc<Inode>> {
    inode(
        sb,
        ino,
        raw::S_IFLNK | mode,
        owner,
        1,
        kmem::try_box(LinkNode { subject, target })?,
    )
}

/// Who may open a file, instead of the usual rule.
pub(crate) type May = fn(&Cred, Access) -> Result<()>;

/// A file that is opened by somebody else's operations.
struct OpenNode<F> {
    open: F,
    may: Option<May>,
}

impl<F> InodeOps for OpenNode<F>
where
    F: Fn(&Arc<Inode>, &OpenArgs<'_>) -> Result<FileOpsRef> + Send + Sync + 'static,
{
    fn open(&self, inode: &Arc<Inode>, args: &OpenArgs<'_>) -> Result<Option<FileOpsRef>> {
        (self.open)(inode, args).map(Some)
    }
    fn has_permission(&self) -> bool {
        self.may.is_some()
    }
    fn permission(&self, inode: &Inode, cred: &Cred, access: Access) -> Result<()> {
        match self.may {
            Some(may) => may(cred, access),
            None => inode.generic_permission(cred, access),
        }
    }
    fn getattr(&self, _inode: &Inode, stat: &mut Kstat) {
        stat.blksize = ADVISED;
    }
    fn setattr(&self, _inode: &Inode, attr: &SetAttr) -> Result<()> {
        keep_attributes(attr)
    }
    fn set_size(&self, _inode: &Inode, _size: u64) -> Result<()> {
        Ok(())
    }
}

/// A file whose operations `open` gives to who opens it.
pub(crate) fn special(
    sb: &Arc<SuperBlock>,
    ino: u64,
    mode: u32,
    owner: Owner,
    open: impl Fn(&Arc<Inode>, &OpenArgs<'_>) -> Result<FileOpsRef> + Send + Sync + 'static,
) -> Result<Arc<Inode>> {
    special_for(sb, ino, mode, owner, None, open)
}

/// The same where `may` says who opens it.
pub(crate) fn special_for(
    sb: &Arc<SuperBlock>,
    ino: u64,
    mode: u32,
    owner: Owner,
    may: Option<May>,
    open: impl Fn(&Arc<Inode>, &OpenArgs<'_>) -> Result<FileOpsRef> + Send + Sync + 'static,
) -> Result<Arc<Inode>> {
    let node = kmem::try_box(OpenNode { open, may })?;
    inode(sb, ino, raw::S_IFREG | mode, owner, 1, node)
}

/// A number written in decimal, as names of processes and descriptors are: no sign, no leading zero.
pub(crate) fn number(name: &[u8]) -> Option<i32> {
    let leading_zero = name.len() > 1 && name[0] == b'0';
    if name.is_empty() || leading_zero || !name.iter().all(u8::is_ascii_digit) {
        return None;
    }
    core::str::from_utf8(name).ok()?.parse().ok()
}

/// A number as a name.
pub(crate) struct Decimal {
    digits: [u8; 20],
    start: usize,
}

impl Decimal {
    pub(crate) fn new(mut n: u64) -> Self {
        let mut this = Self {
            digits: [b'0'; 20],
            start: 20,
        };
        loop {
            this.start -= 1;
            this.digits[this.start] = b'0' + (n % 10) as u8;
            n /= 10;
            if n == 0 {
                return this;
            }
        }
    }
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.digits[self.start..]
    }
}

/// The first decimal number in what was written to a file.
pub(crate) fn parse_number(text: &[u8]) -> Result<i64> {
    let text = core::str::from_utf8(text).map_err(|_| Errno::EINVAL)?;
    text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\0')
        .parse()
        .map_err(|_| Errno::EINVAL)
}
