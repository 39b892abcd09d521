//! The program as the guest's first process.
//!
//! `./gaon bench` packs it as `/init`, so that nothing but the kernel stands between the machine's start and the
//! figures, and no byte from outside reaches the guest: under `-icount` a run then repeats to the last digit. It notes
//! the time-stamp counter in its very first instructions (under `-icount` the instructions since reset), tells how much
//! memory is left, runs itself once more as an ordinary process with the arguments in [`ARGUMENTS`], and switches the
//! machine off. All it says goes to [`OUTPUT`], apart from the kernel's messages.
use crate::sys::{check, now};
use std::ffi::CStr;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The program's arguments, one a line.
const ARGUMENTS: &str = "/etc/gaon-bench";
/// Where the figures go.
const OUTPUT: &CStr = c"/dev/ttyS1";
/// Kind and target.
const MOUNTS: [(&CStr, &CStr); 3] = [
    (c"proc", c"/proc"),
    (c"devtmpfs", c"/dev"),
    (c"tmpfs", c"/tmp"),
];

#[cfg(target_env = "musl")]
std::arch::global_asm!(
    // The linker's -e makes this the entry. A static program's %rdx is 0 at its start (System V ABI, 3.4.1).
    ".pushsection .text.gaon_bench_entry,\"ax\",@progbits",
    ".globl gaon_bench_entry",
    "gaon_bench_entry:",
    "rdtsc",
    "shl $32, %rdx",
    "or %rdx, %rax",
    "mov %rax, {first}(%rip)",
    "xor %edx, %edx",
    "jmp _start",
    ".popsection",
    first = sym FIRST,
    options(att_syntax)
);
/// The time-stamp counter at the first instruction.
static FIRST: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

/// This is the guest's first process.
pub(crate) fn is_init() -> bool {
    // SAFETY: a call without arguments.
    unsafe { libc::getpid() == 1 }
}

/// Does all that the machine was started for; ends with the machine.
pub(crate) fn run() -> ! {
    if let Err(error) = serve() {
        eprintln!("gaon-bench: {error}");
    }
    // SAFETY: calls without pointers. A machine that can't switch itself off is reset, which ends QEMU -no-reboot.
    unsafe {
        libc::reboot(libc::RB_POWER_OFF);
        libc::reboot(libc::RB_AUTOBOOT);
        libc::_exit(1)
    }
}

fn serve() -> io::Result<()> {
    for (kind, target) in MOUNTS {
        // SAFETY: NUL-terminated strings.
        let mounted = check(i64::from(unsafe {
            libc::mount(
                kind.as_ptr(),
                target.as_ptr(),
                kind.as_ptr(),
                0,
                c"".as_ptr().cast(),
            )
        }));
        match mounted {
            Err(e) if e.raw_os_error() != Some(libc::EBUSY) => return Err(e),
            _ => {}
        }
    }
    let memory = std::fs::read_to_string("/proc/meminfo")?;
    let kib = |field: &str| -> u64 {
        let line = memory.lines().find_map(|line| line.strip_prefix(field));
        line.and_then(|rest| rest.split_whitespace().next()?.parse().ok())
            .unwrap_or(0)
    };
    // SAFETY: a NUL-terminated path; the descriptors are numbers.
    unsafe {
        let line = libc::open(OUTPUT.as_ptr(), libc::O_WRONLY | libc::O_NOCTTY);
        check(i64::from(line))?;
        raw(line)?;
        check(i64::from(libc::dup2(line, 1)))?;
        libc::close(line);
    }
    println!(
        r#"{{"boot":{{"first":{},"total_kib":{},"free_kib":{},"now":{},"uname":"{}"}}}}"#,
        FIRST.load(std::sync::atomic::Ordering::Relaxed),
        kib("MemTotal:"),
        kib("MemFree:"),
        now(),
        crate::sys::uname()
    );
    let words = std::fs::read_to_string(ARGUMENTS).unwrap_or_default();
    let status = if words.is_empty() {
        0
    } else {
        // SAFETY: this process has one thread.
        let pid = check(i64::from(unsafe { libc::fork() }))?;
        if pid == 0 {
            let error = Command::new("/proc/self/exe").args(words.lines()).exec();
            eprintln!("gaon-bench: {error}");
            // SAFETY: ends the child without the parent's clean-up.
            unsafe { libc::_exit(127) }
        }
        wait(pid as i32)?
    };
    println!(r#"{{"end":{{"status":{status}}}}}"#);
    io::stdout().flush()?;
    // SAFETY: a number.
    unsafe { libc::tcdrain(1) };
    Ok(())
}

/// Reaps whoever ends until `pid` has; gives its status as wait(2) does.
fn wait(pid: i32) -> io::Result<i32> {
    loop {
        let mut status = 0;
        // SAFETY: a valid place for the status.
        let ended = check(i64::from(unsafe { libc::wait(&raw mut status) }))?;
        if ended == i64::from(pid) {
            return Ok(status);
        }
    }
}

/// Bytes go out as they are.
fn raw(line: i32) -> io::Result<()> {
    // SAFETY: all zeroes is a valid termios, which the first call fills.
    unsafe {
        let mut termios: libc::termios = std::mem::zeroed();
        check(i64::from(libc::tcgetattr(line, &raw mut termios)))?;
        libc::cfmakeraw(&raw mut termios);
        check(i64::from(libc::tcsetattr(
            line,
            libc::TCSANOW,
            &raw const termios,
        )))?;
    }
    Ok(())
}
