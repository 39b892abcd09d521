//! Making and ending processes and threads.
use crate::sys::{self, Took, check, wrong};
use crate::{Bench, bench};
use std::ffi::{CStr, CString};
use std::io;

pub(crate) const ALL: &[Bench] = &[
    bench("process/fork_exit", "fork, exit, wait", fork_exit),
    bench(
        "process/fork_exec",
        "fork, exec of a static program that exits, wait",
        fork_exec,
    ),
    bench("process/vfork_exec", "posix_spawn, wait", spawn),
    bench(
        "process/fork_sh",
        "fork, exec of a program that forks, execs a smaller one and waits, as sh -c does",
        fork_sh,
    ),
    bench("process/thread", "pthread create and join", thread),
];

fn fork_exit(n: u64) -> io::Result<Took> {
    sys::time_warm(n, || sys::reap(sys::child(|| Ok(()))?))
}

/// The smallest static program: `exit(0)`.
pub(crate) fn tiny() -> io::Result<&'static CStr> {
    const PATH: &CStr = c"/tmp/bench-tiny";
    const BASE: u64 = 0x40_0000;
    let code = [0x31, 0xff, 0xb8, 0x3c, 0, 0, 0, 0x0f, 0x05]; // xor edi,edi; mov eax,60; syscall
    let mut elf = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for (value, size) in [
        (2u64, 2),
        (62, 2),
        (1, 4),
        (BASE + 120, 8),
        (64, 8),
        (0, 8),
        (0, 4),
        (64, 2),
        (56, 2),
        (1, 2),
        (64, 2),
        (0, 2),
        (0, 2),
        (1, 4),
        (5, 4),
        (0, 8),
        (BASE, 8),
        (BASE, 8),
        (120 + code.len() as u64, 8),
        (120 + code.len() as u64, 8),
        (4096, 8),
    ] {
        elf.extend_from_slice(&value.to_le_bytes()[..size]);
    }
    elf.extend_from_slice(&code);
    std::fs::write("/tmp/bench-tiny", elf)?;
    // SAFETY: a NUL-terminated path.
    check(i64::from(unsafe { libc::chmod(PATH.as_ptr(), 0o755) }))?;
    Ok(PATH)
}

/// execve(2); comes back with an error only.
pub(crate) fn exec(path: &CStr, arguments: &[&CStr]) -> io::Result<()> {
    let mut argv: Vec<_> = arguments.iter().map(|argument| argument.as_ptr()).collect();
    argv.push(std::ptr::null());
    let end = &argv[argv.len() - 1..];
    // SAFETY: NULL-terminated arrays of NUL-terminated strings.
    check(i64::from(unsafe {
        libc::execve(path.as_ptr(), argv.as_ptr(), end.as_ptr())
    }))
    .map(drop)
}

fn fork_exec(n: u64) -> io::Result<Took> {
    let path = tiny()?;
    sys::time_warm(n, || sys::reap(sys::child(|| exec(path, &[path]))?))
}

/// What this program does as a shell: runs the program and waits.
pub(crate) fn shell(program: &str) -> io::Result<()> {
    let path = CString::new(program)?;
    sys::reap(sys::child(|| exec(&path, &[&path]))?)
}

fn fork_sh(n: u64) -> io::Result<Took> {
    let (path, itself) = (tiny()?, c"/proc/self/exe");
    sys::time_warm(n, || {
        sys::reap(sys::child(|| exec(itself, &[c"sh", c"--sh", path]))?)
    })
}

fn spawn(n: u64) -> io::Result<Took> {
    let path = tiny()?;
    sys::time_warm(n, || {
        let mut pid = 0;
        let argv = [path.as_ptr().cast_mut(), std::ptr::null_mut()];
        // SAFETY: NULL-terminated arrays of NUL-terminated strings.
        let error = unsafe {
            libc::posix_spawn(
                &raw mut pid,
                path.as_ptr(),
                std::ptr::null(),
                std::ptr::null(),
                argv.as_ptr(),
                argv[1..].as_ptr(),
            )
        };
        if error == 0 {
            sys::reap(pid)
        } else {
            Err(io::Error::from_raw_os_error(error))
        }
    })
}

fn thread(n: u64) -> io::Result<Took> {
    sys::time_warm(n, || {
        let answer = std::thread::Builder::new()
            .stack_size(65536)
            .spawn(|| 42)?
            .join();
        if matches!(answer, Ok(42)) {
            Ok(())
        } else {
            Err(wrong("thread"))
        }
    })
}
