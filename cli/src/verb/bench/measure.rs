//! From a list of operations to their figures, by either clock.

use super::figures::{Figure, Figures, Outcome};
use super::guest::{self, Clock, Setup};
use super::{initrd, stats};
use crate::vm::plugin::Wish;
use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A kernel under test.
#[derive(Clone)]
pub(super) struct Kernel {
    pub(super) name: &'static str,
    pub(super) image: PathBuf,
    /// The modules that it can load, for the operations that do so.
    pub(super) modules: Vec<PathBuf>,
}

/// What to measure, and how.
#[derive(Clone)]
pub(super) struct Plan {
    /// The benchmark program.
    pub(super) program: PathBuf,
    pub(super) names: Vec<String>,
    /// How long each operation is repeated, in the guest's time.
    pub(super) ms: u64,
    pub(super) cpus: u32,
    pub(super) clock: Clock,
    /// The plugin that counts instructions; by the wall clock there is none, it would slow the guest down.
    pub(super) plugin: Option<PathBuf>,
}

/// An operation that ends a kernel is left out of the next boot; after so many boots the rest is given up.
const BOOTS: usize = 6;

/// The names of the operations that a filter takes, as the program itself tells them.
pub(super) fn names(program: &Path, filters: &[String]) -> Result<Vec<String>> {
    let output = Command::new(program)
        .arg("--list")
        .args(filters)
        .output()
        .with_context(|| program.display().to_string())?;
    let text = String::from_utf8(output.stdout)?;
    if !output.status.success() {
        bail!("{}: {}", program.display(), output.status);
    }
    Ok(text.lines().map(str::to_owned).collect())
}

/// A line that shows how far it is; nothing where standard error is no terminal.
pub(super) fn progress(steps: usize) -> ProgressBar {
    let bar = ProgressBar::new(steps as u64);
    let style = "{spinner} measuring {pos}/{len} {wide_bar} {msg} {elapsed}";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// Something to measure by instructions.
pub(super) type Job<'a> = Box<dyn FnOnce() -> Result<Figures> + Send + 'a>;

/// Does all jobs, the first first, as many at once as the host has processors: under `-icount` they can't disturb one
/// another. What they found comes in their order.
pub(super) fn side_by_side(jobs: Vec<Job<'_>>) -> Result<Vec<Figures>> {
    let workers = std::thread::available_parallelism().map_or(1, NonZero::get);
    let found: Vec<Mutex<Option<Result<Figures>>>> =
        jobs.iter().map(|_| Mutex::new(None)).collect();
    let queue = Mutex::new(jobs.into_iter().zip(&found));
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((job, place)) = next(&queue) {
                    let result = job();
                    *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
                }
            });
        }
    });
    let result = |place: Mutex<Option<Result<Figures>>>| {
        let result = place.into_inner().unwrap_or_else(PoisonError::into_inner);
        result.context("a measuring thread died")?
    };
    found.into_iter().map(result).collect()
}

fn next<I: Iterator>(queue: &Mutex<I>) -> Option<I::Item> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).next()
}

/// Measures all operations on one kernel. One that takes the kernel down has failed, and the rest go on in a new boot.
pub(super) fn operations(plan: &Plan, kernel: &Kernel, bar: &ProgressBar) -> Result<Figures> {
    let scratch = tempfile::Builder::new().prefix("gaon-bench-").tempdir()?;
    let archive = scratch.path().join("initrd.cpio");
    let mut all = Figures::default();
    for boot in 0.. {
        let left: Vec<&String> = plan
            .names
            .iter()
            .filter(|name| !all.outcomes.contains_key(*name))
            .collect();
        let Some(first) = left.first() else { break };
        let mut arguments = vec!["--ms".to_owned(), plan.ms.to_string(), "--exact".to_owned()];
        arguments.extend(left.iter().map(|name| (*name).clone()));
        initrd::write(&plan.program, &arguments, &kernel.modules, &archive)?;
        let setup = Setup {
            kernel: kernel.image.clone(),
            initrd: archive.clone(),
            machine: "q35",
            cpus: plan.cpus,
            clock: plan.clock,
            count: plan.plugin.clone().map(|path| (path, Wish::default())),
        };
        let mut ended = guest::run(&setup, |name| {
            bar.inc(1);
            bar.set_message(format!("{}: {name}", kernel.name));
        })
        .with_context(|| kernel.name)?;
        let done = ended.figures.outcomes.len();
        let stuck = left.get(done).copied().unwrap_or(first).clone();
        ended.figures.count(&ended.counts.sections);
        all.boot = all.boot.or(ended.figures.boot);
        all.units.extend(ended.figures.units);
        all.outcomes.extend(ended.figures.outcomes);
        match ended.cut_short {
            None if done == left.len() => break,
            why => {
                let why = why.unwrap_or_else(|| died(ended.figures.ended));
                all.outcomes.insert(stuck, Outcome::Failed(why.clone()));
                if boot + 1 == BOOTS {
                    for name in left {
                        let lost = || Outcome::Failed(format!("given up: {why}"));
                        all.outcomes.entry(name.clone()).or_insert_with(lost);
                    }
                }
            }
        }
    }
    Ok(all)
}

/// How a program ended that did not get to its last operation.
fn died(status: Option<i32>) -> String {
    match status.unwrap_or(0) {
        status if status & 0x7f != 0 => format!("the program died by signal {}", status & 0x7f),
        _ => "not a word of it".to_owned(),
    }
}

/// Figures by the wall clock: each kernel's medians, and the ratio of each pair of runs.
pub(super) struct Paired {
    pub(super) figures: Vec<Figures>,
    /// For each operation Gaon over Linux, pair by pair.
    pub(super) ratios: std::collections::BTreeMap<String, Vec<f64>>,
}

/// Runs the kernels in turn, A B A B, `pairs` times: what disturbs the host disturbs both.
pub(super) fn in_turn(plan: &Plan, kernels: &[Kernel], pairs: usize) -> Result<Paired> {
    let bar = progress(plan.names.len() * kernels.len() * pairs);
    let mut runs: Vec<Vec<Figures>> = Vec::new();
    for _ in 0..pairs {
        let pair = kernels.iter().map(|kernel| operations(plan, kernel, &bar));
        runs.push(pair.collect::<Result<_>>()?);
    }
    bar.finish_and_clear();
    let mut ratios = std::collections::BTreeMap::new();
    for name in &plan.names {
        let ratio = |pair: &Vec<Figures>| {
            let ns = |at: usize| pair.get(at)?.figure(name).map(|figure| figure.ns);
            // What noise made of a difference may be nothing at all.
            Some(ns(0)? / ns(1)?).filter(|ratio| ratio.is_normal())
        };
        ratios.insert(name.clone(), runs.iter().filter_map(ratio).collect());
    }
    let figures = (0..kernels.len()).map(|kernel| {
        let of_kernel: Vec<&Figures> = runs.iter().map(|pair| &pair[kernel]).collect();
        medians(&of_kernel)
    });
    Ok(Paired {
        figures: figures.collect(),
        ratios,
    })
}

/// One set of figures of many: medians; what once went wrong stays wrong.
fn medians(runs: &[&Figures]) -> Figures {
    let mut all = runs
        .first()
        .map_or_else(Figures::default, |first| (*first).clone());
    for (name, outcome) in &mut all.outcomes {
        let outcomes = || runs.iter().filter_map(|run| run.outcomes.get(name));
        if let Some(wrong) = outcomes().find(|other| matches!(other, Outcome::Failed(_))) {
            *outcome = wrong.clone();
            continue;
        }
        let ns: Vec<f64> = runs
            .iter()
            .filter_map(|run| run.figure(name).map(|figure| figure.ns))
            .collect();
        if let (Outcome::Measured(figure), Some(ns)) = (&mut *outcome, stats::median(&ns)) {
            *figure = Figure { ns, ..*figure };
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(ns: f64) -> Figures {
        let mut figures = Figures::default();
        figures.take(&format!(r#"{{"name":"a","iterations":1,"ns":{ns}}}"#));
        figures
    }

    #[test]
    fn of_many_runs_the_median_stays() {
        let runs = [run(3.0), run(1.0), run(900.0)];
        let all = medians(&runs.iter().collect::<Vec<_>>());
        assert_eq!(all.figure("a").unwrap().ns, 3.0);
    }

    #[test]
    fn one_failure_is_not_averaged_away() {
        let mut bad = Figures::default();
        bad.take(r#"{"name":"a","failed":"wrong result"}"#);
        let all = medians(&[&run(1.0), &bad, &run(1.0)]);
        assert_eq!(
            all.outcomes["a"],
            Outcome::Failed("wrong result".to_owned())
        );
    }
}
