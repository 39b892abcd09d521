//! The word of a lock with priority inheritance, as it is read and changed where no page may be brought in: a page that is
//! not there is not an error then.
use abi::Result;
use hal::addr::UserAddr;
use kmem::user;

/// The owner's number.
pub(crate) const TID: u32 = 0x3fff_ffff;
/// The owner died.
pub(crate) const OWNER_DIED: u32 = 0x4000_0000;
/// Somebody waits: who gives it up has to tell the kernel.
pub(crate) const WAITERS: u32 = 0x8000_0000;

/// What an attempt came to.
pub(crate) enum Step {
    /// The lock is the caller's.
    Taken,
    /// The caller waits for it.
    Waits,
    /// The word changed meanwhile.
    Again,
    /// The word's page is not there.
    Absent,
    /// This owner has to be found first.
    Find(u32),
}

/// What was read, and where.
#[derive(Clone, Copy)]
pub(crate) struct Word(pub(crate) u32, UserAddr);

impl Word {
    /// Reads. `None`: the page is not there. Called with a spinning lock held, where no fault is resolved.
    pub(crate) fn read(addr: UserAddr) -> Option<Self> {
        user::read(addr).ok().map(|word| Self(word, addr))
    }

    pub(crate) const fn tid(self) -> u32 {
        self.0 & TID
    }

    /// Changes it if it is still what was read: `Taken`, `Again`, or `Absent`.
    pub(crate) fn change(self, new: u32) -> Step {
        match user::cas_u32(self.1, self.0, new) {
            Ok(seen) if seen == self.0 => Step::Taken,
            Ok(_) => Step::Again,
            Err(_) => Step::Absent,
        }
    }
}

/// Reads where faults are resolved. `EFAULT`.
pub(crate) fn read(addr: UserAddr) -> Result<u32> {
    user::read(addr)
}

/// Brings the page in, to be written to. `EFAULT`.
pub(crate) fn bring_in(addr: UserAddr) -> Result<()> {
    let seen = user::read(addr)?;
    user::cas_u32(addr, seen, seen).map(drop)
}
