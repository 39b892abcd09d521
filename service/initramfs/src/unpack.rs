//! Makes files of archive entries.
use crate::gzip::{self, Failure};
use crate::{Error, Report};
use abi::pod::Timespec;
use abi::{Errno, PAGE_SIZE, Result, raw};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;
use cpio::{Event, Header, Item, Reader, Stream};
use cred::{Cred, Kgid, Kuid};
use hal::addr::PhysAddr;
use hashbrown::HashTable;
use kmem::TryVec;
use kmem::user::UserBuf;
use vfs::{File, FileType, FsStruct, Inode, LookupFlags, Make, OpenHow, Path, SetTime, WalkCtx};

/// Longest target of a symbolic link.
const LINK_MAX: usize = abi::PATH_MAX;

/// Unpacks archives into a tree.
pub(crate) struct Unpacker<'a> {
    fs: Arc<FsStruct>,
    cred: &'a Arc<Cred>,
    /// Where the bytes lie in memory, if their pages may become the files' pages.
    base: Option<PhysAddr>,
    /// Files with several names, by their identity in the archive.
    links: HashTable<Linked>,
    /// Directories get their times last, when nothing changes in them any more.
    dirs: Vec<(Path, u32)>,
    adoptions: Vec<Adoption>,
    open: Open,
    report: Report,
}

struct Linked {
    id: (u32, u32, u32),
    path: Path,
}

/// Pages that become a file's.
struct Adoption {
    inode: Arc<Inode>,
    pages: Range<PhysAddr>,
}

impl Adoption {
    /// Answers how many pages became the file's. EIO: they are not to be had.
    fn carry_out(self) -> Result<usize> {
        let cache = self.inode.cache().ok_or(Errno::EIO)?;
        let end = self.inode.size().div_ceil(PAGE_SIZE as u64);
        let expected = (self.pages.end.0 - self.pages.start.0) / PAGE_SIZE;
        let (mut seen, mut adopted) = (0, 0);
        for frame in kmem::frame::adopt(self.pages) {
            if seen < end {
                match cache.insert(seen, frame) {
                    Ok(()) => adopted += 1,
                    Err(Errno::EEXIST) => {}
                    Err(e) => return Err(e),
                }
            }
            seen += 1;
        }
        if seen as usize == expected {
            Ok(adopted)
        } else {
            Err(Errno::EIO)
        }
    }
}

/// The entry that is being made out of pieces.
enum Open {
    None,
    File {
        file: Arc<File>,
        mtime: u32,
    },
    Link {
        name: Vec<u8>,
        target: Vec<u8>,
        header: Header,
    },
}

fn hash(id: (u32, u32, u32)) -> u64 {
    let mixed = u64::from(id.2) ^ u64::from(id.0) << 40 ^ u64::from(id.1) << 32;
    mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Whether an error means that memory or room has run out, which no later entry mends.
fn is_fatal(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::ENOMEM | Errno::ENOSPC | Errno::EIO | Errno::EFBIG
    )
}

impl<'a> Unpacker<'a> {
    pub(crate) fn new(
        root: &Path,
        cred: &'a Arc<Cred>,
        base: Option<PhysAddr>,
    ) -> Result<Self, Error> {
        let fs = FsStruct::new(root.clone()).map_err(Error::NoRoom)?;
        fs.set_umask(0);
        Ok(Self {
            fs,
            cred,
            base,
            links: HashTable::new(),
            dirs: Vec::new(),
            adoptions: Vec::new(),
            open: Open::None,
            report: Report::default(),
        })
    }

    /// Unpacks the plain archives at the start of `bytes`, which begin `offset` bytes into the initrd. Answers how long
    /// they are.
    pub(crate) fn plain(&mut self, bytes: &[u8], offset: usize) -> Result<usize, Error> {
        let mut reader = Reader::new(bytes);
        let malformed = |error| Error::Archive { error, offset };
        while let Some(item) = reader.next().map_err(malformed)? {
            match item {
                Item::Trailer => self.links.clear(),
                Item::File(entry) => {
                    let made = self
                        .begin(entry.name, &entry.header)
                        .and_then(|()| self.contents(entry.data, offset + entry.offset))
                        .and_then(|()| self.end());
                    self.settle(made)?;
                }
            }
        }
        Ok(bytes.len() - reader.rest().len())
    }

    /// Unpacks the gzip member at the start of `bytes`. Answers how long it is.
    pub(crate) fn gzip(&mut self, bytes: &[u8], offset: usize) -> Result<usize, Error> {
        let mut stream = Stream::new();
        let inflated = gzip::inflate(bytes, |mut piece| {
            self.piece(&mut stream, &mut piece, offset)
        });
        let len = inflated.map_err(|failure| match failure {
            Failure::Data(error) => Error::Gzip { error, offset },
            Failure::Memory(errno) => Error::NoRoom(errno),
            Failure::Sink(error) => error,
        })?;
        stream
            .finish()
            .map_err(|error| Error::Archive { error, offset })?;
        Ok(len)
    }

    fn piece(
        &mut self,
        stream: &mut Stream,
        piece: &mut &[u8],
        offset: usize,
    ) -> Result<(), Error> {
        loop {
            let event = stream
                .feed(piece)
                .map_err(|error| Error::Archive { error, offset })?;
            let made = match event {
                None => return Ok(()),
                Some(Event::Trailer) => {
                    self.links.clear();
                    Ok(())
                }
                Some(Event::File(header)) => self.begin(stream.name(), &header),
                Some(Event::Data(data)) => self.data(data),
                Some(Event::FileEnd) => self.end(),
            };
            self.settle(made)?;
        }
    }

    /// An entry that cannot be made is left out; without memory all ends.
    fn settle(&mut self, made: Result<()>) -> Result<(), Error> {
        match made {
            Err(errno) if is_fatal(errno) => Err(Error::NoRoom(errno)),
            Err(_) => {
                self.report.skipped += 1;
                self.open = Open::None;
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    fn ctx(&self) -> WalkCtx<'_> {
        WalkCtx::new(&self.fs, self.cred)
    }

    fn find(&self, name: &[u8]) -> Result<Path> {
        vfs::lookup(self.ctx(), name, LookupFlags::empty())
    }

    /// Makes the entry, as far as that can be done without its contents.
    fn begin(&mut self, name: &[u8], header: &Header) -> Result<()> {
        self.report.entries += 1;
        self.report.bytes += u64::from(header.size);
        self.open = Open::None;
        let kind = FileType::from_mode(header.mode).ok_or(Errno::EINVAL)?;
        match kind {
            FileType::Anonymous => Err(Errno::EINVAL),
            FileType::Regular => self.begin_file(name, header),
            FileType::Symlink if header.size as usize > LINK_MAX => Err(Errno::ENAMETOOLONG),
            FileType::Symlink => {
                let name = Vec::try_from_slice(name)?;
                let target = Vec::try_with_capacity(header.size as usize)?;
                self.open = Open::Link {
                    name,
                    target,
                    header: *header,
                };
                Ok(())
            }
            FileType::Directory => {
                let made = vfs::make(self.ctx(), name, Make::Directory(header.mode));
                let path = match made {
                    Ok(()) | Err(Errno::EEXIST) => self.find(name)?,
                    Err(e) => return Err(e),
                };
                if !path.inode()?.is_dir() {
                    return Err(Errno::EEXIST);
                }
                self.own(&path, header)?;
                vfs::chmod(&path, header.mode, self.cred)?;
                self.dirs.try_push((path, header.mtime))
            }
            _ => {
                let rdev = vfs::makedev(header.rdev_major, header.rdev_minor);
                self.replace(name, Make::Node(kind, header.mode, rdev))?;
                let path = self.find(name)?;
                self.own(&path, header)?;
                self.set_time(&path, header.mtime)
            }
        }
    }

    /// Makes a name of what may exist already as something else.
    fn replace(&self, name: &[u8], make: Make<'_>) -> Result<()> {
        match vfs::make(self.ctx(), name, make) {
            Err(Errno::EEXIST) => {
                self.clear_way(name)?;
                vfs::make(self.ctx(), name, make)
            }
            made => made,
        }
    }

    fn clear_way(&self, name: &[u8]) -> Result<()> {
        match vfs::unlink(self.ctx(), name) {
            Err(Errno::EISDIR) => vfs::rmdir(self.ctx(), name),
            cleared => cleared,
        }
    }

    #[cfg_attr(
        target_os = "none",
        expect(clippy::disallowed_methods, reason = "room is made before")
    )]
    fn begin_file(&mut self, name: &[u8], header: &Header) -> Result<()> {
        let several = header.nlink > 1;
        let id = header.identity();
        let known = self
            .links
            .find(hash(id), |l| several && l.id == id)
            .map(|l| l.path.clone());
        if let Some(first) = &known {
            match vfs::link(self.ctx(), first, name) {
                Err(Errno::EEXIST) => {
                    self.clear_way(name)?;
                    vfs::link(self.ctx(), first, name)?;
                }
                linked => linked?,
            }
            if header.size == 0 {
                return Ok(());
            }
        }
        let flags = raw::O_WRONLY | raw::O_CREAT | raw::O_TRUNC | raw::O_NOFOLLOW;
        let open = || vfs::open(self.ctx(), name, &OpenHow::new(flags, header.mode));
        let file = match open() {
            Err(Errno::ELOOP | Errno::EISDIR | Errno::ENXIO) => {
                self.clear_way(name)?;
                open()?
            }
            opened => opened?,
        };
        if file.inode().kind() != FileType::Regular {
            return Err(Errno::EEXIST);
        }
        if several && known.is_none() {
            let linked = Linked {
                id,
                path: file.path().clone(),
            };
            self.links
                .try_reserve(1, |l| hash(l.id))
                .map_err(|_| Errno::ENOMEM)?;
            self.links.insert_unique(hash(id), linked, |l| hash(l.id));
        }
        self.own(file.path(), header)?;
        if file.inode().mode() & vfs::PERM_MASK != header.mode & vfs::PERM_MASK {
            vfs::chmod(file.path(), header.mode, self.cred)?;
        }
        self.open = Open::File {
            file,
            mtime: header.mtime,
        };
        Ok(())
    }

    /// Takes the whole contents, which begin `offset` bytes into the initrd.
    fn contents(&mut self, data: &[u8], offset: usize) -> Result<()> {
        let Some(base) = self.base else {
            return self.data(data);
        };
        let Open::File { file, .. } = &self.open else {
            return self.data(data);
        };
        let whole = data.len() & !(PAGE_SIZE - 1);
        let start = base.add(offset);
        if start.page_offset() != 0 || whole == 0 {
            return self.data(data);
        }
        let inode = file.inode().clone();
        file.set_pos(whole as u64);
        self.data(&data[whole..])?;
        let adoption = Adoption {
            inode,
            pages: start..start.add(whole),
        };
        adoption.inode.set_size(data.len() as u64);
        self.adoptions.try_push(adoption)
    }

    /// Takes more of the contents.
    fn data(&mut self, data: &[u8]) -> Result<()> {
        match &mut self.open {
            Open::None => Ok(()),
            Open::Link { target, .. } => target.try_extend(data),
            Open::File { file, .. } => {
                let mut rest = UserBuf::kernel_src(data);
                while !rest.is_empty() {
                    file.write(&mut rest, u64::MAX)?;
                }
                Ok(())
            }
        }
    }

    /// Ends the entry.
    fn end(&mut self) -> Result<()> {
        match core::mem::replace(&mut self.open, Open::None) {
            Open::None => Ok(()),
            Open::File { file, mtime } => self.set_time(file.path(), mtime),
            Open::Link {
                name,
                target,
                header,
            } => {
                self.replace(&name, Make::Symlink(&target))?;
                let path = self.find(&name)?;
                self.own(&path, &header)?;
                self.set_time(&path, header.mtime)
            }
        }
    }

    fn own(&self, path: &Path, header: &Header) -> Result<()> {
        let (uid, gid) = (Kuid(header.uid), Kgid(header.gid));
        let inode = path.inode()?;
        if (inode.uid(), inode.gid()) == (uid, gid) {
            return Ok(());
        }
        vfs::chown(path, Some(uid), Some(gid), self.cred)
    }

    fn set_time(&self, path: &Path, mtime: u32) -> Result<()> {
        let time = SetTime::To(Timespec {
            tv_sec: i64::from(mtime),
            tv_nsec: 0,
        });
        vfs::set_times(path, Some(time), Some(time), self.cred)
    }

    /// Ends it all: pages change hands, directories get their times.
    pub(crate) fn adopt_pages(mut self) -> Result<Report> {
        // The last entry of a name wins: what earlier ones left finds its place taken, or beyond the end.
        for adoption in core::mem::take(&mut self.adoptions).into_iter().rev() {
            self.report.adopted += adoption.carry_out()?;
        }
        for (path, mtime) in &self.dirs {
            self.set_time(path, *mtime)?;
        }
        Ok(self.report)
    }
}
