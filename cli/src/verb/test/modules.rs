//! Kernel modules: those of `test/modules`, compiled by make against `target/gaon/build`, loaded in one boot.

mod cases;
mod contained;
mod debugging;
mod events;
mod loading;
mod rust;
mod services;
mod signatures;
mod tools;

use super::machine::{feed, this_tool};
use super::plan::Plan;
use super::{Counter, Tally, say};
use crate::verb::build;
use crate::verb::run::{DEFAULT_MACHINE, PEER_MACHINE};
use crate::{host, oracle, tree};
use anyhow::Result;
use cases::CASES;
use rust::RUST;
use services::{SERVICES, SHARED};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// One test: what a shell does, and what it has to print, in this order.
struct Case {
    name: &'static str,
    script: &'static str,
    stdout: &'static [&'static str],
}

/// Before each script: `$m` has the modules; the tools are kmod's; `told` shows what the kernel said since the last look.
const BEFORE: &str = "for tool in insmod rmmod lsmod modprobe modinfo depmod; do ln -s /bin/kmod /tmp/$tool; done\n\
    insmod() { /tmp/insmod \"$@\"; }\nrmmod() { /tmp/rmmod \"$@\"; }\nlsmod() { /tmp/lsmod; }\n\
    modprobe() { /tmp/modprobe \"$@\"; }\nmodinfo() { /tmp/modinfo \"$@\"; }\ndepmod() { /tmp/depmod; }\n\
    told() { dmesg -c | sed 's/^\\[[^]]*\\] //' | grep -v 'is not there'; }\ndmesg -c >/dev/null\n";
/// Between scripts.
const MARK: &str = "=== ";

pub(super) fn run(plan: &Plan) -> Result<Tally> {
    let mut counter = Counter::new(plan, "modules");
    if plan.linux {
        return on_linux(plan, counter);
    }
    for (name, judge) in tools::CASES {
        if counter.wants(name) {
            counter.count(name, judge(plan)?);
        }
    }
    if counter.wants("debug-with-gdb") {
        match tools::debug(plan)? {
            Some(outcome) => counter.count("debug-with-gdb", outcome),
            None => {
                say("note modules: gdb is not there");
                counter.skip("debug-with-gdb");
            }
        }
    }
    let kdir = build::module_folder()?;
    let all = CASES
        .iter()
        .chain(&SERVICES)
        .chain(&SHARED)
        .chain(&RUST)
        .chain(&debugging::CASES)
        .chain(&loading::CASES);
    boot(&mut counter, plan, &kdir, all.chain(&loading::HOSTILE))?;
    boot(&mut counter, plan, &kdir, loading::ALONE.iter())?;
    let on_four = services::SHARED_ON_FOUR.iter();
    let own = services::ON_FOUR.iter().filter(|_| !plan.linux);
    boot_on(4, &mut counter, plan, &kdir, on_four.chain(own))?;
    of_events(&mut counter, plan, &kdir)?;
    of_signatures(&mut counter, plan, &kdir)?;
    Ok(counter.tally)
}

/// Crashes by the thousand, which want all processors for themselves.
pub(super) fn containment(plan: &Plan) -> Result<Tally> {
    let mut counter = Counter::new(plan, "modules");
    if contained::is_wanted(&counter) {
        contained::run(plan, &mut counter, &compile(&build::module_folder()?)?)?;
    }
    Ok(counter.tally)
}

fn of_signatures(counter: &mut Counter<'_>, plan: &Plan, kdir: &Path) -> Result<()> {
    let own = signatures::OWN.iter().filter(|_| !plan.linux);
    let cases: Vec<&Case> = std::iter::once(&signatures::STRANGER).chain(own).collect();
    if cases.iter().any(|case| counter.wants(case.name)) {
        signatures::sign(&compile(kdir)?)?;
    }
    boot(counter, plan, kdir, cases.into_iter())
}

/// What Debian's udevadm shows, if it is there.
fn of_events(counter: &mut Counter<'_>, plan: &Plan, kdir: &Path) -> Result<()> {
    if Path::new(events::UDEVADM).exists() {
        return boot(counter, plan, kdir, events::CASES.iter());
    }
    say(&format!("note modules: {} is not there", events::UDEVADM));
    counter.tally.skipped += events::CASES.len();
    Ok(())
}

/// What holds on Linux too, with modules built for it.
fn on_linux(plan: &Plan, mut counter: Counter<'_>) -> Result<Tally> {
    let kdir = match oracle::headers(&plan.kernel) {
        Ok(kdir) => kdir,
        Err(error) => {
            say(&format!(
                "note modules: no headers of this Linux ({error:#})"
            ));
            counter.tally.skipped += loading::CASES.len() + SHARED.len() + loading::ALONE.len();
            return Ok(counter.tally);
        }
    };
    boot(
        &mut counter,
        plan,
        &kdir,
        loading::CASES.iter().chain(&SHARED),
    )?;
    boot(&mut counter, plan, &kdir, loading::ALONE.iter())?;
    let on_four = services::SHARED_ON_FOUR.iter();
    let own = services::ON_FOUR.iter().filter(|_| !plan.linux);
    boot_on(4, &mut counter, plan, &kdir, on_four.chain(own))?;
    of_events(&mut counter, plan, &kdir)?;
    of_signatures(&mut counter, plan, &kdir)?;
    Ok(counter.tally)
}

/// Runs those cases that are wanted one after the other in one machine.
fn boot<'a>(
    counter: &mut Counter<'_>,
    plan: &Plan,
    kdir: &Path,
    cases: impl Iterator<Item = &'a Case>,
) -> Result<()> {
    boot_on(1, counter, plan, kdir, cases)
}

/// As [`boot`], on so many processors.
fn boot_on<'a>(
    cpus: usize,
    counter: &mut Counter<'_>,
    plan: &Plan,
    kdir: &Path,
    cases: impl Iterator<Item = &'a Case>,
) -> Result<()> {
    let wanted: Vec<&Case> = cases.filter(|case| counter.wants(case.name)).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let folder = compile(kdir)?;
    let mut script = format!("m={}\n{BEFORE}", folder.display());
    for case in &wanted {
        script += &format!("echo '{MARK}{}'\n{}\n", case.name, case.script);
    }
    let mut command = this_tool(plan)?;
    let usual = if plan.linux {
        PEER_MACHINE
    } else {
        DEFAULT_MACHINE
    };
    command.args(["--machine", plan.machine.as_deref().unwrap_or(usual)]);
    command.args(["--timeout", "300", "--smp", &cpus.to_string()]);
    command.args(["--with", "/bin/kmod", "--with"]).arg(&folder);
    // A card that no driver knows, for modules to find.
    command.args(["--qemu=-device", "--qemu=ne2k_isa,iobase=0x340,irq=5"]);
    if Path::new(events::UDEVADM).exists() {
        command.args(["--with", events::UDEVADM]);
    }
    command.args(["--", "sh", "-c", &script]);
    let output = feed(command, b"")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for case in wanted {
        match skipped(case, &text) {
            Some(why) => {
                say(&format!("note modules/{}: {why}", case.name));
                counter.skip(case.name);
            }
            None => counter.count(case.name, judge(case, &text, output.status)),
        }
    }
    Ok(())
}

/// Why a case did nothing, if it says so.
fn skipped<'a>(case: &Case, text: &'a str) -> Option<&'a str> {
    let (_, part) = text.split_once(&format!("{MARK}{}\nskip: ", case.name))?;
    part.lines().next()
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

/// Compiles `test/modules` in a folder of its own, against the headers in `kdir`, and beside it the samples; gives it. Once for
/// each `kdir`, whatever number of boots needs it.
fn compile(kdir: &Path) -> Result<PathBuf> {
    static DONE: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let own = kdir.starts_with(tree::output()?.join("build"));
    let folder = tree::output()?.join(if own {
        "test-modules"
    } else {
        "test-modules-linux"
    });
    let mut done = DONE.lock().unwrap_or_else(PoisonError::into_inner);
    if !done.contains(&folder) {
        compile_into(&folder, kdir, own)?;
        done.insert(folder.clone());
    }
    Ok(folder)
}

fn compile_into(folder: &Path, kdir: &Path, own: bool) -> Result<()> {
    let samples = folder.join("samples");
    let mut all = vec![("test/modules", folder)];
    if own {
        all.push(("modules", &*samples));
    }
    for (sources, into) in all {
        std::fs::create_dir_all(into)?;
        for entry in std::fs::read_dir(tree::root()?.join(sources))? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                // Ours are compiled anew each time: what they are compiled by is part of the test.
                if own {
                    std::fs::copy(entry.path(), into.join(entry.file_name()))?;
                } else {
                    host::copy(&entry.path(), into)?;
                }
            }
        }
        if !own {
            // What is tried on Linux too.
            let modules = "advanced_device.o asks.o boxes.o buses.o circle_a.o circle_b.o circle_c.o closed.o crew.o describes.o dumps.o finds.o gives.o hello.o iomem.o iters.o kinds.o lists.o locks.o many.o maps.o memory.o model.o \
                needs.o objects.o odds.o params.o pieces.o probes.o probing.o regions.o seeks.o serves.o sleeps.o snippets3.o snippets4.o strings.o takes.o timers.o";
            let text = format!("obj-m := {modules}\n");
            host::write(&into.join("Makefile"), text.as_bytes())?;
        }
        host::make_modules(kdir, into)?;
    }
    for tool in ["xz", "zstd"] {
        let mut pack = Command::new(tool);
        pack.args(["-q", "-k", "-f", "params.ko"]);
        host::run(pack.current_dir(folder))?;
    }
    for entry in std::fs::read_dir(tree::root()?.join("test/modules/user"))? {
        let source = entry?.path();
        if source.extension().is_some_and(|ending| ending == "c") {
            host::compile(&source, folder)?;
        }
    }
    Ok(())
}
