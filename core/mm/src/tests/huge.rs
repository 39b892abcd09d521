//! Areas of huge pages. The pool is one for all, so one test walks through everything.
use super::*;
use abi::raw::{MAP_HUGETLB, MAP_NORESERVE, MAP_SHARED, MREMAP_FIXED, MREMAP_MAYMOVE};
use kmem::frame::{HUGE_SIZE, HugeCounts, huge_counts, resize_huge_pool, set_huge_overcommit};

fn map(mm: &Arc<Mm>, pages: usize, flags: u32) -> Result<usize> {
    let flags = MAP_ANONYMOUS | MAP_HUGETLB | flags;
    mm.mmap(request(0, pages * HUGE_SIZE, RW, flags))
}

fn store(mm: &Mm, addr: usize, byte: u8) -> Result<(), FaultError> {
    for _ in 0..4 {
        if let Some(m) = mm.space.get_huge(UserAddr(addr))
            && m.prot.contains(Prot::WRITE)
        {
            m.page.write(addr % HUGE_SIZE, &[byte]);
            return Ok(());
        }
        mm.handle_fault(UserAddr(addr), Access::Write)?;
    }
    panic!("a store at {addr:#x} faults for ever");
}

fn load(mm: &Mm, addr: usize) -> Result<u8, FaultError> {
    if mm.space.get_huge(UserAddr(addr)).is_none() {
        mm.handle_fault(UserAddr(addr), Access::Read)?;
    }
    let mut byte = [0];
    let m = mm.space.get_huge(UserAddr(addr)).unwrap();
    m.page.read(addr % HUGE_SIZE, &mut byte);
    Ok(byte[0])
}

#[track_caller]
fn counts(total: usize, free: usize, reserved: usize, surplus: usize) {
    let most_surplus = huge_counts().most_surplus;
    let wanted = HugeCounts {
        total,
        free,
        reserved,
        surplus,
        most_surplus,
    };
    assert_eq!(huge_counts(), wanted);
}

#[test]
fn huge_pages_from_pool_to_pool() {
    resize_huge_pool(4);
    counts(4, 4, 0, 0);
    let mm = Mm::new().unwrap();
    assert_eq!(map(&mm, 5, MAP_PRIVATE), Err(Errno::ENOMEM));
    let at = map(&mm, 4, MAP_PRIVATE).unwrap();
    counts(4, 4, 4, 0);
    store(&mm, at + 5, 1).unwrap();
    assert_eq!(load(&mm, at + HUGE_SIZE), Ok(0));
    counts(4, 2, 2, 0);

    // A child has no promise, and what it shares is copied.
    let child = mm.fork().unwrap();
    assert_eq!(load(&child, at + 5), Ok(1));
    let missing = at + 2 * HUGE_SIZE;
    assert_eq!(load(&child, missing), Err(FaultError::BusAdrErr));
    assert_eq!(store(&child, at + 5, 2), Err(FaultError::BusAdrErr));
    store(&mm, missing, 3).unwrap();
    store(&mm, missing + HUGE_SIZE, 3).unwrap();
    // The parent gets the page at the child's expense.
    store(&mm, at + 5, 4).unwrap();
    assert_eq!(load(&child, at + 5), Err(FaultError::BusAdrErr));
    drop(child);

    // Cut and moved between pages alone.
    assert_eq!(mm.munmap(at + PAGE_SIZE, HUGE_SIZE), Err(Errno::EINVAL));
    mm.munmap(at + HUGE_SIZE, HUGE_SIZE).unwrap();
    counts(4, 1, 0, 0);
    let to = at - 64 * HUGE_SIZE;
    let flags = MREMAP_MAYMOVE | MREMAP_FIXED;
    mm.mremap(at, HUGE_SIZE, HUGE_SIZE, flags, to).unwrap();
    assert_eq!(load(&mm, to + 5), Ok(4));
    assert_eq!(mm.info_pages(to), (0, 1));

    // A smaller pool keeps what is in use as surplus; the end of the space gives it back.
    resize_huge_pool(0);
    counts(3, 0, 0, 3);
    drop(mm);
    counts(0, 0, 0, 0);

    set_huge_overcommit(2);
    let mm = Mm::new().unwrap();
    let at = map(&mm, 2, MAP_SHARED).unwrap();
    counts(2, 2, 2, 2);
    let loose = map(&mm, 1, MAP_PRIVATE | MAP_NORESERVE).unwrap();
    assert_eq!(store(&mm, loose, 1), Err(FaultError::BusAdrErr));
    store(&mm, at, 1).unwrap();
    let child = mm.fork().unwrap();
    assert_eq!(load(&child, at), Ok(1));
    store(&child, at, 2).unwrap();
    assert_eq!(load(&mm, at), Ok(2));
    drop(mm);
    counts(2, 1, 1, 2);
    drop(child);
    counts(0, 0, 0, 0);
    set_huge_overcommit(0);
}

impl Mm {
    /// Resident pages, and huge ones, at an address.
    fn info_pages(&self, at: usize) -> (usize, usize) {
        let pages = self.area_pages(at..at + HUGE_SIZE);
        (pages.rss, pages.private_huge * PAGE_SIZE / HUGE_SIZE)
    }
}
