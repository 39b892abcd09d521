//! Crashes of modules, of every kind from every place, on four processors and under load: `test/modules/user/contain.c`.
//! A boot of its own, which says little on the console: some thousand reports would take longer than all else.

use super::super::Counter;
use super::super::machine::{feed, this_tool};
use super::super::plan::Plan;
use anyhow::Result;
use std::path::Path;

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
    let output = feed(command, b"")?;
    let text = String::from_utf8_lossy(&output.stdout);
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("ok ") {
            counter.count(&format!("{NAME}/{name}"), Ok(()));
        } else if let Some(why) = line.strip_prefix("not ok ") {
            counter.count(NAME, Err(why.to_owned()));
        }
    }
    if !text.lines().any(|line| line == "done") {
        let errors = String::from_utf8_lossy(&output.stderr);
        let last = errors.lines().rev().take(5).collect::<Vec<_>>().join(" | ");
        counter.count(NAME, Err(format!("{}: {last}", output.status)));
    }
    Ok(())
}

pub(super) fn is_wanted(counter: &Counter<'_>) -> bool {
    counter.wants(NAME)
}
