//! Robust futexes: locks whose owner ended are marked, and one who waits is woken.
use crate::key::Scope;
use crate::wait::{MATCH_ANY, wake};
use abi::Result;
use hal::addr::UserAddr;
use kmem::user;
use mm::Mm;

/// Bits of a robust futex word.
mod word {
    pub(super) const WAITERS: u32 = 0x8000_0000;
    pub(super) const OWNER_DIED: u32 = 0x4000_0000;
    pub(super) const TID_MASK: u32 = 0x3fff_ffff;
}
/// Most entries that are followed: a list that user space made circular ends here.
const LIMIT: usize = 2048;

/// Walks the list at `head` for a thread that ends: each lock that it holds gets `FUTEX_OWNER_DIED`. A list that cannot
/// be read ends the walk, as in Linux.
pub fn exit_robust_list(mm: &Mm, head: UserAddr, tid: u32) {
    let _ = walk(mm, head, tid); // a bad list is its owner's loss
}

fn walk(mm: &Mm, head: UserAddr, tid: u32) -> Result<()> {
    let [mut entry, offset, pending]: [usize; 3] = user::read(head)?;
    for _ in 0..LIMIT {
        if entry & !1 == head.0 {
            break;
        }
        // The entry's memory may be reused once its lock is given up.
        let next: usize = user::read(UserAddr(entry & !1))?;
        if entry & !1 != pending & !1 {
            let at = UserAddr((entry & !1).wrapping_add(offset));
            die(mm, at, tid, entry & 1 != 0, false)?;
        }
        entry = next;
    }
    if pending & !1 != 0 {
        let at = UserAddr((pending & !1).wrapping_add(offset));
        die(mm, at, tid, pending & 1 != 0, true)?;
    }
    Ok(())
}

/// One lock. `inherits`: the kernel knows who waits and will give it on. `pending`: the thread was taking or releasing it.
fn die(mm: &Mm, at: UserAddr, tid: u32, inherits: bool, pending: bool) -> Result<()> {
    if !at.0.is_multiple_of(4) {
        return Err(abi::Errno::EINVAL);
    }
    let mut value: u32 = user::read(at)?;
    loop {
        if pending && !inherits && value & word::TID_MASK == 0 {
            // It was being released: who waits may not have been told.
            let _ = wake(mm, at, Scope::Shared, 1, MATCH_ANY);
            return Ok(());
        }
        if value & word::TID_MASK != tid {
            return Ok(());
        }
        let dead = value & word::WAITERS | word::OWNER_DIED;
        let seen = user::cas_u32(at, value, dead)?;
        if seen == value {
            break;
        }
        value = seen;
    }
    if !inherits && value & word::WAITERS != 0 {
        let _ = wake(mm, at, Scope::Shared, 1, MATCH_ANY);
    }
    Ok(())
}
