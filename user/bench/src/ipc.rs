//! Two processes that talk by bytes: round trips, connections, bandwidth.
use crate::sys::{self, Fd, Took, check, wrong};
use crate::{Bench, bench};
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};

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
    bench(
        "ipc/unix_connect",
        "connect to a UNIX socket, be accepted, close",
        unix_connect,
    ),
    bench("ipc/eventfd", "round trip by eventfds", eventfd),
    bench(
        "ipc/pipe_bandwidth_64",
        "64 bytes through a pipe, 64 at a time",
        |n| pipe_bandwidth(n, 64),
    ),
    bench(
        "ipc/pipe_bandwidth_4k",
        "4 KiB through a pipe, 4 KiB at a time",
        |n| pipe_bandwidth(n, 4 << 10),
    ),
    bench("ipc/pipe_bandwidth", "64 KiB through a pipe", |n| {
        pipe_bandwidth(n, 64 << 10)
    }),
    bench(
        "ipc/pipe_bandwidth_1m",
        "1 MiB through a pipe, 1 MiB at a time",
        |n| pipe_bandwidth(n, 1 << 20),
    ),
    bench(
        "ipc/unix_bandwidth_64",
        "64 bytes through UNIX stream sockets, 64 at a time",
        |n| unix_bandwidth(n, 64),
    ),
    bench(
        "ipc/unix_bandwidth_4k",
        "4 KiB through UNIX stream sockets, 4 KiB at a time",
        |n| unix_bandwidth(n, 4 << 10),
    ),
    bench(
        "ipc/unix_bandwidth",
        "64 KiB through UNIX stream sockets",
        |n| unix_bandwidth(n, 64 << 10),
    ),
    bench(
        "ipc/unix_bandwidth_1m",
        "1 MiB through UNIX stream sockets, 1 MiB at a time",
        |n| unix_bandwidth(n, 1 << 20),
    ),
];

/// `n` round trips of a byte: the child sends back one more than it got. Each end is a descriptor to read and one to
/// write.
pub(crate) fn echo(n: u64, here: (&Fd, &Fd), there: (&Fd, &Fd)) -> io::Result<Took> {
    let (mut byte, mut value) = ([0u8], 0u8);
    let ask = || {
        sys::write_all(here.1.0, &[value])?;
        sys::read_all(here.0.0, &mut byte)?;
        value = value.wrapping_add(1);
        if byte[0] == value {
            Ok(())
        } else {
            Err(wrong("echo"))
        }
    };
    let mut got = [0u8];
    let answer = || {
        sys::read_all(there.0.0, &mut got)?;
        sys::write_all(there.1.0, &[got[0].wrapping_add(1)])
    };
    sys::round_trips(n, ask, answer)
}

fn pipe(n: u64) -> io::Result<Took> {
    let (to, fro) = (sys::pipe()?, sys::pipe()?);
    echo(n, (&fro.0, &to.1), (&to.0, &fro.1))
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
    let (to, fro) = (make(c"/tmp/bench-f1")?, make(c"/tmp/bench-f2")?);
    echo(n, (&fro, &to), (&to, &fro))
}

/// socketpair(2).
pub(crate) fn socket_pair(kind: i32) -> io::Result<(Fd, Fd)> {
    let mut fds = [0; 2];
    // SAFETY: room for two descriptors.
    check(i64::from(unsafe {
        libc::socketpair(libc::AF_UNIX, kind, 0, fds.as_mut_ptr())
    }))?;
    Ok((Fd(fds[0]), Fd(fds[1])))
}

fn unix(n: u64, kind: i32) -> io::Result<Took> {
    let (a, b) = socket_pair(kind)?;
    echo(n, (&a, &a), (&b, &b))
}

/// As lmbench's `lat_unix_connect` does: the server reads until the end of file, then takes the next.
fn unix_connect(n: u64) -> io::Result<Took> {
    const NAME: &str = "/tmp/bench-socket";
    let _ = std::fs::remove_file(NAME);
    let server = UnixListener::bind(NAME)?;
    let pid = sys::child(|| {
        for _ in 0..sys::warm(n) + n {
            let (client, _) = server.accept()?;
            if io::Read::read(&mut &client, &mut [0])? != 0 {
                return Err(wrong("data"));
            }
        }
        Ok(())
    })?;
    let took = sys::time_warm(n, || UnixStream::connect(NAME).map(drop))?;
    sys::reap(pid)?;
    Ok(took)
}

fn eventfd(n: u64) -> io::Result<Took> {
    // SAFETY: calls without pointers.
    let make = || check(i64::from(unsafe { libc::eventfd(0, 0) })).map(|fd| Fd(fd as i32));
    let (to, fro) = (make()?, make()?);
    let one = 1u64.to_ne_bytes();
    let mut got = [0u8; 8];
    let ask = || {
        sys::write_all(to.0, &one)?;
        sys::read_all(fro.0, &mut got)?;
        if got == one {
            Ok(())
        } else {
            Err(wrong("eventfd"))
        }
    };
    let mut asked = [0u8; 8];
    let answer = || {
        sys::read_all(to.0, &mut asked)?;
        sys::write_all(fro.0, &one)
    };
    sys::round_trips(n, ask, answer)
}

/// `n` messages of `size` bytes from a child. Each starts with its number, so that none gets lost unseen.
fn bandwidth(n: u64, size: usize, from: &Fd, to: &Fd) -> io::Result<Took> {
    let pid = sys::child(|| {
        let mut data = vec![6u8; size];
        for i in 0..sys::warm(n) + n {
            data[..8].copy_from_slice(&i.to_ne_bytes());
            sys::write_all(to.0, &data)?;
        }
        Ok(())
    })?;
    let mut data = vec![0u8; size];
    let mut next = 0u64;
    let took = sys::time_warm(n, || {
        sys::read_all(from.0, &mut data)?;
        if data[..8] != next.to_ne_bytes() {
            return Err(wrong("message"));
        }
        next += 1;
        Ok(())
    })?;
    sys::reap(pid)?;
    if data[8..].iter().all(|b| *b == 6) {
        Ok(took.moving(size))
    } else {
        Err(wrong("data"))
    }
}

fn pipe_bandwidth(n: u64, size: usize) -> io::Result<Took> {
    let (from, to) = sys::pipe()?;
    bandwidth(n, size, &from, &to)
}

fn unix_bandwidth(n: u64, size: usize) -> io::Result<Took> {
    let (from, to) = socket_pair(libc::SOCK_STREAM)?;
    bandwidth(n, size, &from, &to)
}
