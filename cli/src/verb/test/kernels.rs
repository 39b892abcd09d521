//! The test kernels: `base/hal` alone, and everything up to `core/workqueue` alone, each booted by a script beside its
//! sources. They show what only a machine can and a whole system hides: deliberate faults, lockdep, NMIs, stopped CPUs.

use super::plan::Plan;
use super::{Counter, Tally};
use crate::{cargo, tree};
use anyhow::{Context, Result};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

/// Folders with a script `run`.
const KERNELS: [(&str, &str); 2] = [
    ("machine", "base/hal/machine-test"),
    ("scheduler", "core/sched/machine-test"),
];

pub(super) fn run(plan: &Plan) -> Result<Tally> {
    let mut tally = Tally::default();
    for (name, folder) in KERNELS {
        // The kernel's own name chooses all of its tests.
        let kind = format!("kernel/{name}");
        let filter = plan.filter.strip_prefix(&kind).unwrap_or(&plan.filter);
        let filter = filter.trim_start_matches('/');
        if !plan.filter.is_empty() && !plan.filter.starts_with("kernel") {
            continue;
        }
        let filter = if filter == "kernel" { "" } else { filter };
        tally.add(run_one(plan, &kind, folder, filter)?);
    }
    Ok(tally)
}

/// Runs a script and counts its lines `ok NAME` and `FAILED NAME`; what follows a failure is why.
fn run_one(plan: &Plan, kind: &str, folder: &str, filter: &str) -> Result<Tally> {
    let mut counter = Counter::new(plan, kind);
    let bar = cargo::spinner(kind);
    let script = tree::root()?.join(folder).join("run");
    let mut child = Command::new(&script)
        .arg(filter)
        .env("GAON_FULL", if plan.full { "1" } else { "0" })
        .env("CARGO_TARGET_DIR", tree::target()?.join("test-kernels"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("{}", script.display()))?;
    let stdout = child.stdout.take().context("a pipe was asked for")?;
    let mut failed: Option<(String, String)> = None;
    let mut ended = false;
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        let verdict = line.split_once(' ').map(|(word, name)| (word, name.trim()));
        let over = line.contains(" passed, ");
        if (matches!(verdict, Some(("ok" | "FAILED", _))) || over)
            && let Some((name, why)) = failed.take()
        {
            counter.count(&name, Err(why));
        }
        ended |= over;
        match verdict {
            Some(("ok", name)) => counter.count(name, Ok(())),
            Some(("FAILED", name)) => failed = Some((name.to_owned(), String::new())),
            _ => {
                if let Some((_, why)) = &mut failed {
                    why.push_str("\n    ");
                    why.push_str(&line);
                }
            }
        }
        bar.set_message(format!("{kind}: {}", line.trim()));
    }
    let status = child.wait()?;
    bar.finish_and_clear();
    if !ended {
        counter.count(
            "",
            Err(format!(
                "{} did not run to its end: {status}",
                script.display()
            )),
        );
    }
    Ok(counter.tally)
}
