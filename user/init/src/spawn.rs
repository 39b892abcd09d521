//! Starts the job on pipes, on a terminal, or on a mix of both.

use crate::job::{Job, Terminal};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, ioctl_tiocsctty, setsid};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::io::Result;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// The guest's PATH when the job brings none.
pub(crate) const DEFAULT_PATH: &str =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The started job and our ends of its descriptors.
pub(crate) struct Running {
    pub(crate) pid: Pid,
    /// Where standard input goes: a pipe, or nothing when it is the terminal.
    pub(crate) stdin: Option<OwnedFd>,
    pub(crate) stdout: Option<OwnedFd>,
    pub(crate) stderr: Option<OwnedFd>,
    /// The master side, with the stream its output belongs to.
    pub(crate) terminal: Option<(OwnedFd, Terminal)>,
}

/// Starts `job`.
///
/// # Errors
/// Those of opening the terminal, of making pipes, and of `fork` and `execve` (ENOENT, EACCES, ENOEXEC, ...).
pub(crate) fn spawn(job: &Job) -> Result<Running> {
    let mut command = Command::new(&job.program);
    let (name, arguments) = job
        .arguments
        .split_first()
        .map_or((&job.program, &[][..]), |(name, rest)| (name, rest));
    command.arg0(name).args(arguments).env_clear();
    for pair in &job.environment {
        if let Some((name, value)) = split_pair(pair.as_bytes()) {
            command.env(name, value);
        }
    }
    if !job.folder.is_empty() {
        let _ = std::fs::create_dir_all(&job.folder);
        command.current_dir(&job.folder);
    }
    let terminal = match job.terminal {
        Some(terminal) => Some((open_terminal(terminal)?, terminal)),
        None => None,
    };
    let [stdin, stdout, stderr] = std::array::from_fn(|fd| match &terminal {
        Some(((_, slave), terminal)) if terminal.descriptors[fd] => {
            slave.try_clone().map(Stdio::from)
        }
        _ => Ok(Stdio::piped()),
    });
    command.stdin(stdin?).stdout(stdout?).stderr(stderr?);
    let controlling = job
        .terminal
        .and_then(|terminal| terminal.descriptors.iter().position(|on| *on));
    // SAFETY: between fork and exec the closure makes system calls only; it allocates nothing and takes no lock.
    unsafe {
        command.pre_exec(move || {
            setsid()?;
            if let Some(fd) = controlling {
                ioctl_tiocsctty(standard(fd))?;
            }
            Ok(())
        });
    }
    let mut child = command.spawn()?;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    Ok(Running {
        pid: pid.expect("the kernel gives positive process ids"),
        stdin: child.stdin.take().map(OwnedFd::from),
        stdout: child.stdout.take().map(OwnedFd::from),
        stderr: child.stderr.take().map(OwnedFd::from),
        terminal: terminal.map(|((master, _), terminal)| (master, terminal)),
    })
}

fn standard(fd: usize) -> BorrowedFd<'static> {
    match fd {
        0 => rustix::stdio::stdin(),
        1 => rustix::stdio::stdout(),
        _ => rustix::stdio::stderr(),
    }
}

fn split_pair(pair: &[u8]) -> Option<(&std::ffi::OsStr, &std::ffi::OsStr)> {
    let at = pair.iter().position(|byte| *byte == b'=')?;
    Some((
        std::ffi::OsStr::from_bytes(&pair[..at]),
        std::ffi::OsStr::from_bytes(&pair[at + 1..]),
    ))
}

/// A new terminal of the wanted size: master, slave.
fn open_terminal(terminal: Terminal) -> Result<(OwnedFd, OwnedFd)> {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let path = ptsname(&master, Vec::new())?;
    let slave = rustix::fs::open(
        &path,
        OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    set_size(slave.as_fd(), terminal.rows, terminal.columns)?;
    Ok((master, slave))
}

/// Sets a terminal's window size; the kernel sends SIGWINCH when it changed.
pub(crate) fn set_size(terminal: BorrowedFd<'_>, rows: u16, columns: u16) -> Result<()> {
    let size = Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    Ok(tcsetwinsize(terminal, size)?)
}
