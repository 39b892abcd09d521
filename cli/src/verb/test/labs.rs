//! The experiments of `labs/`: each compiles, runs to its end, and shows what it is to show. Those with modules have a boot
//! each, the others share one, and run on Linux too.

use super::machine::feed;
use super::plan::Plan;
use super::{Counter, Tally, say};
use crate::verb::lab::{self, LACKING, LINUX_WORDS, Lab, Ran, Reader, Setting};
use crate::verb::run::{DEFAULT_MACHINE, PEER_MACHINE};
use anyhow::Result;

pub(super) fn run(plan: &Plan) -> Result<Tally> {
    let mut counter = Counter::new(plan, "labs");
    let mut programs = Vec::new();
    for name in lab::names()? {
        if counter.wants(&name) {
            let lab = lab::read(&name)?;
            match (lab.has_modules(), plan.linux) {
                (false, _) => programs.push((name, lab)),
                (true, false) => judge(&mut counter, plan, &[(name, lab)])?,
                // Its modules are built for Gaon.
                (true, true) => {}
            }
        }
    }
    if !programs.is_empty() {
        judge(&mut counter, plan, &programs)?;
    }
    Ok(counter.tally)
}

/// Runs labs in one boot, and judges each.
fn judge(counter: &mut Counter<'_>, plan: &Plan, labs: &[(String, Lab)]) -> Result<()> {
    let machine = if plan.linux || labs.iter().any(|(_, lab)| lab.has_modules()) {
        PEER_MACHINE
    } else {
        DEFAULT_MACHINE
    };
    let setting = Setting {
        kernel: &plan.kernel,
        machine: plan.machine.as_deref().unwrap_or(machine),
        append: if plan.linux { LINUX_WORDS } else { "" },
        smp: plan.smp,
        full: plan.full,
        seed: plan.seed,
    };
    let output = match lab::command(labs, &setting).and_then(|command| feed(command, b"")) {
        Ok(output) => output,
        Err(error) => {
            counter.count(&labs[0].0, Err(format!("{error:#}")));
            return Ok(());
        }
    };
    let mut reader = Reader::new("");
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        reader.take(line);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    for (name, lab) in labs {
        let ran = reader.ran.iter().find(|ran| ran.lab == *name);
        let lacks = lab.lacks.as_ref().filter(|_| !plan.linux);
        match (ran, lacks) {
            (Some(ran), Some(what)) if ran.status == Some(LACKING) => {
                counter.skip(name);
                say(&format!("skip labs/{name}: no {what} yet"));
            }
            (ran, _) => counter.count(name, shows(ran, &lab.expect, &errors)),
        }
    }
    Ok(())
}

/// Whether a lab came to its end and its words have what is expected, in this order.
fn shows(ran: Option<&Ran>, expect: &[String], errors: &str) -> Result<(), String> {
    let Some(ran) = ran else {
        return Err(format!("did not begin\n{errors}"));
    };
    let text = ran.said.join("\n");
    if ran.status != Some(0) {
        return Err(format!("status {:?}\n{text}\n{errors}", ran.status));
    }
    let mut rest = &*text;
    for wanted in expect {
        match rest.split_once(wanted.as_str()) {
            Some((_, after)) => rest = after,
            None => return Err(format!("{wanted:?} is not (there) in\n{text}")),
        }
    }
    Ok(())
}
