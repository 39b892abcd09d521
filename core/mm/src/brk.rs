//! Memory that grows in place: the heap (brk(2)) and stacks.
use crate::areas::{page_ceil, pages};
use crate::mm::Mm;
use crate::types::FaultError;
use crate::vma::{STACK_GUARD_GAP, Vma};
use crate::{VmFlags, commit};
use abi::{PAGE_SIZE, USER_END};

const HEAP: VmFlags = VmFlags::READ
    .union(VmFlags::WRITE)
    .union(VmFlags::MAY_ALL)
    .union(VmFlags::ACCOUNT);

impl Mm {
    /// brk(2): the new break, or the old one when the new one cannot be had.
    pub fn brk(&self, to: usize) -> usize {
        let mut areas = self.write_areas();
        let (start, old) = (areas.layout.start_brk, areas.layout.brk);
        let image = areas
            .layout
            .end_data
            .saturating_sub(areas.layout.start_data);
        if to < start || (to - start + image) as u64 > areas.limits.data {
            return old;
        }
        let (Some(old_end), Some(new_end)) = (page_ceil(old), page_ceil(to)) else {
            return old;
        };
        if new_end > USER_END {
            return old;
        }
        if new_end < old_end {
            if self.remove(&mut areas, new_end, old_end).is_err() {
                return old;
            }
        } else if new_end > old_end {
            let flags = HEAP | areas.default_flags;
            let more = pages(new_end - old_end);
            // One page stays free above, and the guard of a stack that comes next.
            let (len, top) = (new_end - old_end + PAGE_SIZE, new_end + PAGE_SIZE);
            let free = areas.map.gap_bottom_up(len, old_end, top) == Some(old_end);
            let locked = flags.contains(VmFlags::LOCKED) && areas.may_lock(more).is_err();
            if !free || locked || !areas.may_expand(flags, more, 0) || commit::charge(more).is_err()
            {
                return old;
            }
            if areas
                .insert(old_end, new_end, Vma::new(flags, 0, None))
                .is_err()
            {
                commit::uncharge(more);
                return old;
            }
        }
        areas.layout.brk = to;
        let locked = areas.default_flags.contains(VmFlags::LOCKED);
        drop(areas);
        if locked && new_end > old_end {
            // As Linux: the break is what it is even if the pages cannot be had now.
            let _ = self.populate(old_end, new_end, None);
        }
        to
    }

    /// Makes the stack that begins above `va` begin at `va`.
    #[cold]
    pub(crate) fn grow_stack(&self, va: usize) -> Result<(), FaultError> {
        let mut areas = self.write_areas();
        let Some(area) = areas.map.find_from(va) else {
            return Err(FaultError::SegvMapErr);
        };
        let (start, end, flags) = (area.start, area.end, area.data.flags);
        if start <= va {
            return Ok(()); // Another thread was faster.
        }
        let more = pages(start - va);
        let room = match areas.map.find_before(va) {
            Some(below) if below.data.flags.contains(VmFlags::GROWS_DOWN) => below.end <= va,
            // An inaccessible area is a guard already.
            Some(below) if !below.data.flags.intersects(VmFlags::PROT) => below.end <= va,
            Some(below) => below.end.saturating_add(STACK_GUARD_GAP) <= va,
            None => va >= PAGE_SIZE,
        };
        let allowed = flags.contains(VmFlags::GROWS_DOWN)
            && room
            && (end - va) as u64 <= areas.limits.stack
            && areas.may_expand(flags, more, 0)
            && (!flags.contains(VmFlags::LOCKED) || areas.may_lock(more).is_ok());
        if !allowed {
            return Err(FaultError::SegvMapErr);
        }
        let charged = if flags.contains(VmFlags::ACCOUNT) {
            more
        } else {
            0
        };
        // As in Linux a stack that may not grow, for whatever reason, is a bad address.
        commit::charge(charged).map_err(|_| FaultError::SegvMapErr)?;
        if areas.map.resize(start, va, end).is_err() {
            commit::uncharge(charged);
            return Err(FaultError::SegvMapErr);
        }
        areas.account(flags, more, true);
        Ok(())
    }
}
