//! The programs of this machine, loaded into simulated page tables.
use super::*;
use mm::{Access, Limits, Randomize, VmFlags};
use pagecache::{PageCache, PageSource};
use std::vec::Vec;
extern crate std;

struct Bytes(Vec<u8>);
impl PageSource for Bytes {
    fn fill(&self, index: u64, page: &Frame) -> Result<()> {
        let start = index as usize * PAGE_SIZE;
        let end = self.0.len().min(start + PAGE_SIZE);
        page.write(0, &self.0[start.min(end)..end]);
        Ok(())
    }
}

struct File {
    cache: PageCache,
    size: u64,
}

fn file(bytes: Vec<u8>) -> Backing {
    let size = bytes.len() as u64;
    Arc::new(File {
        cache: PageCache::new(Arc::new(Bytes(bytes))),
        size,
    })
}

impl MapObject for File {
    fn page(&self, index: u64, _access: MapAccess) -> Result<Frame> {
        if index * PAGE_SIZE as u64 >= self.size {
            Err(Errno::EFAULT)
        } else {
            self.cache.get_page(index)
        }
    }
    fn identity(&self) -> u64 {
        self.cache.identity()
    }
    fn size(&self) -> u64 {
        self.size
    }
    fn dev_ino(&self) -> (u64, u64) {
        (0, 0)
    }
    fn write_path(&self, _: &mut dyn core::fmt::Write) -> core::fmt::Result {
        Ok(())
    }
    fn may_write(&self) -> bool {
        false
    }
}

fn read(mm: &Mm, at: usize, len: usize) -> Vec<u8> {
    let mut bytes = std::vec![0; len];
    assert_eq!(mm.read_remote(UserAddr(at), &mut bytes), Ok(len));
    bytes
}

#[test]
fn this_program_stands_in_memory_as_in_its_file() {
    let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let image = Image::read(&file(bytes.clone())).unwrap();
    let mm = Mm::new().unwrap();
    let place = Placement::draw(8 << 20, Randomize::Yes);
    let loaded = image.map(&mm, Some(place.dyn_base), false).unwrap();
    assert_eq!(loaded.bias, place.dyn_base);
    for p in image.segments().loads() {
        let at = loaded.bias + p.vaddr as usize;
        let (offset, len) = (p.offset as usize, p.filesz as usize);
        assert!(read(&mm, at, len) == bytes[offset..offset + len]);
        if p.flags & pf::W != 0 {
            assert!(
                read(&mm, at + len, (p.memsz - p.filesz) as usize)
                    .iter()
                    .all(|&b| b == 0)
            );
            mm.handle_fault(UserAddr(at), Access::Write).unwrap();
        }
    }
    mm.handle_fault(UserAddr(loaded.entry), Access::Exec)
        .unwrap();
    assert_eq!(
        read(&mm, loaded.phdr, elf::PHDR_SIZE),
        bytes[64..64 + elf::PHDR_SIZE]
    );
    let start = heap_start(&loaded, true, image.header.kind, &place);
    mm.set_layout(|l| (l.start_brk, l.brk) = (start, start));
    assert_eq!(mm.brk(start + 100), start + 100);
}

#[test]
fn a_stack_has_its_pages_and_can_grow() {
    let mm = Mm::new().unwrap();
    mm.set_limits(Limits {
        stack: 1 << 20,
        ..Limits::default()
    });
    let place = Placement::draw(1 << 20, Randomize::No);
    assert_eq!(place.stack_top, USER_END);
    let page = Frame::zeroed().unwrap();
    page.write(0, b"words");
    let sp = map_stack(&mm, place.stack_top, 1, StackFlags::NoExec, 1 << 20).unwrap();
    fill_stack(&mm, sp, [page]).unwrap();
    assert_eq!(read(&mm, sp, 5), b"words");
    assert_eq!(mm.counters().anon, 2);
    assert_eq!(
        mm.handle_fault(UserAddr(sp), Access::Exec),
        Err(mm::FaultError::SegvAccErr)
    );
    mm.handle_fault(UserAddr(sp - (512 << 10)), Access::Write)
        .unwrap();
    assert!(
        mm.handle_fault(UserAddr(USER_END - (1 << 20) - 1), Access::Write)
            .is_err()
    );
    let mut flags = VmFlags::empty();
    mm.for_each_vma(0, &mut |a| {
        flags = a.flags;
        true
    });
    assert!(flags.contains(VmFlags::GROWS_DOWN));
}

#[test]
fn broken_files_are_refused() {
    let good = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    assert!(matches!(
        Image::read(&file(Vec::new())),
        Err(ReadError::Elf(ElfError::Truncated))
    ));
    assert!(matches!(
        Image::read(&file(good[..100].to_vec())),
        Err(ReadError::Elf(ElfError::Truncated))
    ));
    assert!(matches!(
        Image::read(&file(std::vec![b'x'; 100])),
        Err(ReadError::Elf(ElfError::NotElf))
    ));
    // A segment that wants to be in kernel space.
    let mut bad = good;
    let load = (0..)
        .map(|n| 64 + n * elf::PHDR_SIZE)
        .find(|&at| bad[at] == 1)
        .unwrap();
    bad[load + 16..load + 24].copy_from_slice(&0xffff_8000_0000_0000u64.to_le_bytes());
    let mm = Mm::new().unwrap();
    assert_eq!(
        Image::read(&file(bad)).unwrap().map(&mm, None, false),
        Err(Errno::EINVAL)
    );
}
