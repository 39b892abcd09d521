//! Seals of files in memory (fcntl(2), `F_ADD_SEALS`): what nobody may do with a file any more. Only memfd_create(2) makes
//! files that take seals; all others are sealed against seals.
//!
//! Seals are added under the inode's lock, which writes and changes of length hold too. A mapping asks without it, when the
//! object's notes of who maps it name its address space already (`MapObject::share`), and whoever adds a seal looks through
//! those after the seal stands: one of the two sees the other.
use crate::objects::{File, Inode};
use crate::types::FileMode;
use abi::raw::{F_SEAL_FUTURE_WRITE, F_SEAL_GROW, F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_WRITE};
use abi::{Errno, PAGE_SIZE, Result};
use core::sync::atomic::Ordering::SeqCst;
use kmem::user::UserBuf;

const ALL: u32 = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
const NO_WRITES: u32 = F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
/// It takes seals. Without this bit the inode has none.
const SEALABLE: u32 = 1 << 31;

impl Inode {
    /// From now on it takes seals.
    pub fn make_sealable(&self) {
        self.seals.store(SEALABLE, SeqCst);
    }

    /// Its seals, `F_SEAL_SEAL` for a file that takes none.
    pub fn seals(&self) -> u32 {
        match self.seals.load(SeqCst) {
            0 => F_SEAL_SEAL,
            seals => seals & ALL,
        }
    }

    fn has_seal(&self, seals: u32) -> bool {
        self.seals.load(SeqCst) & seals != 0
    }

    /// Whether it may become `size` bytes long. EPERM.
    pub fn may_resize(&self, size: u64) -> Result<()> {
        let seal = match size.cmp(&self.size()) {
            core::cmp::Ordering::Less => F_SEAL_SHRINK,
            core::cmp::Ordering::Greater => F_SEAL_GROW,
            core::cmp::Ordering::Equal => 0,
        };
        if self.has_seal(seal) {
            Err(Errno::EPERM)
        } else {
            Ok(())
        }
    }

    /// Whether what it holds may change. EPERM.
    pub fn may_change(&self) -> Result<()> {
        if self.has_seal(NO_WRITES) {
            Err(Errno::EPERM)
        } else {
            Ok(())
        }
    }

    /// Cuts a write at `pos` to what the seals allow: of one that would make the file longer, the pages before the last.
    /// EPERM: that is nothing.
    #[inline]
    pub(crate) fn limit_sealed(&self, buf: &mut UserBuf<'_>, pos: u64) -> Result<()> {
        if self.seals.load(SeqCst) & (NO_WRITES | F_SEAL_GROW) == 0 {
            return Ok(());
        }
        self.may_change()?;
        let size = self.size();
        if pos + buf.remaining() as u64 > size {
            let whole = size / PAGE_SIZE as u64 * PAGE_SIZE as u64;
            let room = whole.checked_sub(pos).filter(|room| *room > 0);
            buf.limit(room.ok_or(Errno::EPERM)? as usize);
        }
        Ok(())
    }
}

impl File {
    /// `F_ADD_SEALS`. EPERM: not open for writing, or sealed against it; EINVAL: no such seal; EBUSY: it is mapped for
    /// writing.
    pub fn add_seals(&self, seals: u32) -> Result<()> {
        let inode = self.inode();
        if !self.mode().contains(FileMode::WRITE) {
            return Err(Errno::EPERM);
        }
        if seals & !ALL != 0 {
            return Err(Errno::EINVAL);
        }
        let _lock = inode.lock();
        if inode.seals() & F_SEAL_SEAL != 0 {
            return Err(Errno::EPERM);
        }
        let before = inode.seals.fetch_or(seals, SeqCst);
        let mapped = || inode.ops().is_shared(inode);
        if seals & !before & F_SEAL_WRITE != 0 && mapped() {
            inode.seals.store(before, SeqCst);
            return Err(Errno::EBUSY);
        }
        Ok(())
    }

    /// Whether its pages may be mapped to be shared, and written if `writes`. EPERM.
    pub(crate) fn may_share(&self, writes: bool) -> Result<()> {
        let seals = if writes { NO_WRITES } else { F_SEAL_WRITE };
        if self.mode().contains(FileMode::WRITE) && self.inode().has_seal(seals) {
            Err(Errno::EPERM)
        } else {
            Ok(())
        }
    }
}
