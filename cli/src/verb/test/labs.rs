//! The experiments of `labs/`: each compiles, runs to its end, and shows what it is to show.

use super::machine::feed;
use super::plan::Plan;
use super::{Counter, Tally};
use crate::verb::lab;
use anyhow::Result;

pub(super) fn run(plan: &Plan) -> Result<Tally> {
    let mut counter = Counter::new(plan, "labs");
    for name in lab::names()? {
        if counter.wants(&name) {
            let verdict = judge(plan, &name).unwrap_or_else(|error| Err(format!("{error:#}")));
            counter.count(&name, verdict);
        }
    }
    Ok(counter.tally)
}

fn judge(plan: &Plan, name: &str) -> Result<Result<(), String>> {
    let lab = lab::read(name)?;
    let output = feed(lab::command(&lab, name, &plan.kernel)?, b"")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Ok(Err(format!("{}\n{text}{errors}", output.status)));
    }
    let mut rest = &*text;
    for wanted in &lab.expect {
        match rest.split_once(wanted.as_str()) {
            Some((_, after)) => rest = after,
            None => return Ok(Err(format!("{wanted:?} is not (there) in\n{text}"))),
        }
    }
    Ok(Ok(()))
}
