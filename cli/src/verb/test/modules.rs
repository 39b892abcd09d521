//! Kernel modules: those of `test/modules`, compiled by make against `target/gaon/build`, loaded in one boot.

mod cases;
mod rust;
mod services;
mod tools;

use super::machine::{feed, this_tool};
use super::plan::Plan;
use super::{Counter, Tally};
use crate::tree;
use crate::verb::build;
use crate::verb::run::DEFAULT_MACHINE;
use anyhow::{Context, Result, bail};
use cases::CASES;
use rust::RUST;
use services::SERVICES;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One test: what a shell does, and what it has to print, in this order.
struct Case {
    name: &'static str,
    script: &'static str,
    stdout: &'static [&'static str],
}

/// Before each script: `$m` has the modules; the tools are kmod's; `told` shows what the kernel said since the last look.
const BEFORE: &str = "for tool in insmod rmmod lsmod; do ln -s /bin/kmod /tmp/$tool; done\n\
    insmod() { /tmp/insmod \"$@\"; }\nrmmod() { /tmp/rmmod \"$@\"; }\nlsmod() { /tmp/lsmod; }\n\
    told() { dmesg -c | sed 's/^\\[[^]]*\\] //' | grep -v 'is not there'; }\ndmesg -c >/dev/null\n";
/// Between scripts.
const MARK: &str = "=== ";

pub(super) fn run(plan: &Plan) -> Result<Tally> {
    let mut counter = Counter::new(plan, "modules");
    for (name, judge) in tools::CASES {
        if counter.wants(name) {
            counter.count(name, judge(plan)?);
        }
    }
    let wanted: Vec<&Case> = CASES
        .iter()
        .chain(&SERVICES)
        .chain(&RUST)
        .filter(|case| counter.wants(case.name))
        .collect();
    if wanted.is_empty() {
        return Ok(counter.tally);
    }
    let folder = compile()?;
    let mut script = format!("m={}\n{BEFORE}", folder.display());
    for case in &wanted {
        script += &format!("echo '{MARK}{}'\n{}\n", case.name, case.script);
    }
    let mut command = this_tool(plan)?;
    command.args([
        "--machine",
        plan.machine.as_deref().unwrap_or(DEFAULT_MACHINE),
    ]);
    command.args(["--timeout", "240", "--with", "/bin/kmod", "--with"]);
    command.arg(&folder);
    command.args(["--", "sh", "-c", &script]);
    let output = feed(command, b"")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for case in wanted {
        counter.count(case.name, judge(case, &text, output.status));
    }
    Ok(counter.tally)
}

/// Looks for what a case has to print, in its part of the output.
fn judge(case: &Case, text: &str, status: std::process::ExitStatus) -> Result<(), String> {
    let head = format!("{MARK}{}\n", case.name);
    let Some((_, part)) = text.split_once(&head) else {
        return Err(format!("never begun; {status}"));
    };
    let part = part.split(MARK).next().unwrap_or_default();
    let mut rest = part;
    for wanted in case.stdout {
        match rest.split_once(wanted) {
            Some((_, after)) => rest = after,
            None => return Err(format!("{wanted:?} is not (there) in\n{part}")),
        }
    }
    Ok(())
}

/// Compiles `test/modules` in a folder of its own; gives it.
fn compile() -> Result<PathBuf> {
    let kdir = build::module_folder()?;
    let folder = tree::output()?.join("test-modules");
    for (sources, into) in [
        ("test/modules", &folder),
        ("modules", &folder.join("samples")),
    ] {
        std::fs::create_dir_all(into)?;
        for entry in std::fs::read_dir(tree::root()?.join(sources))? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                std::fs::copy(entry.path(), into.join(entry.file_name()))?;
            }
        }
        make(&kdir, into)?;
    }
    for entry in std::fs::read_dir(tree::root()?.join("test/modules/user"))? {
        compile_program(&entry?.path(), &folder)?;
    }
    Ok(folder)
}

/// Compiles a program that uses the modules, so that it needs no library.
fn compile_program(source: &Path, folder: &Path) -> Result<()> {
    let name = source.file_stem().context("a program without a name")?;
    let mut gcc = Command::new("gcc");
    gcc.args(["-O2", "-static", "-o"]);
    let output = gcc.arg(folder.join(name)).arg(source).output()?;
    if !output.status.success() {
        bail!("gcc: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

fn make(kdir: &Path, folder: &Path) -> Result<()> {
    let output = Command::new("make")
        .arg("-C")
        .arg(kdir)
        .arg(format!("M={}", folder.display()))
        .arg("modules")
        .output()?;
    if !output.status.success() {
        bail!(
            "make: {}",
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    Ok(())
}
