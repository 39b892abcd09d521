//! Faults and mappings.
use crate::sys::{self, check, wrong};
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

/// Runs `f` on chunks of at most 512 pages until `n` pages are done.
fn in_chunks(n: u64, mut f: impl FnMut(usize) -> io::Result<u64>) -> io::Result<u64> {
    let (mut left, mut ns) = (n as usize, 0);
    while left > 0 {
        let pages = left.min(512);
        ns += f(pages)?;
        left -= pages;
    }
    Ok(ns)
}

fn anon_fault(n: u64) -> io::Result<u64> {
    in_chunks(n, |pages| {
        let map = Map::anonymous(pages * PAGE)?;
        map.touch(0, 1); // the page tables
        let start = sys::now();
        (1..pages).for_each(|page| map.touch(page, 1));
        Ok((sys::now() - start) * pages as u64 / (pages - 1).max(1) as u64)
    })
}

fn cow_fault(n: u64) -> io::Result<u64> {
    in_chunks(n, |pages| {
        let map = Map::anonymous(pages * PAGE)?;
        (0..pages).for_each(|page| map.touch(page, 1));
        let (from, to) = sys::pipe()?;
        let pid = sys::child(|| {
            let start = sys::now();
            (0..pages).for_each(|page| map.touch(page, 2));
            sys::write_all(to.0, &(sys::now() - start).to_le_bytes())
        })?;
        let mut ns = [0; 8];
        sys::read_all(from.0, &mut ns)?;
        sys::reap(pid)?;
        // SAFETY: within the mapping.
        if unsafe { map.0.read_volatile() } != 1 {
            return Err(wrong("the parent's page changed"));
        }
        Ok(u64::from_le_bytes(ns))
    })
}

fn file_fault(n: u64) -> io::Result<u64> {
    std::fs::write("/tmp/bench-fault", vec![9; 512 * PAGE])?;
    let fd = sys::open(c"/tmp/bench-fault", libc::O_RDWR)?;
    in_chunks(n, |pages| {
        let map = Map::new(pages * PAGE, libc::MAP_SHARED, fd.0)?;
        let start = sys::now();
        // SAFETY: within the mapping and the file.
        let ok = (0..pages).all(|page| unsafe { map.0.add(page * PAGE).read_volatile() } == 9);
        if ok {
            Ok(sys::now() - start)
        } else {
            Err(wrong("file data"))
        }
    })
}

fn map_unmap(n: u64) -> io::Result<u64> {
    sys::time(n, || Map::anonymous(PAGE).map(drop))
}

fn map_touch(n: u64) -> io::Result<u64> {
    sys::time(n, || {
        let map = Map::anonymous(4 << 20)?;
        (0..1024).for_each(|page| map.touch(page, 1));
        Ok(())
    })
}

fn brk(n: u64) -> io::Result<u64> {
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
