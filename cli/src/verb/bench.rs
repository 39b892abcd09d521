//! `gaon bench`: what each crossing of the user/kernel boundary costs, on Gaon and on Linux 6.1 in the same QEMU.
//!
//! The clock is QEMU's instruction counter: a nanosecond of the guest is an instruction, so that a figure repeats from run
//! to run whatever else the host does. Both kernels run the same static binary (`user/bench`) on the same machine.

use crate::verb::build;
use crate::vm::plugin;
use crate::{cargo, oracle, tree};
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The machine that the figures are for.
const MACHINE: [&str; 6] = [
    "--machine",
    "q35",
    "--cpu",
    "max,-erms,-fsrm",
    "--mem",
    "512M",
];
/// Instructions as the clock, from a fixed point in time.
const CLOCK: [&str; 6] = [
    "-icount",
    "shift=0,sleep=off",
    "-seed",
    "1",
    "-rtc",
    "base=2026-01-01T00:00:00,clock=vm",
];
/// No mitigations: they cost instructions that Gaon has not.
const APPEND: &str = "mitigations=off quiet";

/// Measure what calls, faults, processes and IPC cost, in instructions
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Measure this kernel too and show the ratio
    #[arg(long, value_name = "KERNEL")]
    vs: Option<Peer>,
    /// Only benchmarks whose name contains this (repeats)
    #[arg(long, value_name = "F")]
    filter: Vec<String>,
    /// Also write the figures to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measure this kernel instead of the tree's own
    #[arg(long, value_name = "FILE")]
    kernel: Option<PathBuf>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Peer {
    /// Debian's Linux 6.1 for virtual machines, fetched once
    Linux,
}

/// A line of the benchmark program.
#[derive(Clone, Deserialize, Serialize)]
struct Figure {
    name: String,
    #[serde(default)]
    unit: String,
    /// Instructions per iteration.
    ns: Option<f64>,
    #[serde(default)]
    iterations: u64,
    /// What `ns` is already less: measured apart.
    #[serde(default)]
    overhead: f64,
    /// Instructions executed per iteration, less the overhead; idle time is in `ns` alone.
    busy: Option<f64>,
    absent: Option<String>,
    failed: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<u8> {
    let program = build::bench()?;
    let own = match &arguments.kernel {
        Some(kernel) => std::path::absolute(kernel)?,
        None => build::kernel_if_missing()?,
    };
    let gaon = measure("Gaon", &own, &program, &arguments.filter)?;
    let linux = match arguments.vs {
        Some(Peer::Linux) => Some(measure(
            "Linux 6.1",
            &oracle::linux()?,
            &program,
            &arguments.filter,
        )?),
        None => None,
    };
    show(&gaon, linux.as_deref());
    if let Some(path) = &arguments.json {
        let all =
            serde_json::json!({ "gaon": gaon, "linux": linux, "machine": MACHINE, "clock": CLOCK });
        std::fs::write(path, serde_json::to_string_pretty(&all)?)
            .with_context(|| path.display().to_string())?;
    }
    let wrong = gaon
        .iter()
        .chain(linux.iter().flatten())
        .any(|figure| figure.failed.is_some());
    Ok(u8::from(wrong))
}

/// Runs the program on a kernel, by way of `gaon run`.
fn measure(name: &str, kernel: &Path, program: &Path, filter: &[String]) -> Result<Vec<Figure>> {
    let bar = cargo::spinner(&format!("measuring {name}"));
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg("run")
        .args(MACHINE)
        .arg("--append")
        .arg(APPEND)
        .arg("--kernel")
        .arg(kernel);
    for option in CLOCK {
        command.arg("--qemu").arg(option);
    }
    let scratch = tempfile::Builder::new().prefix("gaon-").tempdir()?;
    let counted = scratch.path().join("counts");
    for option in plugin::options(&plugin::build()?, &counted, plugin::Wish::default()) {
        command.arg("--qemu").arg(option);
    }
    command
        .env("GAON_ROOT", tree::root()?)
        .arg("--")
        .arg(program)
        .args(filter);
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    bar.finish_and_clear();
    let text = String::from_utf8_lossy(&output.stdout);
    let mut figures: Vec<Figure> = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    if figures.is_empty() {
        bail!(
            "{name}: the benchmark program said nothing (status {})",
            output.status
        );
    }
    // One section for each figure, in the same order.
    let measured = figures.iter_mut().filter(|figure| figure.ns.is_some());
    for (figure, section) in measured.zip(plugin::read(&counted)?.sections) {
        figure.busy = Some(section as f64 / figure.iterations as f64 - figure.overhead);
    }
    Ok(figures)
}

fn show(gaon: &[Figure], linux: Option<&[Figure]>) {
    let peers: BTreeMap<&str, &Figure> = linux
        .into_iter()
        .flatten()
        .map(|figure| (figure.name.as_str(), figure))
        .collect();
    println!(
        "{:<22} {:>12} {:>12} {:>6} {:>12} {:>12}  one iteration",
        "operation", "Gaon", "Linux", "ratio", "Gaon busy", "Linux busy"
    );
    let mut logs = Vec::new();
    for figure in gaon {
        let other = peers.get(figure.name.as_str());
        let peer = other.and_then(|peer| peer.ns);
        let ratio = figure.ns.zip(peer).map(|(own, peer)| own / peer);
        logs.extend(ratio.map(f64::ln));
        let number = |ns: Option<f64>| ns.map_or_else(|| "-".to_owned(), |ns| format!("{ns:.0}"));
        let ratio = ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
        let what = match (&figure.absent, &figure.failed) {
            (Some(why), _) => format!("absent: {why}"),
            (_, Some(why)) => format!("FAILED: {why}"),
            _ => figure.unit.clone(),
        };
        println!(
            "{:<22} {:>12} {:>12} {ratio:>6} {:>12} {:>12}  {what}",
            figure.name,
            number(figure.ns),
            number(peer),
            number(figure.busy),
            number(other.and_then(|peer| peer.busy))
        );
    }
    if !logs.is_empty() {
        let mean = (logs.iter().sum::<f64>() / logs.len() as f64).exp();
        println!(
            "geometric mean of {} ratios: {mean:.3} (instructions per iteration; below 1 is better)",
            logs.len()
        );
    }
}
