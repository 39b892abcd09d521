//! Faults in mapped files: private copies, shared pages, the end of the file, permissions.
use super::*;
use abi::raw::{MAP_SHARED, MS_SYNC, PROT_EXEC};
use pagecache::{MapPlace, PerArea};

#[test]
fn a_private_mapping_reads_the_file_and_writes_a_copy() {
    let (mm, file) = (Mm::new().unwrap(), File::new(4, false));
    let at = mm
        .map_file(BASE, 4, RW, MAP_PRIVATE | MAP_FIXED, &file, 0)
        .unwrap();
    assert_eq!((mm.load(at), mm.load(at + 3 * PAGE_SIZE)), (Ok(1), Ok(4)));
    mm.store(at, 99).unwrap();
    mm.store(at + PAGE_SIZE, 98).unwrap();
    assert_eq!(
        (mm.load(at), mm.load(at + 1), mm.load(at + PAGE_SIZE + 1)),
        (Ok(99), Ok(1), Ok(2))
    );
    let mut first = [0];
    file.cache.get_page(0).unwrap().read(0, &mut first);
    assert_eq!(first, [1], "the file is as it was");
    let c = mm.counters();
    assert_eq!((c.anon, c.file), (2, 1));
    let child = mm.fork().unwrap();
    assert_eq!(
        (child.counters().anon, child.counters().file),
        (2, 0),
        "clean pages are not copied"
    );
    assert_eq!(
        (child.load(at), child.load(at + 3 * PAGE_SIZE)),
        (Ok(99), Ok(4))
    );
    mm.madvise(at, PAGE_SIZE, abi::raw::MADV_DONTNEED).unwrap();
    assert_eq!((mm.load(at), child.load(at)), (Ok(1), Ok(99)));
    assert!(file.written.lock().unwrap().is_empty());
}

#[test]
fn a_shared_mapping_tells_the_file() {
    let (mm, file) = (Mm::new().unwrap(), File::new(4, true));
    let at = mm
        .map_file(BASE, 4, RW, MAP_SHARED | MAP_FIXED, &file, 0)
        .unwrap();
    mm.load(at).unwrap();
    assert!(file.written.lock().unwrap().is_empty());
    mm.store(at, 50).unwrap();
    mm.store(at + 2 * PAGE_SIZE, 51).unwrap();
    assert_eq!(*file.written.lock().unwrap(), [0, 2]);
    let other = Mm::new().unwrap();
    let there = other
        .map_file(0, 3, PROT_READ, MAP_SHARED, &file, 1)
        .unwrap();
    assert_eq!(other.load(there + PAGE_SIZE), Ok(51));
    assert_eq!(other.store(there, 1), Err(FaultError::SegvAccErr));
    mm.msync(at, 4 * PAGE_SIZE, MS_SYNC).unwrap();
    assert_eq!(mm.msync(at, 5 * PAGE_SIZE, MS_SYNC), Err(Errno::ENOMEM));
}

#[test]
fn around_a_fault_what_is_in_memory_is_mapped() {
    let (mm, file) = (Mm::new().unwrap(), File::new(64, false));
    (0..64).for_each(|n| drop(file.cache.get_page(n).unwrap()));
    let at = mm
        .map_file(
            BASE,
            40,
            PROT_READ | PROT_EXEC,
            MAP_PRIVATE | MAP_FIXED,
            &file,
            3,
        )
        .unwrap();
    mm.handle_fault(UserAddr(at + 20 * PAGE_SIZE), Access::Exec)
        .unwrap();
    let present: std::vec::Vec<usize> = (0..40)
        .filter(|n| mm.is_present(at + n * PAGE_SIZE))
        .collect();
    assert_eq!(present, (16..32).collect::<std::vec::Vec<_>>());
    assert_eq!(mm.counters().file, 16);
    assert_eq!(mm.load(at + 17 * PAGE_SIZE), Ok(3 + 17 + 1));
}

#[test]
fn beyond_the_end_is_a_bus_error() {
    let (mm, file) = (Mm::new().unwrap(), File::new(8, true));
    let at = mm
        .map_file(BASE, 8, RW, MAP_SHARED | MAP_FIXED, &file, 0)
        .unwrap();
    let copy = mm
        .map_file(BASE + 0x10_0000, 8, RW, MAP_PRIVATE | MAP_FIXED, &file, 0)
        .unwrap();
    (0..8).for_each(|n| mm.store(at + n * PAGE_SIZE, 9).unwrap());
    mm.store(copy + 6 * PAGE_SIZE, 1).unwrap();
    let child = mm.fork().unwrap();
    child.load(at + 5 * PAGE_SIZE).unwrap();
    file.truncate(3 * PAGE_SIZE as u64 + 1);
    for mm in [&mm, &child] {
        assert_eq!(mm.load(at + 4 * PAGE_SIZE), Err(FaultError::BusAdrErr));
        assert_eq!(mm.load(copy + 6 * PAGE_SIZE), Err(FaultError::BusAdrErr));
        let key = |page| mm.futex_key(UserAddr(at + page * PAGE_SIZE), true);
        assert_eq!(key(4).err(), Some(Errno::EFAULT));
        assert!(key(3).is_ok());
    }
    assert_eq!(mm.load(at + 3 * PAGE_SIZE), Ok(9));
    assert_eq!(
        mm.load(at + 3 * PAGE_SIZE + 1),
        Ok(0),
        "zeros behind the end"
    );
    drop(child);
    mm.munmap(at, 2 * PAGE_SIZE).unwrap();
    assert_eq!(
        file.users.load(Ordering::Relaxed),
        1,
        "one note for all areas that follow each other"
    );
    drop(mm);
    assert_eq!(file.users.load(Ordering::Relaxed), 0);
    assert_eq!(Arc::strong_count(&file), 1);
}

#[test]
fn the_file_says_what_is_allowed() {
    let (mm, file) = (Mm::new().unwrap(), File::new(4, false));
    let denied = mm.map_file(0, 4, RW, MAP_SHARED, &file, 0);
    assert_eq!(denied, Err(Errno::EACCES));
    let at = mm.map_file(0, 4, PROT_READ, MAP_SHARED, &file, 0).unwrap();
    assert_eq!(mm.mprotect(at, PAGE_SIZE, RW), Err(Errno::EACCES));
    let at = mm.map_file(0, 4, PROT_READ, MAP_PRIVATE, &file, 0).unwrap();
    mm.mprotect(at, PAGE_SIZE, RW).unwrap();
    mm.store(at, 1).unwrap();
    let backing: Backing = file.clone();
    let far = MmapRequest {
        backing: Some(backing),
        offset: !0xfff,
        ..request(0, 2 * PAGE_SIZE, RW, MAP_PRIVATE)
    };
    assert_eq!(mm.mmap(far), Err(Errno::EOVERFLOW));
}

#[test]
fn cut_mappings_keep_their_offsets() {
    let (mm, file) = (Mm::new().unwrap(), File::new(16, false));
    let at = mm
        .map_file(BASE, 16, PROT_READ, MAP_PRIVATE | MAP_FIXED, &file, 0)
        .unwrap();
    mm.munmap(at + 4 * PAGE_SIZE, 4 * PAGE_SIZE).unwrap();
    mm.mprotect(at + 10 * PAGE_SIZE, PAGE_SIZE, RW).unwrap();
    assert_eq!(mm.load(at + 8 * PAGE_SIZE), Ok(9));
    mm.store(at + 10 * PAGE_SIZE + 1, 0).unwrap();
    assert_eq!(
        (mm.load(at + 10 * PAGE_SIZE), mm.load(at + 11 * PAGE_SIZE)),
        (Ok(11), Ok(12))
    );
    assert_eq!(mm.areas().len(), 4);
    assert_eq!(file.users.load(Ordering::Relaxed), 1);
    mm.mprotect(at + 10 * PAGE_SIZE, PAGE_SIZE, PROT_READ)
        .unwrap();
    // The page that was writable stays charged, and so an area of its own.
    mm.map_file(
        at + 4 * PAGE_SIZE,
        4,
        PROT_READ,
        MAP_PRIVATE | MAP_FIXED,
        &file,
        4,
    )
    .unwrap();
    assert_eq!(mm.areas().len(), 3);
    assert_eq!(mm.load(at + 10 * PAGE_SIZE + 1), Ok(0));
    assert_eq!(
        mm.mremap(
            at + 8 * PAGE_SIZE,
            4 * PAGE_SIZE,
            6 * PAGE_SIZE,
            abi::raw::MREMAP_MAYMOVE,
            0
        ),
        Err(Errno::EFAULT)
    );
    let old = at + 10 * PAGE_SIZE;
    let new = mm
        .mremap(old, PAGE_SIZE, 3 * PAGE_SIZE, abi::raw::MREMAP_MAYMOVE, 0)
        .unwrap();
    assert_ne!(new, old);
    assert_eq!(
        (mm.load(new + 1), mm.load(new), mm.load(new + 2 * PAGE_SIZE)),
        (Ok(0), Ok(11), Ok(13))
    );
    assert_eq!(mm.load(old), Err(FaultError::SegvMapErr));
    file.cache.get_page(14).unwrap();
    let mut resident = [9; 4];
    mm.mincore(at + 12 * PAGE_SIZE, &mut resident).unwrap();
    assert_eq!(resident, [1, 0, 1, 0], "mapped, or in the page cache");
    assert_eq!(
        mm.mincore(at + 8 * PAGE_SIZE, &mut resident),
        Err(Errno::ENOMEM)
    );
}

/// What a driver hears: each object by its number.
#[derive(Default)]
struct Heard {
    next: AtomicU64,
    ended: AtomicU64,
    places: std::sync::Mutex<std::collections::BTreeMap<u64, MapPlace>>,
}

/// The object of one area.
struct Part {
    number: u64,
    heard: Arc<Heard>,
}

impl Part {
    fn new(heard: &Arc<Heard>) -> Arc<Self> {
        let number = heard.next.fetch_add(1, Ordering::Relaxed);
        let heard = heard.clone();
        Arc::new(Self { number, heard })
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.heard.ended.fetch_add(1, Ordering::Relaxed);
        self.heard.places.lock().unwrap().remove(&self.number);
    }
}

impl PerArea for Part {
    fn begin(&self, place: MapPlace) -> Result<u32> {
        self.placed(place);
        Ok(place.flags | VmFlags::DONT_EXPAND.bits())
    }
    fn again(&self, place: MapPlace) -> Result<Arc<dyn MapObject>> {
        let part = Self::new(&self.heard);
        part.placed(place);
        Ok(part)
    }
    fn placed(&self, place: MapPlace) {
        let mut places = self.heard.places.lock().unwrap();
        places.insert(self.number, place);
    }
}

impl MapObject for Part {
    fn page(&self, _index: u64, _access: MapAccess) -> Result<Frame> {
        Frame::zeroed()
    }
    fn identity(&self) -> u64 {
        1 << 40
    }
    fn size(&self) -> u64 {
        u64::MAX
    }
    fn dev_ino(&self) -> (u64, u64) {
        (1, 3)
    }
    fn write_path(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        out.write_str("/dev/part")
    }
    fn may_write(&self) -> bool {
        true
    }
    fn per_area(&self) -> Option<&dyn PerArea> {
        Some(self)
    }
}

#[test]
fn each_area_has_an_object_of_its_own() {
    let (mm, heard) = (Mm::new().unwrap(), Arc::new(Heard::default()));
    let backing: Backing = Part::new(&heard);
    let asked = MmapRequest {
        backing: Some(backing),
        offset: 2 * PAGE_SIZE as u64,
        ..request(BASE, 6 * PAGE_SIZE, RW, MAP_SHARED | MAP_FIXED)
    };
    let at = mm.mmap(asked).unwrap();
    let places = || {
        let places = heard.places.lock().unwrap();
        let mut all: std::vec::Vec<_> = places
            .values()
            .map(|place| {
                (
                    (place.start - at) >> 12,
                    (place.end - at) >> 12,
                    place.first,
                )
            })
            .collect();
        all.sort_unstable();
        all
    };
    assert_eq!(places(), [(0, 6, 2)]);
    mm.store(at, 1).unwrap();
    assert!(
        mm.is_present(at) && mm.counters().file == 1,
        "writable at once"
    );
    // Cut at both ends, in one call.
    mm.munmap(at + 2 * PAGE_SIZE, PAGE_SIZE).unwrap();
    assert_eq!(places(), [(0, 2, 2), (3, 6, 5)]);
    assert_eq!(heard.ended.load(Ordering::Relaxed), 1);
    mm.mprotect(at + 4 * PAGE_SIZE, PAGE_SIZE, PROT_READ)
        .unwrap();
    assert_eq!(places(), [(0, 2, 2), (3, 4, 5), (4, 5, 6), (5, 6, 7)]);
    // What is always there is not locked, nor cut for that.
    mm.mlock(at, PAGE_SIZE, true).unwrap();
    assert_eq!(places().len(), 4);
    let flags = abi::raw::MREMAP_MAYMOVE | abi::raw::MREMAP_FIXED;
    let there = at + 32 * PAGE_SIZE;
    assert_eq!(
        mm.mremap(at, 2 * PAGE_SIZE, 2 * PAGE_SIZE, flags, there),
        Ok(there)
    );
    assert!(mm.is_present(there) && places().contains(&(32, 34, 2)));
    assert_eq!(
        mm.mremap(there, 2 * PAGE_SIZE, 3 * PAGE_SIZE, 1, 0),
        Err(Errno::EFAULT)
    );
    let child = mm.fork().unwrap();
    assert_eq!(places().len(), 8);
    drop((mm, child));
    assert_eq!(places(), []);
}
