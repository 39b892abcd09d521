//! Starts the job on pipes, on a terminal, or on a mix of both.

use crate::job::{Job, Terminal};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::fcntl_dupfd_cloexec;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, WaitOptions, ioctl_tiocsctty, setsid};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::ffi::{CString, OsString};
use std::io::{Error, ErrorKind, Result};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;

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
/// With fork and exec by hand: the standard library's way needs UNIX sockets for a child in a session of its own.
///
/// # Errors
/// Those of opening the terminal, of making pipes, and of `fork` and `execve` (ENOENT, EACCES, ENOEXEC, ...).
pub(crate) fn spawn(job: &Job) -> Result<Running> {
    let program = Program::new(job)?;
    let terminal = match job.terminal {
        Some(terminal) => Some((open_terminal(terminal)?, terminal)),
        None => None,
    };
    let mut ours = [const { None }; 3];
    let mut theirs = [const { None }; 3];
    for fd in 0..3 {
        theirs[fd] = Some(match &terminal {
            Some(((_, slave), terminal)) if terminal.descriptors[fd] => slave.try_clone()?,
            _ => {
                let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
                let (our, their) = if fd == 0 {
                    (writer, reader)
                } else {
                    (reader, writer)
                };
                ours[fd] = Some(our);
                their
            }
        });
    }
    let controlling = job
        .terminal
        .and_then(|terminal| terminal.descriptors.iter().position(|on| *on));
    let (failed, fails) = pipe_with(PipeFlags::CLOEXEC)?;
    // SAFETY: this program has one thread; the child makes system calls only, then execs or ends.
    let pid = match unsafe { libc::fork() } {
        -1 => return Err(Error::last_os_error()),
        0 => {
            let error = program.run(&theirs, controlling);
            let _ = rustix::io::write(
                &fails,
                &error.raw_os_error().unwrap_or(libc::EIO).to_ne_bytes(),
            );
            // SAFETY: ends the child without the parent's clean-up.
            unsafe { libc::_exit(127) }
        }
        pid => pid,
    };
    drop((fails, theirs));
    let mut error = [0; 4];
    if rustix::io::read(&failed, &mut error)? == error.len() {
        let _ = rustix::process::waitpid(Pid::from_raw(pid), WaitOptions::empty());
        return Err(Error::from_raw_os_error(i32::from_ne_bytes(error)));
    }
    let [stdin, stdout, stderr] = ours;
    Ok(Running {
        pid: Pid::from_raw(pid).expect("the kernel gives positive process ids"),
        stdin,
        stdout,
        stderr,
        terminal: terminal.map(|((master, _), terminal)| (master, terminal)),
    })
}

/// A job in the form that execve(2) takes, made before the fork.
struct Program {
    /// Where the program may be: its path, or its name in each folder of PATH.
    paths: Vec<CString>,
    arguments: Vec<CString>,
    environment: Vec<CString>,
    folder: Option<CString>,
}

impl Program {
    fn new(job: &Job) -> Result<Self> {
        let text =
            |bytes: &[u8]| CString::new(bytes).map_err(|_| Error::from(ErrorKind::InvalidInput));
        let all = |list: &[OsString]| {
            list.iter()
                .map(|item| text(item.as_bytes()))
                .collect::<Result<Vec<_>>>()
        };
        let name = job.program.as_bytes();
        let search = job
            .environment
            .iter()
            .find_map(|pair| pair.as_bytes().strip_prefix(b"PATH="));
        let paths = if name.contains(&b'/') {
            vec![text(name)?]
        } else {
            let folders = search
                .unwrap_or(DEFAULT_PATH.as_bytes())
                .split(|byte| *byte == b':');
            folders
                .map(|folder| text(&[folder, b"/", name].concat()))
                .collect::<Result<_>>()?
        };
        let mut arguments = all(&job.arguments)?;
        if arguments.is_empty() {
            arguments.push(text(name)?);
        }
        let folder = if job.folder.is_empty() {
            None
        } else {
            let _ = std::fs::create_dir_all(&job.folder);
            Some(text(job.folder.as_bytes())?)
        };
        Ok(Self {
            paths,
            arguments,
            environment: all(&job.environment)?,
            folder,
        })
    }

    /// In the child: session, terminal, descriptors, folder, then the program. Returns only with an error.
    fn run(&self, descriptors: &[Option<OwnedFd>; 3], controlling: Option<usize>) -> Error {
        let pointers = |list: &[CString]| {
            list.iter()
                .map(|item| item.as_ptr())
                .chain([std::ptr::null()])
                .collect::<Vec<_>>()
        };
        let prepared = || -> Result<()> {
            setsid()?;
            // Out of the way of 0, 1 and 2 first, or one could overwrite another.
            let mut high = [const { None }; 3];
            for (slot, fd) in high.iter_mut().zip(descriptors) {
                *slot = fd
                    .as_ref()
                    .map(|fd| fcntl_dupfd_cloexec(fd, 10))
                    .transpose()?;
            }
            for (number, fd) in high.iter().enumerate() {
                if let Some(fd) = fd {
                    // SAFETY: replaces a standard descriptor, which nobody here owns as an object.
                    if unsafe { libc::dup2(fd.as_raw_fd(), number as i32) } == -1 {
                        return Err(Error::last_os_error());
                    }
                }
            }
            if let Some(fd) = controlling {
                ioctl_tiocsctty(standard(fd))?;
            }
            if let Some(folder) = &self.folder {
                rustix::process::chdir(folder.as_c_str())?;
            }
            Ok(())
        };
        if let Err(error) = prepared() {
            return error;
        }
        let (arguments, environment) = (pointers(&self.arguments), pointers(&self.environment));
        let mut last = Error::from_raw_os_error(libc::ENOENT);
        for path in &self.paths {
            // SAFETY: NULL-terminated arrays of NUL-terminated strings that live through the call.
            unsafe { libc::execve(path.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
            let error = Error::last_os_error();
            if error.raw_os_error() != Some(libc::ENOENT) {
                last = error;
            }
        }
        last
    }
}

fn standard(fd: usize) -> BorrowedFd<'static> {
    match fd {
        0 => rustix::stdio::stdin(),
        1 => rustix::stdio::stdout(),
        _ => rustix::stdio::stderr(),
    }
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
