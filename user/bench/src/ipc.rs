//! Two processes that talk: round trips, bandwidth, context switches.
use crate::sys::{self, Fd, Section, Took, check, wrong};
use crate::{Bench, bench};
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

pub(crate) const ALL: &[Bench] = &[
    bench("ipc/pipe", "round trip of 1 byte by pipes", pipe),
    bench("ipc/fifo", "round trip of 1 byte by FIFOs", fifo),
    bench(
        "ipc/unix_stream",
        "round trip of 1 byte by UNIX stream sockets",
        |n| unix(n, libc::SOCK_STREAM),
    ),
    bench(
        "ipc/unix_dgram",
        "round trip of 1 byte by UNIX datagrams",
        |n| unix(n, libc::SOCK_DGRAM),
    ),
    bench("ipc/eventfd", "round trip by eventfds", eventfd),
    bench("ipc/futex", "round trip by a futex", futex),
    bench(
        "ipc/pipe_bandwidth",
        "64 KiB through a pipe",
        pipe_bandwidth,
    ),
    bench("switch/2", "context switch among 2 processes", |n| {
        ring(n, 2)
    }),
    bench("switch/8", "context switch among 8 processes", |n| {
        ring(n, 8)
    }),
    bench("switch/16", "context switch among 16 processes", |n| {
        ring(n, 16)
    }),
    bench(
        "ipc/hackbench_pipe",
        "a message among 10 senders and 10 receivers by pipes",
        hackbench,
    ),
];

/// `n` round trips: the child echoes from `ask` to `answer`.
fn echo(n: u64, ask: (&Fd, &Fd), answer: (&Fd, &Fd), size: usize) -> io::Result<Took> {
    let mut buffer = vec![0u8; size];
    let pid = sys::child(|| {
        let mut buffer = vec![0u8; size];
        for _ in 0..n {
            sys::read_all(ask.0.0, &mut buffer)?;
            buffer[0] = buffer[0].wrapping_add(1);
            sys::write_all(answer.1.0, &buffer)?;
        }
        Ok(())
    })?;
    let mut value = 0u8;
    let ns = sys::time(n, || {
        buffer[0] = value;
        sys::write_all(ask.1.0, &buffer)?;
        sys::read_all(answer.0.0, &mut buffer)?;
        value = value.wrapping_add(1);
        if buffer[0] == value {
            Ok(())
        } else {
            Err(wrong("echo"))
        }
    })?;
    sys::reap(pid)?;
    Ok(ns)
}

fn pipe(n: u64) -> io::Result<Took> {
    let (a, b) = (sys::pipe()?, sys::pipe()?);
    echo(n, (&a.0, &a.1), (&b.0, &b.1), 1)
}

fn fifo(n: u64) -> io::Result<Took> {
    let make = |path: &std::ffi::CStr| -> io::Result<Fd> {
        // SAFETY: NUL-terminated paths.
        unsafe {
            libc::unlink(path.as_ptr());
            check(i64::from(libc::mkfifo(path.as_ptr(), 0o600)))?;
        }
        sys::open(path, libc::O_RDWR)
    };
    let (a, b) = (make(c"/tmp/bench-f1")?, make(c"/tmp/bench-f2")?);
    echo(n, (&a, &a), (&b, &b), 1)
}

fn unix(n: u64, kind: i32) -> io::Result<Took> {
    let mut fds = [0; 2];
    // SAFETY: room for two descriptors.
    check(i64::from(unsafe {
        libc::socketpair(libc::AF_UNIX, kind, 0, fds.as_mut_ptr())
    }))?;
    let (a, b) = (Fd(fds[0]), Fd(fds[1]));
    echo(n, (&b, &a), (&a, &b), 1)
}

fn eventfd(n: u64) -> io::Result<Took> {
    // SAFETY: calls without pointers.
    let make = || check(i64::from(unsafe { libc::eventfd(0, 0) })).map(|fd| Fd(fd as i32));
    let (a, b) = (make()?, make()?);
    let mut one = [0u8; 8];
    let pid = sys::child(|| {
        let mut got = [0u8; 8];
        for _ in 0..n {
            sys::read_all(a.0, &mut got)?;
            sys::write_all(b.0, &1u64.to_le_bytes())?;
        }
        Ok(())
    })?;
    let ns = sys::time(n, || {
        sys::write_all(a.0, &1u64.to_le_bytes())?;
        sys::read_all(b.0, &mut one)?;
        if u64::from_le_bytes(one) == 1 {
            Ok(())
        } else {
            Err(wrong("eventfd"))
        }
    })?;
    sys::reap(pid)?;
    Ok(ns)
}

fn futex_call(word: &AtomicU32, op: i32, value: u32) -> io::Result<()> {
    let none = std::ptr::null::<libc::timespec>();
    // SAFETY: the word is live and shared; a futex call only reads it.
    let r = unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), op, value, none, 0, 0) };
    match check(r) {
        Err(e) if e.raw_os_error() == Some(libc::EAGAIN) => Ok(()),
        other => other.map(drop),
    }
}

/// Waits until the word is `mine`, does its turn, hands over.
fn turn(word: &AtomicU32, mine: u32, next: u32) -> io::Result<()> {
    loop {
        let seen = word.load(Ordering::SeqCst);
        if seen == mine {
            break;
        }
        futex_call(word, libc::FUTEX_WAIT, seen)?;
    }
    word.store(next, Ordering::SeqCst);
    futex_call(word, libc::FUTEX_WAKE, 1)
}

fn futex(n: u64) -> io::Result<Took> {
    // SAFETY: a new shared page, alive to the end of this function; the word in it is only touched atomically.
    let page = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            4096,
            3,
            libc::MAP_SHARED | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if page == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: as above.
    let word = unsafe { &*page.cast::<AtomicU32>() };
    word.store(0, Ordering::SeqCst);
    let pid = sys::child(|| (0..n).try_for_each(|_| turn(word, 1, 0)))?;
    let ns = sys::time(n, || turn(word, 0, 1))?;
    sys::reap(pid)?;
    // SAFETY: nobody uses it any more.
    unsafe { libc::munmap(page, 4096) };
    Ok(ns)
}

fn pipe_bandwidth(n: u64) -> io::Result<Took> {
    const SIZE: usize = 65536;
    let (from, to) = sys::pipe()?;
    let pid = sys::child(|| {
        let data = vec![6u8; SIZE];
        (0..n).try_for_each(|_| sys::write_all(to.0, &data))
    })?;
    let mut data = vec![0u8; SIZE];
    let ns = sys::time(n, || sys::read_all(from.0, &mut data))?;
    sys::reap(pid)?;
    if data.iter().all(|b| *b == 6) {
        Ok(ns)
    } else {
        Err(wrong("data"))
    }
}

/// A token goes round `count` processes by pipes; the cost of the pipe calls themselves, measured in one process, is
/// taken off, as lmbench's lat_ctx does.
fn ring(n: u64, count: usize) -> io::Result<Took> {
    let rounds = n.div_ceil(count as u64);
    let pipes = (0..count)
        .map(|_| sys::pipe())
        .collect::<io::Result<Vec<_>>>()?;
    let mut byte = [0u8];
    let hop = |from: usize, byte: &mut [u8; 1]| {
        sys::read_all(pipes[from].0.0, byte)?;
        sys::write_all(pipes[(from + 1) % count].1.0, byte)
    };
    let warm = 64.max(rounds.min(1000));
    sys::write_all(pipes[0].1.0, &byte)?;
    let mut at = 0;
    let aside = sys::time_aside(warm, || {
        let from = at;
        at = (at + 1) % count;
        hop(from, &mut byte)
    })?;
    let overhead = aside * (rounds * count as u64) / warm;
    sys::read_all(pipes[warm as usize % count].0.0, &mut byte)?;
    let pids = (1..count)
        .map(|i| {
            sys::child(|| {
                let mut byte = [0u8];
                (0..rounds).try_for_each(|_| hop(i, &mut byte))
            })
        })
        .collect::<io::Result<Vec<_>>>()?;
    let section = Section::begin();
    for _ in 0..rounds {
        sys::write_all(pipes[1 % count].1.0, &byte)?;
        sys::read_all(pipes[0].0.0, &mut byte)?;
    }
    let ns = section.end();
    pids.into_iter().try_for_each(sys::reap)?;
    Ok(Took {
        iterations: rounds * count as u64,
        ns,
        overhead,
    })
}

fn hackbench(n: u64) -> io::Result<Took> {
    const PAIRS: usize = 10;
    let each = n.div_ceil((PAIRS * PAIRS) as u64);
    let pipes = (0..PAIRS)
        .map(|_| sys::pipe())
        .collect::<io::Result<Vec<_>>>()?;
    let section = Section::begin();
    let mut pids = Vec::new();
    for receiver in &pipes {
        pids.push(sys::child(|| {
            let mut message = [0u8; 100];
            (0..each * PAIRS as u64).try_for_each(|_| sys::read_all(receiver.0.0, &mut message))
        })?);
    }
    for _ in 0..PAIRS {
        pids.push(sys::child(|| {
            (0..each).try_for_each(|_| {
                pipes
                    .iter()
                    .try_for_each(|p| sys::write_all(p.1.0, &[1; 100]))
            })
        })?);
    }
    pids.into_iter().try_for_each(sys::reap)?;
    Ok(Took {
        iterations: each * (PAIRS * PAIRS) as u64,
        ns: section.end(),
        overhead: 0,
    })
}
