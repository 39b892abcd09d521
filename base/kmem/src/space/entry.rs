//! Entries of the page tables: how a mapping is written down. Intel SDM vol. 3, 4.5.
use super::Prot;
use hal::addr::{Pfn, PhysAddr};

pub(super) const PRESENT: u64 = 1;
pub(super) const WRITE: u64 = 1 << 1;
pub(super) const USER: u64 = 1 << 2;
pub(super) const ACCESSED: u64 = 1 << 5;
pub(super) const DIRTY: u64 = 1 << 6;
/// In a level-2 table: maps 2 MiB.
pub(super) const HUGE: u64 = 1 << 7;
/// Software: [`Prot::ANON`].
pub(super) const ANON: u64 = 1 << 9;
/// Software: occupied although not present (PROT_NONE).
pub(super) const KEPT: u64 = 1 << 10;
/// Software: names a table. What is there and lacks it, above the leaves, maps a huge page.
pub(super) const TABLE: u64 = 1 << 11;
pub(super) const NX: u64 = 1 << 63;
const ADDR: u64 = 0x000f_ffff_ffff_f000;

#[cfg(target_os = "none")]
const _: () = {
    use hal::paging::pte;
    assert!(PRESENT == pte::PRESENT && WRITE == pte::WRITE && USER == pte::USER && NX == pte::NX);
    assert!(ACCESSED == pte::ACCESSED && DIRTY == pte::DIRTY && ADDR == pte::ADDR_MASK);
    assert!(ANON == pte::SOFT0 && KEPT == pte::SOFT1 && TABLE == pte::SOFT2 && HUGE == pte::HUGE);
};

/// An entry that names the next table. Accessed and dirty are set ahead, so that the CPU never changes it.
#[inline]
pub(super) const fn table(pfn: Pfn) -> u64 {
    PhysAddr::from_pfn(pfn).0 as u64 | PRESENT | WRITE | USER | ACCESSED | DIRTY | TABLE
}

/// A leaf entry. Accessed is set ahead: who maps a page is about to use it.
#[inline]
pub(super) const fn leaf(pfn: Pfn, prot: Prot) -> u64 {
    with_prot(PhysAddr::from_pfn(pfn).0 as u64 | ACCESSED, prot)
}

/// The same page and history under another protection.
#[inline]
pub(super) const fn with_prot(entry: u64, prot: Prot) -> u64 {
    let mut e = entry & (ADDR | ACCESSED | DIRTY) | USER;
    let prot = prot.bits();
    if prot & (Prot::READ.bits() | Prot::WRITE.bits() | Prot::EXEC.bits()) != 0 {
        e |= PRESENT;
    } else {
        e |= KEPT;
    }
    if prot & Prot::WRITE.bits() != 0 {
        e |= WRITE;
    }
    if prot & Prot::EXEC.bits() == 0 {
        e |= NX;
    }
    if prot & Prot::ANON.bits() != 0 {
        e |= ANON;
    }
    e
}

#[inline]
pub(super) const fn prot(entry: u64) -> Prot {
    let mut p = 0;
    if entry & PRESENT != 0 {
        p |= Prot::READ.bits();
        if entry & NX == 0 {
            p |= Prot::EXEC.bits();
        }
        if entry & WRITE != 0 {
            p |= Prot::WRITE.bits();
        }
    }
    if entry & ANON != 0 {
        p |= Prot::ANON.bits();
    }
    Prot::from_bits_retain(p)
}

#[inline]
pub(super) const fn pfn(entry: u64) -> Pfn {
    PhysAddr((entry & ADDR) as usize).pfn()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protections_survive_the_trip() {
        for bits in 0..16 {
            let p = Prot::from_bits_retain(bits);
            let e = leaf(0x12345, p);
            assert_eq!(pfn(e), 0x12345);
            assert_ne!(e, 0);
            let access = Prot::READ | Prot::WRITE | Prot::EXEC;
            let expected = if p.intersects(access) {
                p | Prot::READ
            } else {
                p
            };
            assert_eq!(prot(e), expected);
        }
    }
}
