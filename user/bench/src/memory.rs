//! Faults and mappings.
use crate::sys::{self, Section, Took, check, wrong};
use crate::{Bench, bench};
use std::io;

pub(crate) const ALL: &[Bench] = &[
    bench("memory/anon_fault", "first store to a page", anon_fault),
    bench(
        "memory/cow_fault",
        "store to a page shared by fork",
        cow_fault,
    ),
    bench(
        "memory/file_fault",
        "first load of a cached file page",
        file_fault,
    ),
    bench(
        "memory/map_unmap",
        "mmap and munmap of one page, untouched",
        map_unmap,
    ),
    bench(
        "memory/map_touch_4m",
        "mmap, touch and munmap 4 MiB",
        map_touch,
    ),
    bench("memory/brk", "brk up and down by a page", brk),
];

const PAGE: usize = 4096;

struct Map(*mut u8, usize);
impl Map {
    fn new(len: usize, flags: i32, fd: i32) -> io::Result<Self> {
        // SAFETY: a new mapping where the kernel likes.
        let p = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                len,
                libc::PROT_READ | libc::PROT_WRITE,
                flags,
                fd,
                0,
            )
        };
        if p == libc::MAP_FAILED {
            Err(io::Error::last_os_error())
        } else {
            Ok(Self(p.cast(), len))
        }
    }
    fn anonymous(len: usize) -> io::Result<Self> {
        let map = Self::new(len, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1)?;
        // 4 KiB pages are what is measured.
        // SAFETY: advice on our own mapping.
        unsafe { libc::madvise(map.0.cast(), len, libc::MADV_NOHUGEPAGE) };
        Ok(map)
    }
    fn touch(&self, page: usize, value: u8) {
        // SAFETY: callers stay within the mapping.
        unsafe { self.0.add(page * PAGE).write_volatile(value) };
    }
}
impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: our own mapping.
        unsafe { libc::munmap(self.0.cast(), self.1) };
    }
}

/// As many of `n` pages as one go takes: 64 MiB.
fn at_once(n: u64) -> usize {
    n.clamp(2, 16384) as usize
}

fn anon_fault(n: u64) -> io::Result<Took> {
    let pages = at_once(n);
    let map = Map::anonymous(pages * PAGE)?;
    map.touch(0, 1); // the first page tables
    let section = Section::begin();
    (1..pages).for_each(|page| map.touch(page, 1));
    let ns = section.end();
    Ok(Took {
        iterations: pages as u64 - 1,
        ns,
        overhead: 0,
    })
}

fn cow_fault(n: u64) -> io::Result<Took> {
    let pages = at_once(n);
    let map = Map::anonymous(pages * PAGE)?;
    (0..pages).for_each(|page| map.touch(page, 1));
    let (from, to) = sys::pipe()?;
    let pid = sys::child(|| {
        let section = Section::begin();
        (0..pages).for_each(|page| map.touch(page, 2));
        sys::write_all(to.0, &section.end().to_le_bytes())
    })?;
    let mut ns = [0; 8];
    sys::read_all(from.0, &mut ns)?;
    sys::reap(pid)?;
    // SAFETY: within the mapping.
    if unsafe { map.0.read_volatile() } != 1 {
        return Err(wrong("the parent's page changed"));
    }
    Ok(Took {
        iterations: pages as u64,
        ns: u64::from_le_bytes(ns),
        overhead: 0,
    })
}

/// As lmbench does: map, load from every page, unmap; less map and unmap alone.
fn file_fault(n: u64) -> io::Result<Took> {
    const PAGES: usize = 512;
    std::fs::write("/tmp/bench-fault", vec![9; PAGES * PAGE])?;
    let fd = sys::open(c"/tmp/bench-fault", libc::O_RDWR)?;
    let map = || Map::new(PAGES * PAGE, libc::MAP_SHARED, fd.0);
    let rounds = n.div_ceil(PAGES as u64);
    let overhead = sys::time_aside(rounds, || map().map(drop))?;
    let took = sys::time(rounds, || {
        let map = map()?;
        // SAFETY: within the mapping and the file.
        let ok = (0..PAGES).all(|page| unsafe { map.0.add(page * PAGE).read_volatile() } == 9);
        if ok { Ok(()) } else { Err(wrong("file data")) }
    })?;
    Ok(Took {
        iterations: rounds * PAGES as u64,
        ns: took.ns,
        overhead,
    })
}

fn map_unmap(n: u64) -> io::Result<Took> {
    sys::time(n, || Map::anonymous(PAGE).map(drop))
}

fn map_touch(n: u64) -> io::Result<Took> {
    sys::time(n, || {
        let map = Map::anonymous(4 << 20)?;
        (0..1024).for_each(|page| map.touch(page, 1));
        Ok(())
    })
}

fn brk(n: u64) -> io::Result<Took> {
    // SAFETY: the break goes up and comes back to where it was; nobody else moves it meanwhile.
    let set = |to: i64| check(unsafe { libc::syscall(libc::SYS_brk, to) });
    let start = set(0)?;
    sys::time(n, || {
        let up = set(start + PAGE as i64)?;
        let down = set(start)?;
        if up == start + PAGE as i64 && down == start {
            Ok(())
        } else {
            Err(wrong("brk"))
        }
    })
}
