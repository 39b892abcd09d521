//! The contracts of `gaon run`, end to end: exit statuses, streams, machines, plain QEMU, a kernel that gives up. Each test
//! starts this very tool as its users do.

use super::plan::Plan;
use super::{Counter, Tally, interactive};
use crate::pack::{program, tree::Tree};
use crate::verb::run::{DEFAULT_MACHINE, PEER_MACHINE};
use anyhow::{Context, Result};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// One run: arguments of `run` before the kernel's, the program, its input, what has to come back.
struct Case<'a> {
    name: &'a str,
    options: &'a [&'a str],
    program: &'a [&'a str],
    stdin: &'a [u8],
    status: i32,
    stdout: &'a [u8],
    /// Standard error holds this.
    stderr: &'a str,
}

const PLAIN: Case<'_> = Case {
    name: "",
    options: &[],
    program: &[],
    stdin: b"",
    status: 0,
    stdout: b"",
    stderr: "",
};

/// Machines on which the tool has to show a console (`plain` has more of them, without the tool).
const MACHINES: [(&str, &str); 3] = [("q35", "max"), ("pc", "qemu64"), ("microvm", "max")];

pub(super) fn run(plan: &Plan) -> Result<Tally> {
    let mut counter = Counter::new(plan, "run");
    // Ten megabytes where there is time.
    let noise = noise(if plan.full { 10_000_000 } else { 100_000 });
    for case in cases(&noise) {
        if counter.wants(case.name) {
            counter.count(case.name, judge(&case, plan)?);
        }
    }
    let folder = tempfile::tempdir()?;
    let initrd = folder.path().join("plain.cpio");
    plain_initramfs(&initrd)?;
    for (machine, cpu) in MACHINES {
        let name = format!("initrd-{machine}-{cpu}");
        // Linux on a microvm under TCG is not reliable: nothing to learn there.
        if counter.wants(&name) && !(plan.linux && machine == "microvm") {
            let output = plain(plan, &initrd, machine, cpu)?;
            let text = String::from_utf8_lossy(&output.stdout);
            let good = output.status.success() && text.contains("init-was-here");
            let last = text.lines().last().unwrap_or("nothing").to_owned();
            counter.count(
                &name,
                if good {
                    Ok(())
                } else {
                    Err(format!("{}, last line {last:?}", output.status))
                },
            );
        }
    }
    for (name, bytes) in corrupted(&std::fs::read(&initrd)?) {
        let name = format!("corrupted-initramfs-{name}");
        if counter.wants(&name) {
            let bad = folder.path().join("bad.cpio");
            std::fs::write(&bad, bytes)?;
            counter.count(
                &name,
                judge_corrupted(&plain(plan, &bad, "q35", "max")?, plan.linux),
            );
        }
    }
    if counter.wants("files-of-an-initramfs") {
        counter.count(
            "files-of-an-initramfs",
            with_initramfs(plan, folder.path())?,
        );
    }
    interactive::run(plan, &mut counter)?;
    Ok(counter.tally)
}

/// Bytes of all values in no order.
fn noise(size: u32) -> Vec<u8> {
    (0..size)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect()
}

/// Archives that are none: name, bytes.
fn corrupted(good: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let patched = |at: usize, text: &[u8]| {
        let mut bytes = good.to_vec();
        bytes[at..at + text.len()].copy_from_slice(text);
        bytes
    };
    let second = good[6..]
        .windows(6)
        .position(|window| window == b"070701")
        .map_or(0, |at| at + 6);
    let gzip = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3], &noise(5000)[..]].concat();
    vec![
        ("noise", noise(100_000)),
        ("cut-in-a-file", good[..good.len() / 2].to_vec()),
        ("cut-in-a-header", good[..second + 50].to_vec()),
        ("bad-magic-later", patched(second, b"070799")),
        ("size-that-is-no-number", patched(second + 54, b"zzzzzzzz")),
        ("size-beyond-the-end", patched(second + 54, b"7fffffff")),
        ("name-beyond-the-end", patched(second + 94, b"ffffffff")),
        ("gzip-of-noise", gzip),
    ]
}

/// The kernel gives up as a panic and names the initramfs as what is wrong. Linux unpacks what there is of half an archive
/// without a word, and misses an init later: of it the panic is enough.
fn judge_corrupted(output: &Output, linux: bool) -> Result<(), String> {
    let text = String::from_utf8_lossy(&output.stdout).to_lowercase()
        + &String::from_utf8_lossy(&output.stderr);
    if output.status.code() != Some(101) {
        Err(format!("expected status 101, got {}", output.status))
    } else if !linux && !text.contains("initramfs") {
        let tail = text.lines().rev().take(3).collect::<Vec<_>>().join(" | ");
        Err(format!("nothing about an initramfs, but {tail:?}"))
    } else {
        Ok(())
    }
}

/// `--initrd` with a program: the files of both are there.
fn with_initramfs(plan: &Plan, folder: &Path) -> Result<Result<(), String>> {
    let initrd = folder.join("own.cpio");
    let mut tree = Tree::default();
    tree.folder("/own", 0o755);
    tree.file("/own/file", 0o644, b"brought along\n");
    tree.write(BufWriter::new(File::create(&initrd)?))?;
    let case = Case {
        options: &["--initrd", &initrd.to_string_lossy()],
        program: &["cat", "/own/file"],
        stdout: b"brought along\n",
        ..PLAIN
    };
    judge(&case, plan)
}

fn cases(noise: &[u8]) -> Vec<Case<'_>> {
    vec![
        Case {
            name: "echo",
            program: &["/bin/echo", "hello"],
            stdout: b"hello\n",
            ..PLAIN
        },
        Case {
            name: "false",
            program: &["/bin/false"],
            status: 1,
            ..PLAIN
        },
        Case {
            name: "killed",
            program: &["sh", "-c", "kill -SEGV $$"],
            status: 139,
            ..PLAIN
        },
        Case {
            name: "streams-apart",
            program: &["sh", "-c", "echo out; echo err >&2; exit 7"],
            status: 7,
            stdout: b"out\n",
            stderr: "err\n",
            ..PLAIN
        },
        Case {
            name: "input-byte-exact",
            program: &["cat"],
            stdin: noise,
            stdout: noise,
            ..PLAIN
        },
        Case {
            name: "time-is-up",
            options: &["--timeout", "12"],
            program: &["sleep", "1000"],
            status: 124,
            stderr: "time is up",
            ..PLAIN
        },
        Case {
            name: "panic",
            program: &[
                "sh",
                "-c",
                // What init has not sent when the kernel dies is lost: it gets a second.
                "echo before; sleep 1; echo c > /proc/sysrq-trigger; sleep 5",
            ],
            status: 101,
            stdout: b"before\n",
            stderr: "Kernel panic",
            ..PLAIN
        },
        Case {
            name: "four-processors",
            options: &["--smp", "4"],
            program: &["nproc"],
            stdout: b"4\n",
            ..PLAIN
        },
        Case {
            name: "memory",
            options: &["--mem", "200M"],
            program: &[
                "sh",
                "-c",
                "awk '/MemTotal/ {print ($2 > 150000), ($2 < 204800)}' /proc/meminfo",
            ],
            stdout: b"1 1\n",
            ..PLAIN
        },
        Case {
            name: "machine",
            options: &["--machine", "pc"],
            program: &["echo", "on a pc"],
            stdout: b"on a pc\n",
            ..PLAIN
        },
        Case {
            name: "words-for-the-kernel",
            options: &["--append", "one.word=1", "--append", "another"],
            program: &["grep", "-c", "one.word=1 another", "/proc/cmdline"],
            stdout: b"1\n",
            ..PLAIN
        },
        Case {
            name: "environment",
            options: &["--env", "GREETING=hello there"],
            program: &["sh", "-c", "echo $GREETING"],
            stdout: b"hello there\n",
            ..PLAIN
        },
        Case {
            name: "shell-without-a-program",
            stdin: b"echo from the shell; exit 3\n",
            status: 3,
            stdout: b"from the shell\n",
            ..PLAIN
        },
        Case {
            name: "no-such-program-in-the-guest",
            program: &["sh", "-c", "nosuchprogram; exit $?"],
            status: 127,
            stderr: "not found",
            ..PLAIN
        },
        Case {
            name: "reader-that-stops-early",
            program: &["head", "-c", "10"],
            stdin: noise,
            stdout: &noise[..10],
            ..PLAIN
        },
        Case {
            name: "files-brought-along",
            options: &["--with", "/etc/debian_version"],
            program: &["sh", "-c", "test -s /etc/debian_version && echo there"],
            stdout: b"there\n",
            ..PLAIN
        },
    ]
}

fn judge(case: &Case<'_>, plan: &Plan) -> Result<Result<(), String>> {
    let mut command = this_tool(plan)?;
    command.args(case.options);
    let usual = if plan.linux {
        PEER_MACHINE
    } else {
        DEFAULT_MACHINE
    };
    if !case.options.contains(&"--machine") {
        command.args(["--machine", plan.machine.as_deref().unwrap_or(usual)]);
    }
    if !case.program.is_empty() {
        command.arg("--").args(case.program);
    }
    let output = feed(command, case.stdin)?;
    let errors = String::from_utf8_lossy(&output.stderr);
    Ok(if output.status.code() != Some(case.status) {
        Err(format!(
            "expected status {}, got {}; {}",
            case.status,
            output.status,
            errors.trim_end()
        ))
    } else if output.stdout != case.stdout {
        Err(format!(
            "expected {} bytes of output, got {}, or others",
            case.stdout.len(),
            output.stdout.len()
        ))
    } else if !errors.contains(case.stderr) {
        Err(format!(
            "expected errors with {:?}, got {errors:?}",
            case.stderr
        ))
    } else {
        Ok(())
    })
}

/// Plain QEMU with somebody's initramfs, as the contract for those without this tool says.
fn plain(plan: &Plan, initrd: &Path, machine: &str, cpu: &str) -> Result<Output> {
    let mut command = this_tool(plan)?;
    command.arg("--initrd").arg(initrd).args([
        "--machine",
        machine,
        "--cpu",
        cpu,
        "--timeout",
        "60",
    ]);
    feed(command, b"")
}

pub(super) fn this_tool(plan: &Plan) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("run").arg("--kernel").arg(&plan.kernel);
    Ok(command)
}

pub(super) fn feed(mut command: Command, input: &[u8]) -> Result<Output> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut stdin = child.stdin.take().context("a pipe was asked for")?;
    let input = input.to_vec();
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output()?;
    let _ = writer.join();
    Ok(output)
}

/// An initramfs that knows nothing of this tool: busybox and a script.
fn plain_initramfs(to: &Path) -> Result<()> {
    script_initramfs(to, "echo init-was-here $(/bin/busybox uname -r)")
}

/// Busybox and a script as the first process, which has /proc and /dev and powers off at its end.
pub(super) fn script_initramfs(to: &Path, script: &str) -> Result<()> {
    let script = format!(
        "#!/bin/busybox sh\n\
        /bin/busybox mount -t proc proc /proc\n\
        /bin/busybox mount -t devtmpfs dev /dev\n\
        {script}\n\
        /bin/busybox poweroff -f\n"
    );
    let mut tree = Tree::default();
    for folder in ["/bin", "/dev", "/proc"] {
        tree.folder(folder, 0o755);
    }
    tree.device("/dev/console", 0o600, 5, 1);
    tree.host_file_as("/bin/busybox", 0o755, &program::find("busybox")?);
    tree.file("/init", 0o755, script.as_bytes());
    tree.write(BufWriter::new(File::create(to)?))?;
    Ok(())
}
