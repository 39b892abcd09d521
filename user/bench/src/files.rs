//! Names, descriptors and file data.
use crate::sys::{self, Took, check, wrong};
use crate::{Bench, bench};
use std::ffi::CStr;
use std::io;

pub(crate) const ALL: &[Bench] = &[
    bench("file/stat", "stat of a file three deep", stat),
    bench("file/fstat", "fstat", fstat),
    bench("file/open_close", "open and close", open_close),
    bench(
        "file/create_0k",
        "create and unlink an empty file",
        create_0k,
    ),
    bench(
        "file/create_10k",
        "create, write 10 KiB, unlink",
        create_10k,
    ),
    bench("file/rename", "rename there and back", rename),
    bench("file/readdir", "read a directory of 100", readdir),
    bench("file/reread", "read 64 KiB of cached file", reread),
    bench(
        "file/mmap_read",
        "map, sum and unmap 1 MiB of cached file",
        mmap_read,
    ),
    bench("poll/10", "poll of 10 pipes, one ready", |n| poll(n, 10)),
    bench("poll/100", "poll of 100 pipes, one ready", |n| poll(n, 100)),
    bench("epoll/100", "epoll_wait of 100 pipes, one ready", epoll),
];

const DEEP: &CStr = c"/tmp/bench-a/b/file";

fn deep() -> io::Result<()> {
    std::fs::create_dir_all("/tmp/bench-a/b")?;
    std::fs::write("/tmp/bench-a/b/file", b"x")
}

fn stat(n: u64) -> io::Result<Took> {
    deep()?;
    // SAFETY: all zeroes is a valid `struct stat`.
    let mut st: libc::stat = unsafe { std::mem::zeroed() };
    sys::time(n, || {
        // SAFETY: a NUL-terminated path and a place for the answer.
        check(i64::from(unsafe { libc::stat(DEEP.as_ptr(), &raw mut st) }))?;
        if st.st_size == 1 {
            Ok(())
        } else {
            Err(wrong("stat"))
        }
    })
}

fn fstat(n: u64) -> io::Result<Took> {
    deep()?;
    let fd = sys::open(DEEP, libc::O_RDONLY)?;
    // SAFETY: all zeroes is a valid `struct stat`.
    let mut st: libc::stat = unsafe { std::mem::zeroed() };
    sys::time(n, || {
        // SAFETY: a place for the answer.
        check(i64::from(unsafe { libc::fstat(fd.0, &raw mut st) }))?;
        if st.st_size == 1 {
            Ok(())
        } else {
            Err(wrong("fstat"))
        }
    })
}

fn open_close(n: u64) -> io::Result<Took> {
    deep()?;
    sys::time(n, || sys::open(DEEP, libc::O_RDONLY).map(drop))
}

fn create(n: u64, data: &[u8]) -> io::Result<Took> {
    const NAME: &CStr = c"/tmp/bench-new";
    sys::time(n, || {
        let fd = sys::open(NAME, libc::O_CREAT | libc::O_EXCL | libc::O_WRONLY)?;
        if !data.is_empty() {
            sys::write_all(fd.0, data)?;
        }
        drop(fd);
        // SAFETY: a NUL-terminated path.
        check(i64::from(unsafe { libc::unlink(NAME.as_ptr()) })).map(drop)
    })
}

fn create_0k(n: u64) -> io::Result<Took> {
    create(n, &[])
}

fn create_10k(n: u64) -> io::Result<Took> {
    create(n, &[7; 10240])
}

fn rename(n: u64) -> io::Result<Took> {
    std::fs::write("/tmp/bench-from", b"x")?;
    let mv = |a: &CStr, b: &CStr| {
        // SAFETY: NUL-terminated paths.
        check(i64::from(unsafe { libc::rename(a.as_ptr(), b.as_ptr()) })).map(drop)
    };
    sys::time(n, || {
        mv(c"/tmp/bench-from", c"/tmp/bench-to")
            .and_then(|()| mv(c"/tmp/bench-to", c"/tmp/bench-from"))
    })
}

fn readdir(n: u64) -> io::Result<Took> {
    std::fs::create_dir_all("/tmp/bench-dir")?;
    for i in 0..100 {
        std::fs::write(format!("/tmp/bench-dir/{i}"), b"")?;
    }
    sys::time(n, || {
        let count = std::fs::read_dir("/tmp/bench-dir")?.count();
        if count == 100 {
            Ok(())
        } else {
            Err(wrong("readdir"))
        }
    })
}

fn reread(n: u64) -> io::Result<Took> {
    std::fs::write("/tmp/bench-data", vec![3; 65536])?;
    let fd = sys::open(c"/tmp/bench-data", libc::O_RDONLY)?;
    let mut buffer = vec![0u8; 65536];
    let ns = sys::time(n, || {
        // SAFETY: seeking is memory-safe; the buffer is writable.
        unsafe { libc::lseek(fd.0, 0, libc::SEEK_SET) };
        sys::read_all(fd.0, &mut buffer)
    })?;
    if buffer.iter().all(|b| *b == 3) {
        Ok(ns)
    } else {
        Err(wrong("data"))
    }
}

fn mmap_read(n: u64) -> io::Result<Took> {
    const LEN: usize = 1 << 20;
    std::fs::write("/tmp/bench-map", vec![5; LEN])?;
    let fd = sys::open(c"/tmp/bench-map", libc::O_RDONLY)?;
    sys::time(n, || {
        // SAFETY: a new mapping at an address the kernel picks; read within its length, then unmapped.
        unsafe {
            let p = libc::mmap(
                std::ptr::null_mut(),
                LEN,
                libc::PROT_READ,
                libc::MAP_SHARED,
                fd.0,
                0,
            );
            if p == libc::MAP_FAILED {
                return Err(io::Error::last_os_error());
            }
            let sum: u64 = (0..LEN)
                .step_by(512)
                .map(|i| u64::from(p.cast::<u8>().add(i).read_volatile()))
                .sum();
            libc::munmap(p, LEN);
            if sum == 5 * (LEN as u64 / 512) {
                Ok(())
            } else {
                Err(wrong("mapped data"))
            }
        }
    })
}

fn poll(n: u64, count: usize) -> io::Result<Took> {
    let pipes = (0..count)
        .map(|_| sys::pipe())
        .collect::<io::Result<Vec<_>>>()?;
    sys::write_all(pipes[count - 1].1.0, b"x")?;
    let mut fds: Vec<_> = pipes
        .iter()
        .map(|p| libc::pollfd {
            fd: p.0.0,
            events: libc::POLLIN,
            revents: 0,
        })
        .collect();
    sys::time(n, || {
        // SAFETY: `fds` is an array of that length.
        let ready = check(i64::from(unsafe {
            libc::poll(fds.as_mut_ptr(), count as u64, -1)
        }))?;
        if ready == 1 && fds[count - 1].revents == libc::POLLIN {
            Ok(())
        } else {
            Err(wrong("poll"))
        }
    })
}

fn epoll(n: u64) -> io::Result<Took> {
    // SAFETY: a call without pointers.
    let ep = sys::Fd(check(i64::from(unsafe { libc::epoll_create1(0) }))? as i32);
    let pipes = (0..100)
        .map(|_| sys::pipe())
        .collect::<io::Result<Vec<_>>>()?;
    for (i, pipe) in pipes.iter().enumerate() {
        let mut event = libc::epoll_event {
            events: libc::EPOLLIN as u32,
            u64: i as u64,
        };
        // SAFETY: a valid event.
        check(i64::from(unsafe {
            libc::epoll_ctl(ep.0, libc::EPOLL_CTL_ADD, pipe.0.0, &raw mut event)
        }))?;
    }
    sys::write_all(pipes[42].1.0, b"x")?;
    let mut out = [libc::epoll_event { events: 0, u64: 0 }; 8];
    sys::time(n, || {
        // SAFETY: room for eight events.
        let ready = check(i64::from(unsafe {
            libc::epoll_wait(ep.0, out.as_mut_ptr(), 8, -1)
        }))?;
        let data = out[0].u64;
        if ready == 1 && data == 42 {
            Ok(())
        } else {
            Err(wrong("epoll"))
        }
    })
}
