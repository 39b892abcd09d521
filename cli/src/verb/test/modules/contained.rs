//! Crashes of modules, of every kind from every place, on four processors and under load: `test/modules/user/contain.c`.
//! A boot of its own, which says little on the console: some thousand reports would take longer than all else.

use super::super::Counter;
use super::super::machine::this_tool;
use super::super::plan::Plan;
use anyhow::{Context, Result};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

/// What the program is called in test names.
const NAME: &str = "containment";
/// Seconds.
const LIMIT: u64 = 400;

pub(super) fn run(plan: &Plan, counter: &mut Counter<'_>, folder: &Path) -> Result<()> {
    let mut command = this_tool(plan)?;
    let limit = LIMIT * if plan.full { 40 } else { 1 };
    let full = format!("GAON_FULL={}", u8::from(plan.full));
    command.args(["--smp", "4", "--timeout", &limit.to_string()]);
    command.args(["--env", &full, "--append", "loglevel=0", "--with"]);
    command.arg(folder).arg("--").arg(folder.join("contain"));
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let errors = child.stderr.take().context("a pipe was asked for")?;
    let said = std::thread::spawn(move || std::io::read_to_string(errors).unwrap_or_default());
    let stdout = child.stdout.take().context("a pipe was asked for")?;
    // Each line as it comes: the long form takes the better part of an hour.
    let mut done = false;
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        if let Some(name) = line.strip_prefix("ok ") {
            counter.count(&format!("{NAME}/{name}"), Ok(()));
        } else if let Some(why) = line.strip_prefix("not ok ") {
            counter.count(NAME, Err(why.to_owned()));
        }
        done |= line == "done";
    }
    let status = child.wait()?;
    let said = said.join().unwrap_or_default();
    if !done {
        let last = said.lines().rev().take(5).collect::<Vec<_>>().join(" | ");
        counter.count(NAME, Err(format!("{status}: {last}")));
    }
    Ok(())
}

pub(super) fn is_wanted(counter: &Counter<'_>) -> bool {
    counter.wants(NAME)
}
