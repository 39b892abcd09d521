//! Waiting for descriptors: poll, select and epoll with few and many of them.
use crate::sys::{self, Fd, Took, check, wrong};
use crate::{Bench, bench};
use std::io;

pub(crate) const ALL: &[Bench] = &[
    bench("poll/10", "poll of 10 pipes, one ready", |n| poll(n, 10)),
    bench("poll/100", "poll of 100 pipes, one ready", |n| poll(n, 100)),
    bench("poll/1000", "poll of 1000 pipes, one ready", |n| {
        poll(n, 1000)
    }),
    bench("select/100", "select of 100 files, all ready", select),
    bench("epoll/10", "epoll_wait of 10 pipes, one ready", |n| {
        epoll(n, 10)
    }),
    bench("epoll/100", "epoll_wait of 100 pipes, one ready", |n| {
        epoll(n, 100)
    }),
    bench("epoll/1000", "epoll_wait of 1000 pipes, one ready", |n| {
        epoll(n, 1000)
    }),
    bench("epoll/add_remove", "watch a pipe and forget it", add_remove),
];

/// Room for as many descriptors as 1000 pipes take.
fn many() -> io::Result<()> {
    let limit = libc::rlimit {
        rlim_cur: 4096,
        rlim_max: 4096,
    };
    // SAFETY: a valid limit.
    check(i64::from(unsafe {
        libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit)
    }))
    .map(drop)
}

fn pipes(count: usize) -> io::Result<Vec<(Fd, Fd)>> {
    if count > 500 {
        many()?;
    }
    (0..count).map(|_| sys::pipe()).collect()
}

fn poll(n: u64, count: usize) -> io::Result<Took> {
    let pipes = pipes(count)?;
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
            libc::poll(fds.as_mut_ptr(), count as libc::nfds_t, -1)
        }))?;
        if ready == 1 && fds[count - 1].revents == libc::POLLIN {
            Ok(())
        } else {
            Err(wrong("poll"))
        }
    })
}

/// As lmbench's `lat_select file` does: duplicates of one file, to be written, no waiting.
fn select(n: u64) -> io::Result<Took> {
    const COUNT: usize = 100;
    let file = sys::open(c"/tmp/bench-select", libc::O_RDONLY | libc::O_CREAT)?;
    // SAFETY: duplicating a number.
    let copy = || check(i64::from(unsafe { libc::dup(file.0) })).map(|fd| Fd(fd as i32));
    let files = (0..COUNT).map(|_| copy()).collect::<io::Result<Vec<_>>>()?;
    // SAFETY: all zeroes is an empty set; the descriptors are far below its size.
    let all = unsafe {
        let mut set: libc::fd_set = std::mem::zeroed();
        for file in &files {
            libc::FD_SET(file.0, &raw mut set);
        }
        set
    };
    let end = files[COUNT - 1].0 + 1;
    sys::time(n, || {
        let (mut set, none) = (all, std::ptr::null_mut());
        let mut timeout = libc::timeval {
            tv_sec: 0,
            tv_usec: 0,
        };
        // SAFETY: a set of its own and a time-out.
        let ready = check(i64::from(unsafe {
            libc::select(end, none, &raw mut set, none, &raw mut timeout)
        }))?;
        if ready == COUNT as i64 {
            Ok(())
        } else {
            Err(wrong("select"))
        }
    })
}

fn new_epoll() -> io::Result<Fd> {
    // SAFETY: a call without pointers.
    check(i64::from(unsafe { libc::epoll_create1(0) })).map(|fd| Fd(fd as i32))
}

fn control(ep: &Fd, operation: i32, fd: &Fd, data: u64) -> io::Result<()> {
    let mut event = libc::epoll_event {
        events: libc::EPOLLIN as u32,
        u64: data,
    };
    // SAFETY: a valid event.
    check(i64::from(unsafe {
        libc::epoll_ctl(ep.0, operation, fd.0, &raw mut event)
    }))
    .map(drop)
}

fn epoll(n: u64, count: usize) -> io::Result<Took> {
    let (ep, pipes) = (new_epoll()?, pipes(count)?);
    for (i, pipe) in pipes.iter().enumerate() {
        control(&ep, libc::EPOLL_CTL_ADD, &pipe.0, i as u64)?;
    }
    let chosen = count / 2 - 1;
    sys::write_all(pipes[chosen].1.0, b"x")?;
    let mut out = [libc::epoll_event { events: 0, u64: 0 }; 8];
    sys::time(n, || {
        // SAFETY: room for eight events.
        let ready = check(i64::from(unsafe {
            libc::epoll_wait(ep.0, out.as_mut_ptr(), 8, -1)
        }))?;
        let data = out[0].u64;
        if ready == 1 && data == chosen as u64 {
            Ok(())
        } else {
            Err(wrong("epoll"))
        }
    })
}

fn add_remove(n: u64) -> io::Result<Took> {
    let (ep, pipe) = (new_epoll()?, sys::pipe()?);
    sys::time(n, || {
        control(&ep, libc::EPOLL_CTL_ADD, &pipe.0, 1)?;
        control(&ep, libc::EPOLL_CTL_DEL, &pipe.0, 1)
    })
}
