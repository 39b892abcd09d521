//! Many processes: what it costs to switch among them, and crowds of senders and receivers.
use crate::ipc::socket_pair;
use crate::sys::{self, Fd, Section, Took, check, wrong};
use crate::{Bench, bench};
use std::io;
use std::ops::Range;

/// A row of [`ring`]: so many processes, each of which reads so many KiB.
macro_rules! ring {
    ($count:literal) => {
        bench(
            concat!("switch/", $count),
            concat!("context switch among ", $count, " processes"),
            |n| ring(n, $count, 0),
        )
    };
    ($count:literal, $kib:literal) => {
        bench(
            concat!("switch/", $count, "_", $kib, "k"),
            concat!(
                "context switch among ",
                $count,
                " processes that read ",
                $kib,
                " KiB each"
            ),
            |n| ring(n, $count, $kib),
        )
    };
}

pub(crate) const ALL: &[Bench] = &[
    ring!(2),
    ring!(8),
    ring!(16),
    ring!(2, 16),
    ring!(8, 16),
    ring!(16, 16),
    ring!(2, 64),
    ring!(8, 64),
    ring!(16, 64),
    bench(
        "switch/yield",
        "sched_yield, two processes on a processor",
        yields,
    ),
    bench(
        "ipc/hackbench_pipe",
        "a message among 10 senders and 10 receivers by pipes",
        |n| hackbench(n, sys::pipe),
    ),
    bench(
        "ipc/hackbench_unix",
        "a message among 10 senders and 10 receivers by UNIX stream sockets",
        |n| hackbench(n, || socket_pair(libc::SOCK_STREAM)),
    ),
];

/// As lmbench's `lat_ctx` does: a token goes round `count` processes by pipes, and each reads its `kib` KiB when it has
/// it; less what the pipe calls and the reading cost in one process.
fn ring(n: u64, count: usize, kib: usize) -> io::Result<Took> {
    let rounds = n.div_ceil(count as u64);
    let hops = rounds * count as u64;
    let pipes = (0..count)
        .map(|_| sys::pipe())
        .collect::<io::Result<Vec<_>>>()?;
    let data = vec![1u8; kib << 10];
    let look = |data: &[u8]| sys::expect_ones(sys::sum(data), data.len());
    let get = |from: usize| {
        let mut token = [0u8; 4];
        sys::read_all(pipes[from % count].0.0, &mut token)?;
        Ok::<_, io::Error>(u32::from_ne_bytes(token))
    };
    let put = |to: usize, token: u32| sys::write_all(pipes[to % count].1.0, &token.to_ne_bytes());

    let mut at = 0;
    let overhead = sys::time_aside(hops, || {
        put(at, 7)?;
        let token = get(at)?;
        at = (at + 1) % count;
        look(&data)?;
        if token == 7 {
            Ok(())
        } else {
            Err(wrong("token"))
        }
    })?;
    let pids = (1..count)
        .map(|i| {
            sys::child(|| {
                let data = data.clone();
                for _ in 0..sys::warm(rounds) + rounds {
                    let token = get(i - 1)?;
                    look(&data)?;
                    put(i, token + 1)?;
                }
                Ok(())
            })
        })
        .collect::<io::Result<Vec<_>>>()?;
    let mut token = 0u32;
    let round = || {
        put(0, token)?;
        let back = get(count - 1)?;
        look(&data)?;
        token = token.wrapping_add(count as u32 - 1);
        if back == token {
            Ok(())
        } else {
            Err(wrong("token"))
        }
    };
    let took = sys::time_warm(rounds, round)?;
    pids.into_iter().try_for_each(sys::reap)?;
    Ok(Took {
        overhead,
        ..Took::new(hops, took.ns)
    })
}

/// Each of two processes on one CPU yields to the other.
fn yields(n: u64) -> io::Result<Took> {
    sys::pin(0)?;
    let (page, other) = (sys::Map::shared(4096)?, sys::Map::shared(4096)?);
    let order = std::sync::atomic::Ordering::Relaxed;
    // SAFETY: a call without arguments.
    let pass = || check(i64::from(unsafe { libc::sched_yield() })).map(drop);
    let pid = sys::child(|| {
        while page.word().load(order) == 0 {
            other.word().fetch_add(1, order);
            pass()?;
        }
        Ok(())
    })?;
    while other.word().load(order) == 0 {
        pass()?;
    }
    (0..sys::warm(n)).try_for_each(|_| pass())?;
    let before = other.word().load(order);
    let took = sys::time_exactly(n, pass)?;
    let runs = other.word().load(order).wrapping_sub(before);
    page.word().store(1, order);
    sys::reap(pid)?;
    // How often it lets the other one run is the kernel's affair, but it has to, once and again.
    if u64::from(runs) >= n / 1000 {
        Ok(Took::new(n + u64::from(runs), took.ns))
    } else {
        Err(wrong("turns"))
    }
}

/// Every sender writes to every receiver's pipe or socket; all start at once, once all are there.
fn hackbench(n: u64, make: impl Fn() -> io::Result<(Fd, Fd)>) -> io::Result<Took> {
    const PAIRS: usize = 10;
    const SIZE: usize = 100;
    let each = n.div_ceil((PAIRS * PAIRS) as u64);
    let ways = (0..PAIRS).map(|_| make()).collect::<io::Result<Vec<_>>>()?;
    let mut crowd = Crowd::new(each)?;
    for way in &ways {
        crowd.join(|turns| {
            let mut message = [0u8; SIZE];
            for _ in 0..(turns.end - turns.start) * PAIRS as u64 {
                sys::read_all(way.0.0, &mut message)?;
                if message != [1; SIZE] {
                    return Err(wrong("message"));
                }
            }
            Ok(())
        })?;
    }
    for _ in 0..PAIRS {
        crowd.join(|mut turns| {
            turns.try_for_each(|_| {
                ways.iter()
                    .try_for_each(|way| sys::write_all(way.1.0, &[1; SIZE]))
            })
        })?;
    }
    let ns = crowd.run()?;
    Ok(Took::new(each * (PAIRS * PAIRS) as u64, ns))
}

/// Processes that start to work together: a little to get warm, then what is timed.
pub(crate) struct Crowd {
    turns: [Range<u64>; 2],
    ready: (Fd, Fd),
    /// One for each of `turns`: who is done early must not take another's word to start.
    go: [(Fd, Fd); 2],
    done: (Fd, Fd),
    pids: Vec<i32>,
}

impl Crowd {
    /// Nobody yet; everybody will do `each` turns.
    pub(crate) fn new(each: u64) -> io::Result<Self> {
        Ok(Self {
            turns: turns(each),
            ready: sys::pipe()?,
            go: [sys::pipe()?, sys::pipe()?],
            done: sys::pipe()?,
            pids: Vec::new(),
        })
    }

    /// A process that does `work(which turns)` when all are there.
    pub(crate) fn join(&mut self, work: impl Fn(Range<u64>) -> io::Result<()>) -> io::Result<()> {
        let pid = sys::child(|| {
            for (turns, go) in self.turns.iter().zip(&self.go) {
                sys::write_all(self.ready.1.0, b"r")?;
                sys::read_all(go.0.0, &mut [0])?;
                work(turns.clone())?;
                sys::write_all(self.done.1.0, b"d")?;
            }
            Ok(())
        })?;
        self.pids.push(pid);
        Ok(())
    }

    /// The same, on a processor of its own.
    pub(crate) fn join_pinned(
        &mut self,
        processor: usize,
        work: impl Fn(Range<u64>) -> io::Result<()>,
    ) -> io::Result<()> {
        self.join(|turns| {
            sys::pin(processor)?;
            work(turns)
        })
    }

    /// Has all work; the section from the start to when the last is done.
    pub(crate) fn run(self) -> io::Result<u64> {
        let mut bytes = vec![0u8; self.pids.len()];
        let [warm, timed] = &self.go;
        sys::read_all(self.ready.0.0, &mut bytes)?;
        sys::write_all(warm.1.0, &bytes)?;
        sys::read_all(self.done.0.0, &mut bytes)?;
        sys::read_all(self.ready.0.0, &mut bytes)?;
        let section = Section::begin();
        sys::write_all(timed.1.0, &bytes)?;
        sys::read_all(self.done.0.0, &mut bytes)?;
        let ns = section.end();
        self.pids.into_iter().try_for_each(sys::reap)?;
        Ok(ns)
    }
}

/// The turns to get warm and those that are timed.
pub(crate) fn turns(each: u64) -> [Range<u64>; 2] {
    let warm = sys::warm(each);
    [0..warm, warm..warm + each]
}
