//! hugetlbfs: the same tree, but regular files are made of pages of 2 MiB, which come from the pool that root sets aside and
//! which only mappings write to.
//!
//! | file | holds |
//! |---|---|
//! | `file` | regular files |
//! | `options` | what `mount -o` says |
//! | `settings` | /sys/kernel/mm/hugepages |
//!
//! Specification: `Documentation/admin-guide/mm/hugetlbpage.rst`.
mod file;
mod options;
mod settings;

use crate::limits::Limits;
use crate::options::Options;
use crate::{TmpfsSuper, make_superblock};
use abi::Result;
use alloc::sync::Arc;
use cred::Cred;
pub(crate) use file::{HUGE_FILE, HugeFile};
use kmem::frame::HUGE_SIZE;
use kmem::try_arc;
use options::Said;
use pagecache::HugeLimits;
use vfs::{FileSystemType, StatFs, SuperBlock};

/// What statfs(2) says.
const HUGETLBFS_MAGIC: u64 = 0x9584_58f6;

/// The type that mount(2) finds.
struct Hugetlbfs;

impl FileSystemType for Hugetlbfs {
    fn name(&self) -> &'static str {
        "hugetlbfs"
    }

    fn mount(&self, _source: &[u8], data: &[u8]) -> Result<Arc<SuperBlock>> {
        superblock(Said::parse(data, None)?)
    }

    fn mount_for(&self, _source: &[u8], data: &[u8], cred: &Cred) -> Result<Arc<SuperBlock>> {
        superblock(Said::parse(data, Some(cred))?)
    }
}

/// Makes hugetlbfs known to mount(2), and its settings to sysfs. ENOMEM.
pub fn init_huge() -> Result<()> {
    settings::show()?;
    vfs::register_filesystem(&Hugetlbfs)
}

/// What makes a file system one of huge pages.
pub(crate) struct Huge {
    said: Said,
    /// None where nothing was said of how much it may take.
    pub(crate) limits: Option<Arc<HugeLimits>>,
}

/// One for files without a name. ENOMEM.
pub(crate) fn nameless() -> Result<Arc<SuperBlock>> {
    superblock(Said::parse(b"", None)?)
}

fn superblock(said: Said) -> Result<Arc<SuperBlock>> {
    let limits = match (said.most, said.least) {
        (None, 0) => None,
        (most, least) => Some(try_arc(HugeLimits::new(most, least)?)?),
    };
    let options = Options {
        pages: Some(0),
        inodes: Some(said.inodes.unwrap_or(0)),
        root: said.root,
    };
    let inodes = try_arc(Limits::new(&options))?;
    let kind = ("hugetlbfs", HUGETLBFS_MAGIC);
    make_superblock(kind, options, &inodes, Some(Huge { said, limits }))
}

impl Huge {
    pub(crate) fn report(&self, fs: &TmpfsSuper, stat: &mut StatFs) {
        stat.magic = HUGETLBFS_MAGIC;
        stat.block_size = HUGE_SIZE as u64;
        // Linux tells nothing where nothing was limited.
        let Some(limits) = &self.limits else { return };
        let (most, used) = limits.usage();
        (stat.blocks, stat.blocks_free) = match most {
            Some(most) => (most, most - used),
            None => (u64::MAX, u64::MAX),
        };
        stat.blocks_available = stat.blocks_free;
        (stat.files, stat.files_free) = (u64::MAX, u64::MAX);
        if self.said.inodes.is_some() {
            (stat.files, stat.files_free) = fs.limits.inodes();
        }
    }

    pub(crate) fn show(&self, out: &mut dyn core::fmt::Write) -> core::fmt::Result {
        self.said.show(out)
    }
}
