//! Plain QEMU, without this tool: any Linux initramfs boots on q35, pc and microvm, with one processor and with eight, a
//! current one and the default one, packed or not; `poweroff -f` and `reboot -f` end QEMU. The command is the one the README
//! gives.

use super::machine::script_initramfs;
use super::plan::Plan;
use super::{Counter, Tally};
use crate::vm;
use anyhow::{Context, Result};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const MACHINES: [&str; 3] = ["q35", "pc", "microvm"];
/// QEMU's default, and one with all it can emulate.
const PROCESSORS: [Option<&str>; 2] = [None, Some("max")];
const LIMIT: Duration = Duration::from_secs(100);

/// One boot.
struct Boot<'a> {
    machine: &'a str,
    processor: Option<&'a str>,
    cpus: u32,
    initrd: &'a Path,
}

pub(super) fn run(plan: &Plan) -> Result<Tally> {
    let mut counter = Counter::new(plan, "plain");
    let folder = tempfile::tempdir()?;
    let file = |name: &str| folder.path().join(name);
    let (plain, packed, again) = (
        file("plain.cpio"),
        file("packed.cpio.gz"),
        file("again.cpio"),
    );
    let hello = "echo init-was-here $(/bin/busybox nproc) processors";
    script_initramfs(&plain, hello)?;
    script_initramfs(&again, "/bin/busybox reboot -f")?;
    let gzip = Command::new("gzip")
        .arg("-c")
        .stdin(File::open(&plain)?)
        .stdout(File::create(&packed)?)
        .status()
        .context("gzip")?;
    anyhow::ensure!(gzip.success(), "gzip: {gzip}");
    for machine in MACHINES {
        for processor in PROCESSORS {
            for (cpus, initrd, how) in [(1, &plain, "plain"), (8, &packed, "gzip")] {
                let name = format!("{machine}-{}-{cpus}-{how}", processor.unwrap_or("default"));
                if counter.wants(&name) {
                    let boot = Boot {
                        machine,
                        processor,
                        cpus,
                        initrd,
                    };
                    let wanted = format!("init-was-here {cpus} processors");
                    counter.count(&name, judge(&boot, plan, &wanted)?);
                }
            }
        }
        let name = format!("{machine}-reboot");
        if counter.wants(&name) {
            let boot = Boot {
                machine,
                processor: None,
                cpus: 1,
                initrd: &again,
            };
            counter.count(&name, judge(&boot, plan, "")?);
        }
    }
    Ok(counter.tally)
}

/// QEMU ends by itself, in time, and the console showed `wanted`.
fn judge(boot: &Boot<'_>, plan: &Plan, wanted: &str) -> Result<Result<(), String>> {
    let mut command = Command::new("qemu-system-x86_64");
    command.args(["-accel", "tcg", "-nographic", "-no-reboot", "-m", "512"]);
    command.args(["-machine", boot.machine, "-smp", &boot.cpus.to_string()]);
    if let Some(processor) = boot.processor {
        command.args(["-cpu", processor]);
    }
    command.arg("-kernel").arg(&plan.kernel);
    command.arg("-initrd").arg(boot.initrd);
    command.args(["-append", "console=ttyS0 panic=-1"]);
    let mut child = vm::spawn_with_output(command)?;
    let mut stdout = child.stdout.take().context("a pipe was asked for")?;
    let reader = std::thread::spawn(move || {
        let mut text = Vec::new();
        let _ = stdout.read_to_end(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    });
    let end = Instant::now() + LIMIT;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if Instant::now() > end {
            child.kill()?;
            child.wait()?;
            break None;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let text = reader.join().unwrap_or_default();
    let last = text.trim_end().lines().last().unwrap_or("nothing");
    Ok(match status {
        None => Err(format!("did not end; last line {last:?}")),
        Some(status) if !status.success() => Err(format!("{status}; last line {last:?}")),
        Some(_) if text.contains("Kernel panic") || !text.contains(wanted) => {
            Err(format!("no {wanted:?}; last line {last:?}"))
        }
        Some(_) => Ok(()),
    })
}
