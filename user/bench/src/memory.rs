//! Faults and mappings.
use crate::sys::{self, Map, READ_WRITE, Section, Took, check, wrong};
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
    bench(
        "memory/map_file_4m",
        "map 4 MiB of a file, store to 26 pages, unmap",
        map_file,
    ),
    bench(
        "memory/protect",
        "take the right to write from a page and give it back",
        protect,
    ),
    bench("memory/brk", "brk up and down by a page", brk),
];

const PAGE: usize = 4096;

/// As many of `n` pages as one go takes: 64 MiB.
fn at_once(n: u64) -> usize {
    n.clamp(2, 16384) as usize
}

fn anon_fault(n: u64) -> io::Result<Took> {
    let pages = at_once(n);
    let map = Map::private(pages * PAGE)?;
    map.store(0, 1); // the first page tables
    let section = Section::begin();
    (1..pages).for_each(|page| map.store(page * PAGE, 1));
    Ok(Took::new(pages as u64 - 1, section.end()))
}

fn cow_fault(n: u64) -> io::Result<Took> {
    let pages = at_once(n);
    let map = Map::private(pages * PAGE)?;
    (0..pages).for_each(|page| map.store(page * PAGE, 1));
    let (from, to) = sys::pipe()?;
    let pid = sys::child(|| {
        let section = Section::begin();
        (0..pages).for_each(|page| map.store(page * PAGE, 2));
        sys::write_all(to.0, &section.end().to_le_bytes())
    })?;
    let mut ns = [0; 8];
    sys::read_all(from.0, &mut ns)?;
    sys::reap(pid)?;
    if (0..pages).all(|page| map.load(page * PAGE) == 1) {
        Ok(Took::new(pages as u64, u64::from_le_bytes(ns)))
    } else {
        Err(wrong("the parent's pages changed"))
    }
}

/// As lmbench's `lat_pagefault` does: load from every page of a mapped file, unmap and map it; less the latter alone.
fn file_fault(n: u64) -> io::Result<Took> {
    const PAGES: usize = 512;
    std::fs::write("/tmp/bench-fault", vec![9; PAGES * PAGE])?;
    let fd = sys::open(c"/tmp/bench-fault", libc::O_RDONLY)?;
    let map = || Map::new(PAGES * PAGE, libc::PROT_READ, libc::MAP_SHARED, fd.0);
    let rounds = n.div_ceil(PAGES as u64);
    let overhead = sys::time_aside(rounds, || map().map(drop))?;
    let took = sys::time(rounds, || {
        let map = map()?;
        if (0..PAGES).all(|page| map.load(page * PAGE) == 9) {
            Ok(())
        } else {
            Err(wrong("file data"))
        }
    })?;
    Ok(Took {
        overhead,
        ..Took::new(rounds * PAGES as u64, took.ns)
    })
}

fn map_unmap(n: u64) -> io::Result<Took> {
    sys::time(n, || Map::private(PAGE).map(drop))
}

fn map_touch(n: u64) -> io::Result<Took> {
    sys::time(n, || {
        let map = Map::private(4 << 20)?;
        (0..1024).for_each(|page| map.store(page * PAGE, 1));
        Ok(())
    })
}

/// As lmbench's `lat_mmap 4m` does: a store every 16 KiB of the first tenth.
fn map_file(n: u64) -> io::Result<Took> {
    const LEN: usize = 4 << 20;
    std::fs::write("/tmp/bench-fault", vec![9; LEN])?;
    let fd = sys::open(c"/tmp/bench-fault", libc::O_RDWR)?;
    let took = sys::time(n, || {
        let map = Map::new(LEN, READ_WRITE, libc::MAP_SHARED, fd.0)?;
        (0..LEN / 10)
            .step_by(16 << 10)
            .for_each(|at| map.store(at, 8));
        Ok(())
    })?;
    let data = std::fs::read("/tmp/bench-fault")?;
    let stored = data.iter().filter(|byte| **byte == 8).count();
    if stored == (LEN / 10).div_ceil(16 << 10) {
        Ok(took)
    } else {
        Err(wrong("the file's data"))
    }
}

fn protect(n: u64) -> io::Result<Took> {
    let map = Map::private(PAGE)?;
    map.store(0, 1);
    let set = |protection: i32| {
        // SAFETY: our own mapping.
        check(i64::from(unsafe {
            libc::mprotect(map.0.cast(), PAGE, protection)
        }))
    };
    let took = sys::time(n, || {
        set(libc::PROT_READ).and_then(|_| set(READ_WRITE)).map(drop)
    })?;
    map.store(0, 2);
    Ok(took)
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
