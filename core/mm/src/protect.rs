//! mprotect(2).
use crate::areas::{Areas, page_ceil, pages};
use crate::mm::Mm;
use crate::vma::Vma;
use crate::{VmFlags, commit};
use abi::raw::{PROT_EXEC, PROT_GROWSDOWN, PROT_GROWSUP, PROT_READ, PROT_SEM, PROT_WRITE};
use abi::{Errno, PAGE_SIZE, Result, USER_END};
use hal::addr::UserAddr;

impl Mm {
    /// mprotect(2). `EINVAL` (address, unknown bits, `PROT_GROWSDOWN` on something else), `EACCES` (the file does not
    /// allow it), `ENOMEM` (a hole, a limit, memory); what lies before the trouble is changed, as on Linux.
    pub fn mprotect(&self, addr: usize, len: usize, prot: u32) -> Result<()> {
        let known = PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM | PROT_GROWSDOWN | PROT_GROWSUP;
        let both = PROT_GROWSDOWN | PROT_GROWSUP;
        if !addr.is_multiple_of(PAGE_SIZE) || prot & both == both {
            return Err(Errno::EINVAL);
        }
        if len == 0 {
            return Ok(());
        }
        let end = page_ceil(len)
            .and_then(|len| addr.checked_add(len))
            .ok_or(Errno::ENOMEM)?;
        if prot & !known != 0 {
            return Err(Errno::EINVAL);
        }
        if end > USER_END {
            return Err(Errno::ENOMEM);
        }
        let mut areas = self.write_areas();
        let start = if prot & both == 0 {
            addr
        } else {
            areas.grown_start(addr, end, prot)?
        };
        self.protect_range(&mut areas, start, end, VmFlags::from_prot(prot))
    }

    fn protect_range(
        &self,
        areas: &mut Areas,
        start: usize,
        end: usize,
        prot: VmFlags,
    ) -> Result<()> {
        let mut at = start;
        while at < end {
            let area = areas.map.find(at).ok_or(Errno::ENOMEM)?;
            let (stop, old) = (area.end.min(end), area.data.flags);
            // MAY_x stands four bits above x.
            if prot.bits() & !(old.bits() >> 4) & VmFlags::PROT.bits() != 0 {
                return Err(Errno::EACCES);
            }
            if old & VmFlags::PROT != prot {
                self.protect_area(areas, at, stop, old, prot)?;
            }
            at = stop;
        }
        Ok(())
    }

    /// Changes `start..end`, which lies in one area of flags `old`.
    fn protect_area(
        &self,
        areas: &mut Areas,
        start: usize,
        end: usize,
        old: VmFlags,
        prot: VmFlags,
    ) -> Result<()> {
        let mut new = (old - VmFlags::PROT) | prot;
        let count = pages(end - start);
        let charge = Vma::is_accountable(new) && !old.contains(VmFlags::ACCOUNT);
        if new.contains(VmFlags::WRITE)
            && !old.contains(VmFlags::WRITE)
            && !areas.may_expand(new, count, 0)
        {
            // Only the data limit can be in the way: the pages are counted in the total already.
            if areas.total as u64 <= areas.limits.address_space / PAGE_SIZE as u64
                && areas.data_full(new, count)
            {
                return Err(Errno::ENOMEM);
            }
        }
        areas.isolate(start, end)?;
        if charge {
            commit::charge(count)?;
            new |= VmFlags::ACCOUNT;
        }
        areas.account(old, count, false);
        areas.account(new, count, true);
        let mut entries = kmem::space::Prot::empty();
        areas.map.for_each_mut(start, end, |_, _, vma| {
            vma.flags = new;
            entries = vma.prot();
        });
        let range = UserAddr(start)..UserAddr(end);
        if new.contains(VmFlags::HUGETLB) {
            self.space.protect_huge(range, entries);
        } else {
            self.space.protect(range, entries);
        }
        areas.map.merge(start, end);
        areas.tell_places(start, end);
        Ok(())
    }
}

impl Areas {
    /// Whether `more` pages of data would break `RLIMIT_DATA`.
    fn data_full(&self, flags: VmFlags, more: usize) -> bool {
        let is_data =
            flags & (VmFlags::WRITE | VmFlags::SHARED | VmFlags::GROWS_DOWN) == VmFlags::WRITE;
        is_data && (self.data + more) as u64 > self.limits.data / PAGE_SIZE as u64
    }

    /// The start to use with `PROT_GROWSDOWN`: that of the stack. `EINVAL` if it is none; areas that grow up do not
    /// exist here.
    fn grown_start(&self, addr: usize, end: usize, prot: u32) -> Result<usize> {
        let area = self.map.find_from(addr).ok_or(Errno::ENOMEM)?;
        if prot & PROT_GROWSUP != 0 || !area.data.flags.contains(VmFlags::GROWS_DOWN) {
            return Err(Errno::EINVAL);
        }
        if area.start >= end {
            Err(Errno::ENOMEM)
        } else {
            Ok(area.start)
        }
    }
}
