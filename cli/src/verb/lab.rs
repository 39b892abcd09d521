//! `gaon lab`: experiments. Each is a folder below `labs/` with a `lab.toml`: modules and programs to compile, and a script
//! that runs in the guest. Labs of user programs run on Linux too, and share a boot; those with modules have one each.

mod figures;
mod page;
mod recipe;

pub(crate) use figures::{Ran, Reader};
pub(crate) use recipe::{LACKING, Lab, Setting, command, names, read};

use crate::verb::build;
use crate::verb::run::{DEFAULT_MACHINE, PEER_MACHINE};
use crate::{cargo, oracle};
use anyhow::{Context, Result};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// Run an experiment
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Say what there is
    List,
    /// Compile its modules and programs, boot, and run it
    Run(Run),
}

#[derive(clap::Args)]
struct Run {
    /// As `gaon lab list` names it; a group, as ipc; or all
    name: String,
    /// CPUs, in place of what it wishes
    #[arg(long, value_name = "N")]
    smp: Option<u32>,
    /// Also run it on this kernel, in the same QEMU, and compare
    #[arg(long, value_enum, value_name = "KERNEL")]
    vs: Option<Peer>,
    /// Write what was said and measured as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The same as a page of HTML
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// The long forms: 500 kills instead of 20
    #[arg(long)]
    full: bool,
    /// Where random moments begin
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Boot this kernel as Gaon
    #[arg(long, value_name = "FILE")]
    kernel: Option<PathBuf>,
}

/// Whom Gaon is compared with.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Peer {
    Linux,
}

/// For the command line of Linux. Without the last a busy host makes it panic: it looks whether its timer ticks.
pub(crate) const LINUX_WORDS: &str = "mitigations=off no_timer_check";

/// How the kernels are called in tables.
pub(crate) const GAON: &str = "Gaon";
pub(crate) const LINUX: &str = "Linux";

pub(crate) fn run(arguments: &Arguments) -> Result<u8> {
    match &arguments.action {
        Action::List => {
            for name in names()? {
                println!("{name:<24} {}", read(&name)?.title);
            }
            Ok(0)
        }
        Action::Run(run) => run_all(run),
    }
}

/// The labs that a name stands for.
fn named(name: &str) -> Result<Vec<(String, Lab)>> {
    let mut chosen = names()?;
    let group = format!("{}/", name.trim_end_matches('/'));
    if name != "all" && chosen.iter().any(|other| other.starts_with(&group)) {
        chosen.retain(|other| other.starts_with(&group));
    } else if name != "all" {
        chosen = vec![name.to_owned()];
    }
    let read = |name: String| Ok((name.clone(), read(&name)?));
    chosen.into_iter().map(read).collect()
}

fn run_all(arguments: &Run) -> Result<u8> {
    let labs = named(&arguments.name)?;
    if let [(_, lab)] = &labs[..] {
        println!("{}", lab.title);
        lab.question.iter().for_each(|words| println!("{words}"));
    }
    let kernel = match &arguments.kernel {
        Some(kernel) => std::path::absolute(kernel)?,
        None => build::kernel("release")?,
    };
    // The same machine for both; Linux 6.1 does not boot on the other.
    let quick = match arguments.vs {
        None => DEFAULT_MACHINE,
        Some(_) => PEER_MACHINE,
    };
    let setting = |kernel, machine| Setting {
        kernel,
        machine,
        append: "",
        smp: arguments.smp,
        full: arguments.full,
        seed: arguments.seed,
    };
    let (with_modules, programs): (Vec<_>, Vec<_>) =
        labs.into_iter().partition(|(_, lab)| lab.has_modules());
    let mut ran = Vec::new();
    for lab in with_modules.chunks(1) {
        ran.append(&mut boot(lab, &setting(&kernel, PEER_MACHINE), GAON)?);
    }
    ran.append(&mut boot(&programs, &setting(&kernel, quick), GAON)?);
    if arguments.vs == Some(Peer::Linux) {
        if !with_modules.is_empty() {
            println!("\nlabs of modules run on Gaon alone: they are built for it");
        }
        let linux = oracle::linux()?;
        let setting = Setting {
            append: LINUX_WORDS,
            ..setting(&linux, PEER_MACHINE)
        };
        ran.append(&mut boot(&programs, &setting, LINUX)?);
    }
    let labs: Vec<_> = with_modules.into_iter().chain(programs).collect();
    show(&labs, &ran);
    if let Some(file) = &arguments.json {
        write(file, &serde_json::to_string_pretty(&ran)?)?;
    }
    if let Some(file) = &arguments.html {
        write(file, &page::page(&labs, &ran))?;
    }
    Ok(verdict(&ran, &labs))
}

/// 0 when all labs came to a good end, 77 when some found a call missing, 1 when one failed.
fn verdict(ran: &[Ran], labs: &[(String, Lab)]) -> u8 {
    let bad = |ran: &&Ran| !matches!(ran.status, Some(0 | LACKING));
    let missing = labs
        .iter()
        .any(|(name, _)| !ran.iter().any(|ran| ran.lab == *name));
    if missing || ran.iter().any(|ran| bad(&ran)) {
        1
    } else if ran.iter().any(|ran| ran.status == Some(LACKING)) {
        LACKING as u8
    } else {
        0
    }
}

/// Runs labs in one boot, and shows what they say as they say it.
fn boot(labs: &[(String, Lab)], setting: &Setting<'_>, kernel: &str) -> Result<Vec<Ran>> {
    if labs.is_empty() {
        return Ok(Vec::new());
    }
    let bar = cargo::spinner("compiling");
    let mut command = command(labs, setting)?;
    bar.finish_and_clear();
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let stdout = child.stdout.take().context("a pipe was asked for")?;
    let mut reader = Reader::new(kernel);
    // The empty line before a mark is not the lab's.
    let mut blank = false;
    for line in BufReader::new(stdout).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        if let Some(name) = line.strip_prefix(recipe::BEGINS) {
            println!("\n--- {name}, on {kernel}");
        }
        if reader.take(&line) {
            if std::mem::replace(&mut blank, line.is_empty()) {
                println!();
            }
            if !line.is_empty() {
                println!("{line}");
            }
        } else {
            blank = false;
        }
    }
    let status = child.wait()?;
    if !status.success() {
        println!("the boot of {kernel} ended with {status}");
    }
    Ok(reader.ran)
}

/// The tables, and who did not come to a good end.
fn show(labs: &[(String, Lab)], ran: &[Ran]) {
    for (name, lab) in labs {
        let runs: Vec<&Ran> = ran.iter().filter(|run| run.lab == *name).collect();
        if runs.iter().any(|run| !run.rows.is_empty()) {
            println!("\n{name}: {}\n{}", lab.title, figures::table(&runs));
        }
        for run in runs.iter().filter(|run| run.status != Some(0)) {
            let how = match run.status {
                Some(LACKING) => "found a call missing".to_owned(),
                Some(status) => format!("ended with status {status}"),
                None => "did not come to its end".to_owned(),
            };
            println!("{name} on {}: {how}", run.kernel);
        }
    }
}

fn write(file: &Path, text: &str) -> Result<()> {
    std::fs::write(file, text).with_context(|| file.display().to_string())
}
