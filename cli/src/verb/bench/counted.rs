//! The rows by instructions: both kernels on all processors of the host at once.

use super::boot;
use super::figures::{Figures, Outcome};
use super::measure::{self, Kernel, Plan};
use super::rows::{Kind, Row};
use super::scaling;
use anyhow::Result;
use std::path::Path;

/// What is measured by instructions beside the operations.
pub(super) struct Counted<'a> {
    pub(super) plugin: &'a Path,
    /// The rows of the way to them.
    pub(super) boots: Vec<String>,
    /// Operations that Gaon does on [`scaling::CONTENDED`] processors at once. Linux starts but one under `-icount`: what they
    /// cost there has no contention in it.
    pub(super) contended: Vec<String>,
}

impl Counted<'_> {
    pub(super) fn rows(&self, plan: &Plan, kernels: &[Kernel]) -> Result<Vec<Row>> {
        let figures = self.figures(plan, kernels)?;
        let all = self.boots.iter().chain(&plan.names);
        let mut rows: Vec<Row> = all.map(|name| row(name, plan.cpus, &figures)).collect();
        rows.extend(self.contended.iter().map(|name| {
            let alone = row(name, 1, &figures);
            Row {
                kind: Kind::Contended,
                unit: format!("{} of {} (Linux: of one)", alone.unit, scaling::CONTENDED),
                ..alone
            }
        }));
        Ok(rows)
    }

    /// Each kernel's. Linux takes longest and begins.
    fn figures(&self, plan: &Plan, kernels: &[Kernel]) -> Result<Vec<Figures>> {
        let alone = Plan {
            names: [&plan.names[..], &self.contended].concat(),
            ..plan.clone()
        };
        let together = Plan {
            names: self.contended.clone(),
            cpus: scaling::CONTENDED,
            ..plan.clone()
        };
        let names = plan.names.len() + self.contended.len();
        let bar = &measure::progress(names * kernels.len());
        let mut jobs: Vec<measure::Job<'_>> = Vec::new();
        let mut owners = Vec::new();
        for (at, kernel) in kernels.iter().enumerate().rev() {
            let plan = if at == 0 { plan } else { &alone };
            jobs.push(Box::new(move || measure::operations(plan, kernel, bar)));
            owners.push(at);
        }
        for (at, kernel) in kernels.iter().enumerate().rev() {
            if !self.boots.is_empty() {
                jobs.push(Box::new(|| {
                    boot::figures(kernel, &plan.program, self.plugin)
                }));
                owners.push(at);
            }
        }
        jobs.push(Box::new(|| {
            measure::operations(&together, &kernels[0], bar)
        }));
        owners.push(0);
        let mut figures = vec![Figures::default(); kernels.len()];
        for (at, found) in owners.into_iter().zip(measure::side_by_side(jobs)?) {
            figures[at].outcomes.extend(found.outcomes);
            figures[at].units.extend(found.units);
        }
        bar.finish_and_clear();
        Ok(figures)
    }
}

/// The row of an operation, or of the way to all of them.
pub(super) fn row(name: &String, cpus: u32, figures: &[Figures]) -> Row {
    let outcome = |figures: &Figures| {
        let said = figures.outcomes.get(name).cloned();
        said.unwrap_or_else(|| Outcome::Failed("not a word of it".to_owned()))
    };
    let told = figures.iter().find_map(|figures| figures.units.get(name));
    let kind = boot::kind(name);
    let mut unit = match kind {
        Kind::Operation => told.cloned().unwrap_or_default(),
        _ => boot::unit(name).to_owned(),
    };
    if cpus > 1 {
        unit.push_str(&format!(" ({cpus} processors)"));
    }
    Row {
        name: name.clone(),
        unit,
        kind,
        gaon: outcome(&figures[0]),
        linux: figures.get(1).map(outcome),
        pairs: Vec::new(),
    }
}
