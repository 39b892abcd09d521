//! File data that is in memory already: read, mapped, written.
use crate::sys::{self, Fd, Map, Took, wrong};
use crate::{Bench, bench};
use std::io;

pub(crate) const ALL: &[Bench] = &[
    bench("file/reread_4k", "read 4 KiB of cached file", |n| {
        reread(n, 4 << 10)
    }),
    bench("file/reread", "read 64 KiB of cached file", |n| {
        reread(n, 64 << 10)
    }),
    bench("file/reread_1m", "read 1 MiB of cached file", |n| {
        reread(n, 1 << 20)
    }),
    bench(
        "file/reread_sum",
        "read 1 MiB of cached file by 64 KiB and sum it",
        reread_sum,
    ),
    bench("file/write_4k", "overwrite 4 KiB of a file", |n| {
        rewrite(n, 4 << 10)
    }),
    bench("file/write_64k", "overwrite 64 KiB of a file", |n| {
        rewrite(n, 64 << 10)
    }),
    bench(
        "file/mmap_read",
        "map, look through and unmap 1 MiB of cached file",
        mmap_read,
    ),
    bench(
        "file/mmap_sum",
        "open, map, sum, close and unmap 1 MiB of cached file",
        mmap_sum,
    ),
];

/// A new file of `len` bytes, each `value`.
fn file(len: usize, value: u8) -> io::Result<Fd> {
    std::fs::write("/tmp/bench-data", vec![value; len])?;
    sys::open(c"/tmp/bench-data", libc::O_RDWR)
}

fn rewind(fd: &Fd) {
    // SAFETY: seeking is memory-safe.
    unsafe { libc::lseek(fd.0, 0, libc::SEEK_SET) };
}

fn reread(n: u64, len: usize) -> io::Result<Took> {
    let fd = file(len, 3)?;
    let mut buffer = vec![9u8; len]; // its pages are there
    let took = sys::time(n, || {
        rewind(&fd);
        sys::read_all(fd.0, &mut buffer)
    })?;
    if buffer.iter().all(|b| *b == 3) {
        Ok(took.moving(len))
    } else {
        Err(wrong("data"))
    }
}

/// As lmbench's `bw_file_rd io_only` does.
fn reread_sum(n: u64) -> io::Result<Took> {
    const LEN: usize = 1 << 20;
    let fd = file(LEN, 1)?;
    let mut buffer = vec![9u8; 64 << 10];
    let took = sys::time(n, || {
        rewind(&fd);
        let mut total = 0u64;
        for _ in 0..LEN / buffer.len() {
            sys::read_all(fd.0, &mut buffer)?;
            total = total.wrapping_add(sys::sum(&buffer));
        }
        sys::expect_ones(total, LEN)
    })?;
    Ok(took.moving(LEN))
}

fn rewrite(n: u64, len: usize) -> io::Result<Took> {
    let fd = file(len, 3)?;
    let data = vec![4u8; len];
    let took = sys::time(n, || {
        rewind(&fd);
        sys::write_all(fd.0, &data)
    })?;
    if std::fs::read("/tmp/bench-data")? == data {
        Ok(took.moving(len))
    } else {
        Err(wrong("data"))
    }
}

fn mmap_read(n: u64) -> io::Result<Took> {
    const LEN: usize = 1 << 20;
    let fd = file(LEN, 5)?;
    sys::time(n, || {
        let map = Map::new(LEN, libc::PROT_READ, libc::MAP_SHARED, fd.0)?;
        let sum: u64 = (0..LEN).step_by(512).map(|i| u64::from(map.load(i))).sum();
        if sum == 5 * (LEN as u64 / 512) {
            Ok(())
        } else {
            Err(wrong("mapped data"))
        }
    })
}

/// As lmbench's `bw_mmap_rd open2close` does.
fn mmap_sum(n: u64) -> io::Result<Took> {
    const LEN: usize = 1 << 20;
    drop(file(LEN, 1)?);
    let took = sys::time(n, || {
        let fd = sys::open(c"/tmp/bench-data", libc::O_RDONLY)?;
        let map = Map::new(LEN, libc::PROT_READ, libc::MAP_SHARED, fd.0)?;
        let total = map.sum();
        drop(fd);
        sys::expect_ones(total, LEN)
    })?;
    Ok(took.moving(LEN))
}
