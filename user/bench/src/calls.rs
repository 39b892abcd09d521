//! The cheapest calls: what the boundary itself costs.
use crate::sys::{self, Took, check, wrong};
use crate::{Bench, bench};
use std::io;

pub(crate) const ALL: &[Bench] = &[
    bench("call/null", "getppid", null),
    bench("call/read", "read 1 byte of /dev/zero", read),
    bench("call/write", "write 1 byte to /dev/null", write),
    bench("call/fcntl_lock", "lock and unlock", fcntl_lock),
    bench("call/clock", "clock_gettime by system call", clock),
];

fn null(n: u64) -> io::Result<Took> {
    // SAFETY: a call without arguments.
    let parent = unsafe { libc::getppid() };
    sys::time(n, || {
        // SAFETY: as above.
        let got = unsafe { libc::getppid() };
        if got == parent {
            Ok(())
        } else {
            Err(wrong("getppid"))
        }
    })
}

fn read(n: u64) -> io::Result<Took> {
    let fd = sys::open(c"/dev/zero", libc::O_RDONLY)?;
    sys::time(n, || {
        let mut byte = 1u8;
        // SAFETY: room for a byte.
        let got = unsafe { libc::read(fd.0, (&raw mut byte).cast(), 1) };
        if check(got as i64)? == 1 && byte == 0 {
            Ok(())
        } else {
            Err(wrong("/dev/zero"))
        }
    })
}

fn write(n: u64) -> io::Result<Took> {
    let fd = sys::open(c"/dev/null", libc::O_WRONLY)?;
    sys::time(n, || sys::write_all(fd.0, &[1]))
}

fn fcntl_lock(n: u64) -> io::Result<Took> {
    let fd = sys::open(c"/tmp/bench-lock", libc::O_RDWR | libc::O_CREAT)?;
    let set = |kind: i32| {
        let lock = libc::flock {
            l_type: kind as i16,
            l_whence: 0,
            l_start: 0,
            l_len: 1,
            l_pid: 0,
        };
        // SAFETY: a valid `struct flock`.
        check(i64::from(unsafe {
            libc::fcntl(fd.0, libc::F_SETLK, &raw const lock)
        }))
        .map(drop)
    };
    sys::time(n, || set(libc::F_WRLCK).and_then(|()| set(libc::F_UNLCK)))
}

fn clock(n: u64) -> io::Result<Took> {
    let mut t = libc::timespec {
        tv_sec: 0,
        tv_nsec: -1,
    };
    let ns = sys::time(n, || {
        // SAFETY: a valid place for the answer.
        check(unsafe { libc::syscall(libc::SYS_clock_gettime, libc::CLOCK_MONOTONIC, &raw mut t) })
            .map(drop)
    })?;
    if t.tv_nsec >= 0 {
        Ok(ns)
    } else {
        Err(wrong("clock_gettime"))
    }
}
