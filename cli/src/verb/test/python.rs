//! Python's own tests of the operating system (`python3 -m test`), from Debian, unmodified: on Linux and on Gaon, test by test.
//! Nothing may fail, or be left out, on Gaon alone.

mod outcome;

use super::machine::feed;
use super::plan::Plan;
use super::{Tally, say};
use crate::verb::run::{DEFAULT_MACHINE, PEER_MACHINE};
use crate::{cargo, oracle, tree};
use anyhow::{Context, Result, bail};
use outcome::{Outcome, Outcomes};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const PYTHON: &str = "/usr/bin/python3.11";
const LIBRARY: &str = "/usr/lib/python3.11";
/// What the C library opens by itself, for threads that end early.
const UNWINDER: &str = "/lib/x86_64-linux-gnu/libgcc_s.so.1";

/// A file of tests, and patterns of what is run of it (none: all).
type Module = (&'static str, &'static [&'static str]);

/// The classes of `test_socket` about UNIX sockets, and what other classes hold of them: pairs of sockets are of that family.
/// Not `test_sendall_interrupted`: it sets an alarm for one second, makes 16 MiB, and sends them. Where that takes longer the
/// alarm is over before, and it waits for ever.
const OF_UNIX_SOCKETS: &[&str] = &[
    "SendmsgUnixStreamTest",
    "RecvmsgUnixStreamTest",
    "RecvmsgIntoUnixStreamTest",
    "RecvmsgSCMRightsStreamTest",
    "RecvmsgIntoSCMRightsStreamTest",
    "SendRecvFdsTests",
    "BasicSocketPairTest",
    "TestLinuxAbstractNamespace",
    "TestUnixDomain",
    "CmsgMacroTests",
    "test.test_socket.InheritanceTest.test_socketpair",
];

/// Short ones first.
const MODULES: [Module; 18] = [
    ("test_fcntl", &[]),
    ("test_mmap", &[]),
    ("test_resource", &[]),
    ("test_pty", &[]),
    ("test_time", &[]),
    ("test_epoll", &[]),
    ("test_select", &[]),
    ("test_selectors", &[]),
    ("test_socket", OF_UNIX_SOCKETS),
    ("test_shutil", &[]),
    ("test_posix", &[]),
    ("test_tempfile", &[]),
    ("test_pathlib", &[]),
    ("test_signal", &[]),
    ("test_os", &[]),
    ("test_threading", &[]),
    ("test_subprocess", &[]),
    ("test_multiprocessing_fork", &[]),
];

/// 127.0.0.1 is down at the start: tests that need it would fail on both kernels, and tell nothing. `SIOCSIFFLAGS` with
/// `IFF_UP` and `IFF_RUNNING`, as ifconfig(8) does it.
const START: &str = "\
    \"$0\" -c 'import fcntl, socket, struct; \
    fcntl.ioctl(socket.socket(), 0x8914, struct.pack(\"16sh22x\", b\"lo\", 0x41))' && exec \"$0\" \"$@\"";

/// Seconds that a guest may take, and the file of tests in it: after these Python says where it hangs.
const LIMIT: &str = "5400";
const LIMIT_OF_FILE: &str = "5100";

/// Runs what `plan.filter` picks: part of a file's name, or that, a slash and a pattern for `python3 -m test -m`.
pub(super) fn run(plan: &Plan) -> Result<Tally> {
    if !Path::new(LIBRARY).join("test/test_os.py").exists() || !Path::new(PYTHON).exists() {
        bail!("Python's tests are needed: apt-get install python3 libpython3.11-testsuite");
    }
    let (wanted, pattern) = match plan.filter.split_once('/') {
        Some((wanted, pattern)) => (wanted, Some(pattern)),
        None => (&*plan.filter, None),
    };
    let mut tally = Tally::default();
    for (module, patterns) in MODULES.iter().filter(|(name, _)| name.contains(wanted)) {
        let patterns: Vec<&str> = match pattern {
            Some(pattern) => vec![pattern],
            None => patterns.to_vec(),
        };
        tally.add(compare(plan, module, &patterns)?);
    }
    Ok(tally)
}

/// One file of tests on both kernels.
fn compare(plan: &Plan, module: &str, patterns: &[&str]) -> Result<Tally> {
    let theirs = outcome::read(&on_linux(plan, module, patterns)?);
    let text = on_gaon(plan, module, patterns)?;
    let ours = outcome::read(&text);
    let mut tally = Tally::default();
    for (name, wanted) in &theirs {
        judge(plan, name, wanted, &ours, &mut tally);
    }
    // What Linux knows nothing of can only be the end of the whole.
    for (name, got) in ours.iter().filter(|(name, _)| !theirs.contains_key(*name)) {
        if *got == Outcome::Failed {
            tally.failed += 1;
            say(&format!("FAILED {name}: there is none on Linux"));
        }
    }
    say(&format!(
        "note {module} on Linux: {}",
        outcome::counts(&theirs)
    ));
    say(&format!(
        "note {module} on Gaon:  {}",
        outcome::counts(&ours)
    ));
    Ok(tally)
}

fn judge(plan: &Plan, name: &str, wanted: &Outcome, ours: &Outcomes, tally: &mut Tally) {
    let got = ours.get(name).unwrap_or(&Outcome::Lost);
    if !got.is_as_good_as(wanted) {
        tally.failed += 1;
        say(&format!("FAILED {name}: Linux: {wanted}, Gaon: {got}"));
    } else if matches!(wanted, Outcome::Skipped(_)) {
        tally.skipped += 1;
    } else {
        tally.passed += 1;
        if plan.verbose {
            say(&format!("ok {name}"));
        }
    }
}

/// What Linux answers: from `target/gaon/python` if it was asked before, with this Python and this kernel. `--oracle linux`
/// asks anew.
fn on_linux(plan: &Plan, module: &str, patterns: &[&str]) -> Result<String> {
    let kernel = oracle::linux()?;
    let file = folder()?.join(format!("{module}.linux"));
    let python = fs::metadata(PYTHON)?;
    let asked = format!(
        "{} {} {} {patterns:?} {START}\n",
        kernel.display(),
        python.mtime(),
        python.size()
    );
    let known = fs::read_to_string(&file).unwrap_or_default();
    if !plan.linux && known.starts_with(&asked) {
        return Ok(known);
    }
    let mut command = boot(plan, &kernel, PEER_MACHINE)?;
    command.args(["--append", "mitigations=off no5lvl nopku no_timer_check"]);
    let text = asked + &said(command, "Linux", module, &accept(patterns))?;
    fs::write(&file, &text).with_context(|| file.display().to_string())?;
    Ok(text)
}

/// What `python3 -m test` is told of the patterns.
fn accept<'a>(patterns: &[&'a str]) -> Vec<&'a str> {
    patterns.iter().flat_map(|p| ["-m", p]).collect()
}

fn on_gaon(plan: &Plan, module: &str, patterns: &[&str]) -> Result<String> {
    let machine = plan.machine.as_deref().unwrap_or(DEFAULT_MACHINE);
    let command = boot(plan, &plan.kernel, machine)?;
    let choice = accept(patterns);
    let text = said(command, "Gaon", module, &choice)?;
    let file = folder()?.join(format!("{module}.gaon"));
    fs::write(&file, &text).with_context(|| file.display().to_string())?;
    Ok(text)
}

/// Where the logs stay.
fn folder() -> Result<PathBuf> {
    let folder = tree::output()?.join("python");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// A guest that has Python.
fn boot(plan: &Plan, kernel: &Path, machine: &str) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("run").arg("--kernel").arg(kernel);
    command.args(["--machine", machine]);
    let cpus = plan.smp.unwrap_or(2).to_string();
    command.args(["--smp", &cpus, "--mem", "2G", "--timeout", LIMIT]);
    for path in [PYTHON, "/usr/bin/python3", LIBRARY, UNWINDER] {
        command.args(["--with", path]);
    }
    // One by one, so that their libraries come along.
    for entry in fs::read_dir(Path::new(LIBRARY).join("lib-dynload"))? {
        command.arg("--with").arg(entry?.path());
    }
    Ok(command)
}

/// What `python3 -m test -v CHOICE MODULE` says in such a guest, with what the kernel had to say if it died.
fn said(mut command: Command, kernel: &str, module: &str, choice: &[&str]) -> Result<String> {
    // By a shell: that brings the small programs which some of the tests start.
    command.args(["--", "/bin/sh", "-c", START, PYTHON]);
    command.args(["-m", "test", "-v", "--timeout", LIMIT_OF_FILE]);
    command.args(choice).arg(module);
    let bar = cargo::spinner(&format!("{module} on {kernel}"));
    let output = feed(command, b"")?;
    bar.finish_and_clear();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok(format!(
        "{}\n{errors}",
        String::from_utf8_lossy(&output.stdout)
    ))
}
