//! Thin, checked calls into libc: each turns -1 into an error.
use std::io;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// -1 is an error, all else a value.
pub(crate) fn check(result: i64) -> io::Result<i64> {
    if result == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// A failed verification.
pub(crate) fn wrong(what: &str) -> io::Error {
    io::Error::other(format!("wrong result: {what}"))
}

/// The monotonic clock, ns.
pub(crate) fn now() -> u64 {
    let mut t = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `t` is a valid place for the answer.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut t) };
    t.tv_sec as u64 * 1_000_000_000 + t.tv_nsec as u64
}

/// What a timed section cost.
#[derive(Default)]
pub(crate) struct Took {
    /// How often the operation ran.
    pub(crate) iterations: u64,
    /// The whole section.
    pub(crate) ns: u64,
    /// The part of `ns` that kept the machine busy with something else than the operation, as measured apart.
    pub(crate) overhead: u64,
    /// The part of `ns` that was to be slept.
    pub(crate) slept: u64,
    /// How many bytes an iteration moves, where that is what it is for.
    pub(crate) bytes: u64,
}

impl Took {
    /// Nothing but the operation.
    pub(crate) fn new(iterations: u64, ns: u64) -> Self {
        Self {
            iterations,
            ns,
            ..Self::default()
        }
    }

    /// Each iteration moves that many bytes.
    pub(crate) fn moving(self, len: usize) -> Self {
        Self {
            bytes: len as u64,
            ..self
        }
    }
}

/// How long the last run is to take, from when it starts; 0 until then. Only its section carries marks.
static LAST_RUN_NS: AtomicU64 = AtomicU64::new(0);

/// From now on it is the run that is reported, and is to take about that long.
pub(crate) fn last_run(target_ns: u64) {
    LAST_RUN_NS.store(target_ns, Ordering::Relaxed);
}

/// How long to get warm where a kernel needs time to settle: schedulers treat young processes differently (Linux for tens
/// of milliseconds), and what is freed later than its last use comes to a balance.
const WARM_NS: u64 = 30_000_000;

/// How many turns come before `n` that are timed, where the kernel needs time to settle.
pub(crate) fn warm(n: u64) -> u64 {
    match LAST_RUN_NS.load(Ordering::Relaxed) {
        0 => (n / 50).clamp(1, 16),
        target_ns => (n * WARM_NS / target_ns).max(1),
    }
}

/// A timed section between two no-ops that a tool which counts instructions can tell: each has a word of its own as
/// displacement, `GBEG` and `GEND`. There is exactly one such section per reported result.
pub(crate) struct Section(u64);
impl Section {
    pub(crate) fn begin() -> Self {
        let marked = LAST_RUN_NS.load(Ordering::Relaxed) != 0;
        let start = now();
        if marked {
            // SAFETY: a no-op of eight bytes.
            unsafe {
                std::arch::asm!(
                    ".byte 0x0f,0x1f,0x84,0x00,0x47,0x42,0x45,0x47",
                    options(nostack)
                );
            }
        }
        Self(start)
    }
    /// The nanoseconds since [`Section::begin`].
    pub(crate) fn end(self) -> u64 {
        if LAST_RUN_NS.load(Ordering::Relaxed) != 0 {
            // SAFETY: a no-op of eight bytes.
            unsafe {
                std::arch::asm!(
                    ".byte 0x0f,0x1f,0x84,0x00,0x47,0x45,0x4e,0x44",
                    options(nostack)
                );
            }
        }
        now() - self.0
    }
}

/// Times `n` calls of `f`, after two to get warm: the benchmark's section.
pub(crate) fn time(n: u64, mut f: impl FnMut() -> io::Result<()>) -> io::Result<Took> {
    f()?;
    f()?;
    time_exactly(n, f)
}

/// Times `n` calls of `f`, after as many as make a scheduler's mind up: the benchmark's section.
pub(crate) fn time_warm(n: u64, mut f: impl FnMut() -> io::Result<()>) -> io::Result<Took> {
    (0..warm(n)).try_for_each(|_| f())?;
    time_exactly(n, f)
}

/// Times `n` calls of `f`, and does no others: the benchmark's section.
pub(crate) fn time_exactly(n: u64, mut f: impl FnMut() -> io::Result<()>) -> io::Result<Took> {
    let section = Section::begin();
    for _ in 0..n {
        f()?;
    }
    Ok(Took::new(n, section.end()))
}

/// Times `n` calls of `f` outside the section: what is to be subtracted, or serves as a yardstick.
pub(crate) fn time_aside(n: u64, mut f: impl FnMut() -> io::Result<()>) -> io::Result<u64> {
    let start = now();
    for _ in 0..n {
        f()?;
    }
    Ok(now() - start)
}

/// `sysname release` of the kernel.
pub(crate) fn uname() -> String {
    // SAFETY: all zeroes is a valid utsname, and the call fills it.
    let u = unsafe {
        let mut u: libc::utsname = std::mem::zeroed();
        libc::uname(&raw mut u);
        u
    };
    let text = |field: &[libc::c_char]| {
        field
            .iter()
            .take_while(|c| **c != 0)
            .map(|c| *c as u8 as char)
            .collect::<String>()
    };
    format!("{} {}", text(&u.sysname), text(&u.release))
}

/// A file descriptor that closes itself.
pub(crate) struct Fd(pub(crate) i32);
impl Drop for Fd {
    fn drop(&mut self) {
        // SAFETY: closing a number is always memory-safe.
        unsafe { libc::close(self.0) };
    }
}

/// open(2).
pub(crate) fn open(path: &std::ffi::CStr, flags: i32) -> io::Result<Fd> {
    // SAFETY: a NUL-terminated path.
    check(i64::from(unsafe {
        libc::open(path.as_ptr(), flags, 0o600)
    }))
    .map(|fd| Fd(fd as i32))
}

/// write(2) of everything, in one call.
pub(crate) fn write_all(fd: i32, data: &[u8]) -> io::Result<()> {
    // SAFETY: the slice is readable.
    let n = check(unsafe { libc::write(fd, data.as_ptr().cast(), data.len()) } as i64)?;
    if n as usize == data.len() {
        Ok(())
    } else {
        Err(wrong("short write"))
    }
}

/// read(2) until `data` is full.
pub(crate) fn read_all(fd: i32, data: &mut [u8]) -> io::Result<()> {
    let mut done = 0;
    while done < data.len() {
        let rest = &mut data[done..];
        // SAFETY: the slice is writable.
        match check(unsafe { libc::read(fd, rest.as_mut_ptr().cast(), rest.len()) } as i64)? {
            0 => return Err(wrong("end of file")),
            n => done += n as usize,
        }
    }
    Ok(())
}

/// pipe(2): read end, write end.
pub(crate) fn pipe() -> io::Result<(Fd, Fd)> {
    let mut fds = [0; 2];
    // SAFETY: room for two descriptors.
    check(i64::from(unsafe { libc::pipe(fds.as_mut_ptr()) }))?;
    Ok((Fd(fds[0]), Fd(fds[1])))
}

/// Forks; the child runs `f` and ends with status 0 if that went well.
pub(crate) fn child(f: impl FnOnce() -> io::Result<()>) -> io::Result<i32> {
    // SAFETY: this program has one thread when it forks, so that the child may go on as it was.
    match check(i64::from(unsafe { libc::fork() }))? {
        0 => {
            let status = i32::from(f().is_err());
            // SAFETY: ends the child without running the parent's clean-up.
            unsafe { libc::_exit(status) }
        }
        pid => Ok(pid as i32),
    }
}

/// Waits for a child; its status as waitpid(2) gives it.
pub(crate) fn wait(pid: i32) -> io::Result<i32> {
    let mut status = 0;
    // SAFETY: a valid place for the status.
    let got = check(i64::from(unsafe { libc::waitpid(pid, &raw mut status, 0) }))?;
    if got == i64::from(pid) {
        Ok(status)
    } else {
        Err(wrong("waitpid"))
    }
}

/// Waits for a child and checks that it ended with status 0.
pub(crate) fn reap(pid: i32) -> io::Result<()> {
    match wait(pid)? {
        0 => Ok(()),
        _ => Err(wrong("child's status")),
    }
}

/// Times `n` round trips: `here` asks and takes the answer, `there` answers in a child.
pub(crate) fn round_trips(
    n: u64,
    here: impl FnMut() -> io::Result<()>,
    mut there: impl FnMut() -> io::Result<()>,
) -> io::Result<Took> {
    let pid = child(|| (0..warm(n) + n).try_for_each(|_| there()))?;
    let took = time_warm(n, here)?;
    reap(pid)?;
    Ok(took)
}

/// A mapping of one's own.
pub(crate) struct Map(pub(crate) *mut u8, usize);
impl Map {
    pub(crate) fn new(len: usize, protection: i32, flags: i32, fd: i32) -> io::Result<Self> {
        // SAFETY: a new mapping where the kernel likes.
        let p = unsafe { libc::mmap(std::ptr::null_mut(), len, protection, flags, fd, 0) };
        if p == libc::MAP_FAILED {
            Err(io::Error::last_os_error())
        } else {
            Ok(Self(p.cast(), len))
        }
    }

    /// Private memory in pages of 4 KiB: those are what is measured.
    pub(crate) fn private(len: usize) -> io::Result<Self> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let map = Self::new(len, READ_WRITE, flags, -1)?;
        // SAFETY: advice on our own mapping.
        unsafe { libc::madvise(map.0.cast(), len, libc::MADV_NOHUGEPAGE) };
        Ok(map)
    }

    /// Memory shared with children, zeroed.
    pub(crate) fn shared(len: usize) -> io::Result<Self> {
        Self::new(len, READ_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS, -1)
    }

    /// The word at the start of a shared mapping.
    pub(crate) fn word(&self) -> &AtomicU32 {
        self.word_at(0)
    }

    /// One of the words of a shared mapping.
    pub(crate) fn word_at(&self, number: usize) -> &AtomicU32 {
        assert!((number + 1) * size_of::<u32>() <= self.1);
        // SAFETY: aligned, mapped as long as `self` lives, and only touched atomically.
        unsafe { &*self.0.cast::<AtomicU32>().add(number) }
    }

    pub(crate) fn store(&self, at: usize, value: u8) {
        debug_assert!(at < self.1);
        // SAFETY: callers stay within the mapping.
        unsafe { self.0.add(at).write_volatile(value) };
    }

    pub(crate) fn load(&self, at: usize) -> u8 {
        debug_assert!(at < self.1);
        // SAFETY: callers stay within the mapping.
        unsafe { self.0.add(at).read_volatile() }
    }

    /// [`sum`] of it all.
    pub(crate) fn sum(&self) -> u64 {
        // SAFETY: initialised bytes within the mapping.
        sum(unsafe { std::slice::from_raw_parts(self.0, self.1) })
    }
}
// SAFETY: bytes of one's own address space; threads that share a mapping keep to bytes of their own or touch it
// atomically.
unsafe impl Sync for Map {}
impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: our own mapping.
        unsafe { libc::munmap(self.0.cast(), self.1) };
    }
}

/// Both protections.
pub(crate) const READ_WRITE: i32 = libc::PROT_READ | libc::PROT_WRITE;

/// The sum of all eight-byte words, one addition each and no vectors, as lmbench's `bread` takes it: what a program does
/// that looks at its data.
pub(crate) fn sum(data: &[u8]) -> u64 {
    // SAFETY: eight bytes of any value are a number.
    let (before, words, after) = unsafe { data.align_to::<u64>() };
    assert!(before.is_empty() && after.is_empty());
    let mut total = 0u64;
    for chunk in words.chunks_exact(64) {
        for word in chunk {
            // SAFETY: a valid reference. Volatile, so that every word is loaded by itself.
            total = total.wrapping_add(unsafe { std::ptr::from_ref(word).read_volatile() });
        }
    }
    total
}

/// Whether `total` is what [`sum`] gives of `len` bytes that are all 1.
pub(crate) fn expect_ones(total: u64, len: usize) -> io::Result<()> {
    if total == 0x0101_0101_0101_0101u64.wrapping_mul(len as u64 / 8) {
        Ok(())
    } else {
        Err(wrong("sum"))
    }
}

/// How many processors may run this program.
pub(crate) fn processors() -> io::Result<usize> {
    // SAFETY: all zeroes is an empty set, with room for the answer.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        check(i64::from(libc::sched_getaffinity(
            0,
            size_of_val(&set),
            &raw mut set,
        )))?;
        Ok(libc::CPU_COUNT(&set) as usize)
    }
}

/// Keeps the calling thread on a processor.
pub(crate) fn pin(processor: usize) -> io::Result<()> {
    // SAFETY: all zeroes is an empty set; processors are far fewer than it has room for.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(processor, &mut set);
        check(i64::from(libc::sched_setaffinity(
            0,
            size_of_val(&set),
            &raw const set,
        )))
        .map(drop)
    }
}
