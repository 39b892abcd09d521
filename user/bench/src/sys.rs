//! Thin, checked calls into libc: each turns -1 into an error.
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

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
pub(crate) struct Took {
    /// How often the operation ran.
    pub(crate) iterations: u64,
    /// The whole section.
    pub(crate) ns: u64,
    /// The part of `ns` that isn't the operation's own, as measured apart.
    pub(crate) overhead: u64,
}

/// Whether sections carry marks: only those of a benchmark's last run, whose time is reported, do.
static MARKED: AtomicBool = AtomicBool::new(false);

/// Has the sections from now on marked or not.
pub(crate) fn set_marked(on: bool) {
    MARKED.store(on, Ordering::Relaxed);
}

/// A timed section between two no-ops that a tool which counts instructions can tell: each has a word of its own as
/// displacement, `GBEG` and `GEND`. There is exactly one such section per reported result.
pub(crate) struct Section(u64);
impl Section {
    pub(crate) fn begin() -> Self {
        let marked = MARKED.load(Ordering::Relaxed);
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
        if MARKED.load(Ordering::Relaxed) {
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

/// Times `n` calls of `f`: the benchmark's section.
pub(crate) fn time(n: u64, mut f: impl FnMut() -> io::Result<()>) -> io::Result<Took> {
    let section = Section::begin();
    for _ in 0..n {
        f()?;
    }
    let ns = section.end();
    Ok(Took {
        iterations: n,
        ns,
        overhead: 0,
    })
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
    // SAFETY: this program has one thread, so that the child may go on as it was.
    match check(i64::from(unsafe { libc::fork() }))? {
        0 => {
            let status = i32::from(f().is_err());
            // SAFETY: ends the child without running the parent's clean-up.
            unsafe { libc::_exit(status) }
        }
        pid => Ok(pid as i32),
    }
}

/// Waits for a child and checks that it ended with status 0.
pub(crate) fn reap(pid: i32) -> io::Result<()> {
    let mut status = 0;
    // SAFETY: a valid place for the status.
    let got = check(i64::from(unsafe { libc::waitpid(pid, &raw mut status, 0) }))?;
    if got == i64::from(pid) && status == 0 {
        Ok(())
    } else {
        Err(wrong("child's status"))
    }
}
