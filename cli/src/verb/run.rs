//! `gaon run`: a program of the host, on Gaon.

use crate::pack::{self, program};
use crate::session::{End, Job, Session, Streams};
use crate::verb::build;
use crate::vm::{self, Machine};
use crate::{cargo, signals, terminal, tree};
use anyhow::{Context, Result};
use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Exit status when the time was up, as timeout(1) has it.
pub(crate) const TIMED_OUT: u8 = 124;
/// Exit status when the kernel panicked or the machine ended without the program's status.
const PANICKED: u8 = 101;
/// The guest's PATH.
pub(crate) const GUEST_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Programs that start others, and so want a userland around them.
const SHELLS: [&str; 9] = [
    "sh", "bash", "dash", "ash", "zsh", "ksh", "busybox", "env", "xargs",
];

/// Run a program of this host on Gaon; without one, a shell
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Processors
    #[arg(long, default_value_t = 1, value_name = "N")]
    smp: u32,
    /// Memory, as QEMU's -m takes it
    #[arg(long, default_value = "512M", value_name = "SIZE")]
    mem: String,
    /// QEMU machine: microvm, q35, pc [default: microvm; with --kernel q35]
    #[arg(long, value_name = "M")]
    machine: Option<String>,
    /// QEMU processor model
    #[arg(long, default_value = "max", value_name = "MODEL")]
    cpu: String,
    /// More words for the kernel's command line (repeats)
    #[arg(long, value_name = "STR")]
    append: Vec<String>,
    /// Boot this initramfs; with CMD, its files are there beside ours, without CMD its own /init runs on the console
    #[arg(long, value_name = "FILE")]
    initrd: Option<PathBuf>,
    /// Also pack this file or folder, at the same path (repeats)
    #[arg(long, value_name = "PATH")]
    with: Vec<PathBuf>,
    /// Load this module first, as insmod does: FILE, or FILE and its parameters in one word (repeats)
    #[arg(long, value_name = "FILE")]
    pub(crate) module: Vec<String>,
    /// Add NAME=VALUE to the program's environment (repeats)
    #[arg(long, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// End the machine after so many seconds, with status 124
    #[arg(long, value_name = "S")]
    pub(crate) timeout: Option<f64>,
    /// Show the kernel's messages on standard error
    #[arg(long, short)]
    pub(crate) verbose: bool,
    /// Boot this kernel instead (Linux too: the same initramfs runs on both)
    #[arg(long, value_name = "FILE")]
    pub(crate) kernel: Option<PathBuf>,
    /// One more option for QEMU (repeats)
    #[arg(long, value_name = "OPTION", allow_hyphen_values = true)]
    qemu: Vec<OsString>,
    /// The program and its arguments
    #[arg(last = true, value_name = "CMD")]
    pub(crate) command: Vec<String>,
}

/// The machine that Gaon gets when none is named: the quickest to boot.
pub(crate) const DEFAULT_MACHINE: &str = "microvm";
/// The machine for another kernel: Linux 6.1 on a microvm under TCG now and then stops early in its boot.
pub(crate) const PEER_MACHINE: &str = "q35";

pub(crate) fn run(arguments: &Arguments) -> Result<u8> {
    let kernel = kernel(arguments)?;
    let scratch = tempfile::Builder::new().prefix("gaon-").tempdir()?;
    let console_only = arguments.initrd.is_some() && arguments.command.is_empty();
    if console_only {
        let config = configure(arguments, kernel, own_initrd(arguments)?)?;
        return on_console(&config, arguments.timeout.map(Duration::from_secs_f64));
    }
    let (initrd, job) = prepare(arguments, scratch.path())?;
    framed(
        arguments,
        &configure(arguments, kernel, initrd)?,
        &job,
        scratch,
    )
}

/// The kernel that the arguments ask for.
pub(crate) fn kernel(arguments: &Arguments) -> Result<PathBuf> {
    match &arguments.kernel {
        Some(kernel) => Ok(std::path::absolute(kernel)?),
        None => build::kernel_if_missing(),
    }
}

/// The machine that the arguments ask for.
pub(crate) fn configure(
    arguments: &Arguments,
    kernel: PathBuf,
    initrd: PathBuf,
) -> Result<vm::Config> {
    Ok(vm::Config {
        kernel,
        initrd,
        append: arguments.append.join(" "),
        cpus: arguments.smp,
        memory: arguments.mem.clone(),
        machine: arguments.machine.clone().unwrap_or_else(|| {
            let other = arguments.kernel.is_some();
            if other { PEER_MACHINE } else { DEFAULT_MACHINE }.to_owned()
        }),
        cpu: arguments.cpu.clone(),
        accel: vm::choose_accel(&tree::output()?.join("accel")),
        verbose: arguments.verbose,
        extra: arguments.qemu.clone(),
    })
}

fn own_initrd(arguments: &Arguments) -> Result<PathBuf> {
    Ok(std::path::absolute(
        arguments
            .initrd
            .as_ref()
            .context("an initramfs was named")?,
    )?)
}

/// Packs the initramfs and says what is to run in it.
pub(crate) fn prepare(arguments: &Arguments, scratch: &Path) -> Result<(PathBuf, Job)> {
    let mut tree = pack::base(&build::init()?)?;
    pack::channel(&mut tree);
    let term = std::env::var("TERM").unwrap_or_else(|_| "linux".to_owned());
    let mut job = Job {
        environment: environment(arguments, &term),
        ..Job::default()
    };
    let here = std::env::current_dir()?;
    if let Some(name) = arguments.command.first() {
        let path = program::find(name)?;
        let scripts = program::pack(&mut tree, &path)?;
        let shell = |path: &Path| {
            path.file_name()
                .is_some_and(|name| SHELLS.iter().any(|shell| name == *shell))
        };
        if shell(&path) || scripts.iter().any(|script| shell(script)) {
            pack::userland(&mut tree, &term)?;
        }
        job.program = path
            .to_str()
            .context("the program's path is UTF-8")?
            .to_owned();
        job.arguments.clone_from(&arguments.command);
        job.folder = here
            .to_str()
            .context("the folder's path is UTF-8")?
            .to_owned();
    } else {
        let bash = program::find("bash").or_else(|_| program::find("busybox"))?;
        program::pack(&mut tree, &bash)?;
        pack::userland(&mut tree, &term)?;
        job.program = bash.to_string_lossy().into_owned();
        job.arguments = if bash.ends_with("bash") {
            vec!["-bash".into()]
        } else {
            vec!["sh".into(), "-l".into()]
        };
        job.folder = "/root".to_owned();
    }
    for path in &arguments.with {
        program::pack(&mut tree, path)?;
    }
    pack::module_folder(&mut tree)?;
    for module in &arguments.module {
        let (path, parameters) = module.split_once(' ').unwrap_or((module, ""));
        let path = std::path::absolute(path)?;
        program::pack(&mut tree, &path)?;
        let path = path.to_str().context("the module's path is UTF-8")?;
        job.modules.push((path.to_owned(), parameters.to_owned()));
    }
    let descriptors = terminal::descriptors();
    if descriptors.contains(&true) {
        let (rows, columns) = terminal::size();
        job.terminal = Some((rows, columns, descriptors));
    }
    let initrd = scratch.join("initrd.cpio");
    let mut out = std::io::BufWriter::new(File::create(&initrd)?);
    if arguments.initrd.is_some() {
        // Archives may follow one another; what comes later wins. Ours begins on a page for the sake of its files.
        let own = std::fs::read(own_initrd(arguments)?)?;
        out.write_all(&own)?;
        out.write_all(&vec![0; own.len().next_multiple_of(4096) - own.len()])?;
    }
    tree.write(out)?;
    Ok((initrd, job))
}

fn environment(arguments: &Arguments, term: &str) -> Vec<String> {
    let mut pairs = vec![
        format!("PATH={GUEST_PATH}"),
        "HOME=/root".to_owned(),
        "USER=root".to_owned(),
        "LOGNAME=root".to_owned(),
        "SHELL=/bin/sh".to_owned(),
        format!("TERM={term}"),
    ];
    for name in ["LANG", "LC_ALL", "TZ"] {
        pairs.extend(
            std::env::var(name)
                .ok()
                .map(|value| format!("{name}={value}")),
        );
    }
    pairs.extend(arguments.env.iter().cloned());
    pairs
}

/// What the signal thread needs to end things tidily.
type Ending = Arc<Mutex<Option<crate::session::Remote>>>;

fn framed(
    arguments: &Arguments,
    config: &vm::Config,
    job: &Job,
    scratch: tempfile::TempDir,
) -> Result<u8> {
    let ending: Ending = Arc::default();
    let for_signals = Arc::clone(&ending);
    signals::handle(move |signal| {
        let remote = for_signals.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*remote, signal) {
            (Some(remote), libc::SIGWINCH) => {
                let (rows, columns) = terminal::size();
                remote.resize(rows, columns);
            }
            (None, libc::SIGWINCH) => {}
            (Some(remote), _) => remote.stop(signal),
            (None, _) => std::process::exit(128 + signal),
        }
    });
    let bar = cargo::spinner("booting");
    let mut machine = Machine::start(config, arguments.verbose)?;
    let streams = Streams {
        stdin: Some(File::from(std::io::stdin().as_fd().try_clone_to_owned()?)),
        stdout: Box::new(File::from(std::io::stdout().as_fd().try_clone_to_owned()?)),
        stderr: Box::new(File::from(std::io::stderr().as_fd().try_clone_to_owned()?)),
    };
    let session = Session::start(&machine, job, streams, |_| {})?;
    *ending.lock().unwrap_or_else(PoisonError::into_inner) = Some(session.remote());
    let raw = job
        .terminal
        .is_some_and(|(_, _, descriptors)| descriptors[0]);
    let (start, limit) = (
        Instant::now(),
        arguments.timeout.map(Duration::from_secs_f64),
    );
    let time_is_up = || limit.is_some_and(|limit| start.elapsed() >= limit);
    let end = session.wait(&mut machine, time_is_up, || {
        bar.finish_and_clear();
        if raw {
            terminal::make_raw();
        }
    });
    terminal::restore();
    bar.finish_and_clear();
    drop(scratch);
    Ok(conclude(end, &mut machine, job))
}

/// Ends the machine; the exit status that `end` means, with an explanation where there is one.
fn conclude(end: End, machine: &mut Machine, job: &Job) -> u8 {
    // After a status the machine switches itself off; what it says on the way is of interest only if it is a panic.
    let patience = if matches!(end, End::TimedOut | End::Stopped(_)) {
        0
    } else {
        300
    };
    let ended = machine
        .wait(Duration::from_millis(patience))
        .unwrap_or(false);
    let words = machine.stop();
    let panicked = machine.console.panicked();
    match end {
        End::Exited(_) | End::NotStarted(..) if panicked => {
            kernel_died(machine, "the kernel panicked")
        }
        End::Exited(status) => exit_code(status),
        End::NotStarted(errno, text) => {
            eprintln!("gaon: {}: {text}", job.program);
            if errno == libc::ENOENT { 127 } else { 126 }
        }
        End::TimedOut => {
            eprintln!("gaon: time is up");
            TIMED_OUT
        }
        End::Stopped(signal) => 128 + u8::try_from(signal).unwrap_or(0),
        End::Panicked => kernel_died(machine, "the kernel panicked"),
        End::Silent(_) if panicked => kernel_died(machine, "the kernel panicked"),
        End::Silent(why) => {
            if ended && !words.trim().is_empty() {
                eprintln!("{}", words.trim_end());
            }
            kernel_died(machine, &why)
        }
    }
}

fn kernel_died(machine: &Machine, why: &str) -> u8 {
    eprintln!("gaon: {why}\n{}", machine.console.report());
    PANICKED
}

/// A status of `wait4` as a shell shows it.
fn exit_code(status: i32) -> u8 {
    let signal = status & 0x7f;
    let code = if signal == 0 {
        (status >> 8) & 0xff
    } else {
        128 + signal
    };
    u8::try_from(code).unwrap_or(u8::MAX)
}

/// A guest whose own /init uses the console: our terminal is that console. The status tells a panic, as ever.
fn on_console(config: &vm::Config, limit: Option<Duration>) -> Result<u8> {
    let scratch = tempfile::Builder::new().prefix("gaon-").tempdir()?;
    let log = scratch.path().join("console");
    let mut command = vm::command(config);
    let chardev = format!("stdio,id=console,signal=off,logfile={}", log.display());
    command.args(["-chardev", &chardev, "-serial", "chardev:console"]);
    let mut child = command.spawn().context("qemu-system-x86_64")?;
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if limit.is_some_and(|limit| start.elapsed() >= limit) {
            child.kill()?;
            child.wait()?;
            eprintln!("gaon: time is up");
            return Ok(TIMED_OUT);
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let text = std::fs::read(&log).unwrap_or_default();
    if vm::is_panic(&text) {
        return Ok(PANICKED);
    }
    Ok(if status.success() { 0 } else { 1 })
}

#[cfg(test)]
mod tests {
    use super::exit_code;

    #[test]
    fn statuses_read_as_in_a_shell() {
        assert_eq!(exit_code(0), 0);
        assert_eq!(exit_code(0x0100), 1);
        assert_eq!(exit_code(0xff00), 255);
        assert_eq!(exit_code(11), 139);
        assert_eq!(exit_code(11 | 0x80), 139);
    }
}
