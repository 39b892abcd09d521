//! The same work on every processor at once, each worker on one of its own: what it costs that others do it too.
//!
//! An iteration is one operation of one worker, and `ns` is the time from the start to the end of all, divided by all
//! iterations. So with the instruction counter as the clock, which all processors advance, it is what an operation costs
//! and stays level where nobody waits; by the wall clock it halves with twice the processors.
use crate::ipc::socket_pair;
use crate::process;
use crate::switch::{Crowd, turns};
use crate::sys::{self, Fd, Map, READ_WRITE, Section, Took, check, wrong};
use crate::{Bench, scaling};
use std::ffi::CString;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

pub(crate) const ALL: &[Bench] = &[
    scaling("scaling/null", "getppid, on every processor", null),
    scaling(
        "scaling/open_close",
        "open and close of one file by a process on every processor",
        open_close,
    ),
    scaling(
        "scaling/create",
        "create and unlink in one directory by a process on every processor",
        create,
    ),
    scaling(
        "scaling/anon_fault",
        "first store to a page by a thread on every processor",
        anon_fault,
    ),
    scaling(
        "scaling/map_unmap",
        "map, touch and unmap a page by a thread on every processor",
        map_unmap,
    ),
    scaling(
        "scaling/fork",
        "fork, exit, wait by a process on every processor",
        fork,
    ),
    scaling(
        "scaling/exec",
        "fork, exec, wait by a process on every processor",
        exec,
    ),
    scaling(
        "scaling/pipe",
        "round trip by pipes of a pair of processes on every processor",
        pipe,
    ),
    scaling(
        "scaling/unix",
        "round trip by UNIX stream sockets of a pair of processes on every processor",
        unix,
    ),
    scaling(
        "scaling/pipe_shared",
        "64 bytes through one pipe with a writer and a reader on every processor",
        pipe_shared,
    ),
    scaling(
        "scaling/futex",
        "a lock (futex) taken and given back by a thread on every processor",
        futex,
    ),
];

/// Processes, one on each processor, that each run `work(which, which turns)`.
fn processes(n: u64, work: impl Fn(usize, Range<u64>) -> io::Result<()>) -> io::Result<Took> {
    let count = sys::processors()?;
    let each = n.div_ceil(count as u64);
    let mut crowd = Crowd::new(each)?;
    for which in 0..count {
        crowd.join_pinned(which, |turns| work(which, turns))?;
    }
    Ok(Took::new(each * count as u64, crowd.run()?))
}

/// Threads of one process, one on each processor, that each run `work(which, which turns)`.
fn threads(n: u64, work: impl Fn(usize, Range<u64>) -> io::Result<()> + Sync) -> io::Result<Took> {
    let count = sys::processors()?;
    let each = n.div_ceil(count as u64);
    let (ready, go, done) = (sys::pipe()?, sys::pipe()?, sys::pipe()?);
    let mut bytes = vec![0u8; count];
    let ns = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..count)
            .map(|which| {
                let (work, ready, go, done) = (&work, &ready, &go, &done);
                scope.spawn(move || {
                    let [warm, timed] = turns(each);
                    let warmed = sys::pin(which).and_then(|()| work(which, warm));
                    sys::write_all(ready.1.0, b"r")?;
                    sys::read_all(go.0.0, &mut [0])?;
                    let worked = warmed.and_then(|()| work(which, timed));
                    sys::write_all(done.1.0, b"d")?;
                    worked
                })
            })
            .collect();
        sys::read_all(ready.0.0, &mut bytes)?;
        let section = Section::begin();
        sys::write_all(go.1.0, &bytes)?;
        sys::read_all(done.0.0, &mut bytes)?;
        let ns = section.end();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().map_err(|_| wrong("thread"))?)
            .map(|()| ns)
    })?;
    Ok(Took::new(each * count as u64, ns))
}

fn null(n: u64) -> io::Result<Took> {
    processes(n, |_, mut turns| {
        // SAFETY: a call without arguments.
        let call = || unsafe { libc::syscall(libc::SYS_getppid) };
        let parent = call();
        if turns.all(|_| call() == parent) {
            Ok(())
        } else {
            Err(wrong("getppid"))
        }
    })
}

fn open_close(n: u64) -> io::Result<Took> {
    std::fs::write("/tmp/bench-shared", b"x")?;
    processes(n, |_, mut turns| {
        turns.try_for_each(|_| sys::open(c"/tmp/bench-shared", libc::O_RDONLY).map(drop))
    })
}

fn create(n: u64) -> io::Result<Took> {
    std::fs::create_dir_all("/tmp/bench-common")?;
    processes(n, |which, mut turns| {
        let name = CString::new(format!("/tmp/bench-common/{which}"))?;
        turns.try_for_each(|_| {
            sys::open(&name, libc::O_CREAT | libc::O_EXCL | libc::O_WRONLY)?;
            // SAFETY: a NUL-terminated path.
            check(i64::from(unsafe { libc::unlink(name.as_ptr()) })).map(drop)
        })
    })
}

/// Every thread has its share of one mapping.
fn anon_fault(n: u64) -> io::Result<Took> {
    const PAGE: usize = 4096;
    let count = sys::processors()?;
    let pages = n.clamp(2 * count as u64, 16384).div_ceil(count as u64);
    let [_, timed] = turns(pages);
    let share = (timed.end as usize * PAGE).next_multiple_of(2 << 20);
    let map = Map::private(share * count)?;
    let shared = &map;
    let took = threads(pages * count as u64, |which, mut turns| {
        turns.all(|page| {
            shared.store(which * share + page as usize * PAGE, 1);
            true
        });
        Ok(())
    })?;
    let stored =
        |which: usize| (0..timed.end as usize).all(|p| map.load(which * share + p * PAGE) == 1);
    if (0..count).all(stored) {
        Ok(took)
    } else {
        Err(wrong("pages"))
    }
}

fn map_unmap(n: u64) -> io::Result<Took> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    threads(n, |_, mut turns| {
        turns.try_for_each(|_| {
            let map = Map::new(4096, READ_WRITE, flags, -1)?;
            map.store(0, 1);
            Ok(())
        })
    })
}

fn fork(n: u64) -> io::Result<Took> {
    processes(n, |_, mut turns| {
        turns.try_for_each(|_| sys::reap(sys::child(|| Ok(()))?))
    })
}

fn exec(n: u64) -> io::Result<Took> {
    let path = process::tiny()?;
    processes(n, |_, mut turns| {
        turns.try_for_each(|_| sys::reap(sys::child(|| process::exec(path, &[path]))?))
    })
}

/// Pairs that echo, both on the same processor; `make` gives a way there or back, to read and to write.
fn echoes(n: u64, make: impl Fn() -> io::Result<(Fd, Fd)>) -> io::Result<Took> {
    let count = sys::processors()?;
    let each = n.div_ceil(count as u64);
    let mut crowd = Crowd::new(each)?;
    let ways = (0..count)
        .map(|_| Ok((make()?, make()?)))
        .collect::<io::Result<Vec<_>>>()?;
    for (which, (to, fro)) in ways.iter().enumerate() {
        crowd.join_pinned(which, |mut turns| {
            turns.try_for_each(|i| {
                let mut byte = [0u8];
                sys::write_all(to.1.0, &[i as u8])?;
                sys::read_all(fro.0.0, &mut byte)?;
                if byte[0] == (i as u8).wrapping_add(1) {
                    Ok(())
                } else {
                    Err(wrong("echo"))
                }
            })
        })?;
        crowd.join_pinned(which, |mut turns| {
            turns.try_for_each(|_| {
                let mut byte = [0u8];
                sys::read_all(to.0.0, &mut byte)?;
                sys::write_all(fro.1.0, &[byte[0].wrapping_add(1)])
            })
        })?;
    }
    Ok(Took::new(each * count as u64, crowd.run()?))
}

fn pipe(n: u64) -> io::Result<Took> {
    echoes(n, sys::pipe)
}

fn unix(n: u64) -> io::Result<Took> {
    echoes(n, || socket_pair(libc::SOCK_STREAM))
}

/// A writer and a reader for every processor share one pipe; what goes in comes out.
fn pipe_shared(n: u64) -> io::Result<Took> {
    let count = sys::processors()?;
    let each = n.div_ceil(count as u64);
    let (from, to) = sys::pipe()?;
    let sum = Map::shared(4096)?;
    let mut crowd = Crowd::new(each)?;
    for which in 0..count {
        crowd.join_pinned(which, |turns| {
            let mut message = [0u8; 64];
            let mut seen = 0u32;
            for _ in turns {
                sys::read_all(from.0, &mut message)?;
                seen = seen.wrapping_add(u32::from(message[0]));
                if message != [message[0]; 64] {
                    return Err(wrong("a message came in pieces"));
                }
            }
            sum.word().fetch_add(seen, Ordering::SeqCst);
            Ok(())
        })?;
        crowd.join_pinned(which, |mut turns| {
            turns.try_for_each(|i| sys::write_all(to.0, &[i as u8; 64]))
        })?;
    }
    let ns = crowd.run()?;
    let [_, timed] = turns(each);
    let expected = (0..timed.end).fold(0u32, |sum, i| sum.wrapping_add(u32::from(i as u8)));
    if sum.word().load(Ordering::SeqCst) == expected.wrapping_mul(count as u32) {
        Ok(Took::new(each * count as u64, ns))
    } else {
        Err(wrong("sum of the messages"))
    }
}

/// The lock is free (0), taken (1), or taken and waited for (2).
fn futex(n: u64) -> io::Result<Took> {
    let word = AtomicU32::new(0);
    let inside = AtomicU32::new(0);
    let call = |operation: i32, value: u32| {
        let none = std::ptr::null::<libc::timespec>();
        // SAFETY: the word is live; a futex call only reads it.
        unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, value, none, 0, 0) };
    };
    let took = threads(n, |_, turns| {
        for _ in turns {
            if word.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed) != Ok(0) {
                while word.swap(2, Ordering::Acquire) != 0 {
                    call(libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG, 2);
                }
            }
            // Read and written apart: right only if nobody else does it meanwhile.
            let seen = inside.load(Ordering::Relaxed);
            // SAFETY: a call without arguments.
            unsafe { libc::syscall(libc::SYS_getppid) };
            inside.store(seen + 1, Ordering::Relaxed);
            if word.swap(0, Ordering::Release) == 2 {
                call(libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG, 1);
            }
        }
        Ok(())
    })?;
    let count = sys::processors()? as u64;
    let [_, timed] = turns(took.iterations / count);
    if u64::from(inside.load(Ordering::SeqCst)) == timed.end * count {
        Ok(took)
    } else {
        Err(wrong("two had the lock"))
    }
}
