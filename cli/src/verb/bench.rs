//! `gaon bench`: what each crossing of the user/kernel boundary costs, on Gaon and on Linux 6.1 in the same QEMU.
//!
//! Both kernels boot the same initramfs, which holds one static program (`user/bench`), on the same machine. By the clock
//! `icount` a nanosecond of the guest is an instruction and a run repeats to the last digit; by `wall` both kernels run in
//! turn. The rows are judged by `bench/budgets.toml`. The book's page on performance says how to read them.

mod boot;
mod budgets;
mod chart;
mod counted;
mod figures;
mod guest;
mod hot;
mod initrd;
mod measure;
mod modules;
mod page;
mod profile;
mod provenance;
mod results;
mod rows;
mod scaling;
mod stats;
mod table;
mod text;

use crate::verb::build;
use crate::vm::plugin;
use crate::{oracle, tree};
use anyhow::{Context, Result, bail};
use budgets::Budgets;
use counted::{Counted, row};
use guest::Clock;
use measure::{Kernel, Plan};
use provenance::Provenance;
use rows::{Judgement, Row};
use std::path::{Path, PathBuf};

/// How long each operation is repeated, in milliseconds of the guest's time.
const MS: u64 = 100;
/// The same with `--quick`.
const QUICK_MS: u64 = 20;
/// Without the instruction clock: processors take turns of a tenth of a second, of which there have to be many.
const COUNTED_MS: u64 = 3000;
/// Pairs of runs by the wall clock.
const PAIRS: usize = 9;
/// The same with `--quick`.
const QUICK_PAIRS: usize = 3;

/// Measure what calls, faults, processes, IPC and boot cost, beside Linux
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Measure this kernel too and show the ratio
    #[arg(long, value_name = "KERNEL")]
    vs: Option<Peer>,
    /// Only operations whose name contains this (repeats)
    #[arg(long, value_name = "F")]
    filter: Vec<String>,
    /// What a nanosecond is
    #[arg(long, value_enum, default_value_t = Clock::Icount)]
    clock: Clock,
    /// Processors
    #[arg(long, default_value_t = 1, value_name = "N")]
    smp: u32,
    /// Fail when a budget is broken; compares with Linux if it can be had, and holds absolute budgets if not
    #[arg(long)]
    check: bool,
    /// Fewer iterations: all rows in a minute or so
    #[arg(long)]
    quick: bool,
    /// Measure Gaon twice and fail unless both runs agree to the last digit
    #[arg(long)]
    twice: bool,
    /// Show which functions the instructions of these operations go to: a part of their names, or `all`
    #[arg(long, value_name = "NAME", conflicts_with_all = ["filter", "check", "twice", "json"])]
    profile: Option<String>,
    /// Put the profile into this Markdown file instead, as a table
    #[arg(long, value_name = "FILE", requires = "profile")]
    markdown: Option<PathBuf>,
    /// Also write all figures to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Also draw them on this page, with what operations cost on 1, 2 and 4 processors
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Also measure by the wall clock, and write both to this Markdown file (bench/RESULTS.md)
    #[arg(long, value_name = "FILE", conflicts_with = "clock")]
    results: Option<PathBuf>,
    /// Measure this kernel instead of the tree's own
    #[arg(long, value_name = "FILE")]
    kernel: Option<PathBuf>,
    /// Judge by these budgets [default: bench/budgets.toml]
    #[arg(long, value_name = "FILE")]
    budgets: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Peer {
    /// Debian's Linux 6.1 for virtual machines, fetched once
    Linux,
}

pub(crate) fn run(arguments: &Arguments) -> Result<u8> {
    let program = build::bench()?;
    if let Some(part) = &arguments.profile {
        let filter: &[String] = match part.as_str() {
            "all" => &[],
            part => &[part.to_owned()],
        };
        let names = measure::names(&program, filter)?;
        let markdown = arguments.markdown.as_deref();
        let kernels = kernels(arguments, &names)?;
        return profile::run(&kernels, &program, &names, markdown);
    }
    let mut plan = Plan {
        names: measure::names(&program, &arguments.filter)?,
        ms: match arguments.clock {
            Clock::Counted => COUNTED_MS,
            _ if arguments.quick => QUICK_MS,
            _ => MS,
        },
        cpus: arguments.smp,
        clock: arguments.clock,
        plugin: match arguments.clock {
            Clock::Icount | Clock::Counted => Some(plugin::build()?),
            Clock::Wall => None,
        },
        program,
    };
    let budgets = budgets(arguments, &plan)?;
    let kernels = kernels(arguments, &plan.names)?;
    if kernels.len() > 1 && plan.cpus > 1 && plan.clock == Clock::Icount {
        bail!(
            "Linux does not start a second processor under -icount: add --clock counted, or wall"
        );
    }
    let scaling = scaling::take(&mut plan);
    if arguments.twice {
        return twice(&plan, &kernels[0]);
    }
    let rows = measure_rows(arguments, &plan, &scaling, &kernels)?;
    let whole = arguments.filter.is_empty() && arguments.smp == 1;
    let judgement = Judgement::new(rows, &budgets, arguments.clock, whole);
    print!("{}", table::table(&judgement));
    write_files(arguments, &plan, &scaling, &kernels, &judgement)?;
    Ok(status(arguments, &judgement))
}

/// Writes the files that were asked for, and measures what only they show.
fn write_files(
    arguments: &Arguments,
    plan: &Plan,
    scaling: &[String],
    kernels: &[Kernel],
    judgement: &Judgement,
) -> Result<()> {
    let from = Provenance::new(arguments.clock);
    let curves = match arguments.html {
        Some(_) => scaling::curves(plan, scaling, kernels, QUICK_PAIRS)?,
        None => Vec::new(),
    };
    if let Some(path) = &arguments.html {
        write(path, &page::page(judgement, &curves, &from))?;
    }
    if let Some(path) = &arguments.results {
        let timed = measure_rows(arguments, &by_wall(plan), scaling, kernels)?;
        let before = std::fs::read_to_string(path).unwrap_or_default();
        let rest = results::rest(&before);
        write(path, &results::file(judgement, &timed, &from, rest))?;
    }
    if let Some(path) = &arguments.json {
        let all = serde_json::json!({ "from": from, "figures": judgement, "scaling": curves });
        write(path, &serde_json::to_string_pretty(&all)?)?;
    }
    Ok(())
}

/// The same by the wall clock.
fn by_wall(plan: &Plan) -> Plan {
    Plan {
        clock: Clock::Wall,
        plugin: None,
        ..plan.clone()
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| path.display().to_string())
}

/// 1 when a benchmark failed, or by `--check` when a budget is broken; says why.
fn status(arguments: &Arguments, judgement: &Judgement) -> u8 {
    let (wrong, words) = complaints(judgement, arguments.check);
    for word in words {
        eprintln!("gaon: {word}");
    }
    u8::from(wrong)
}

/// Whether something is wrong, and what. Failures always are; budgets where they are checked.
fn complaints(judgement: &Judgement, check: bool) -> (bool, Vec<String>) {
    let mut words = Vec::new();
    if judgement.failed() {
        words.push("a benchmark failed".to_owned());
    }
    if check {
        for judged in judgement.over() {
            let (name, budget) = (&judged.row.name, &judged.budget);
            words.push(format!("budget broken: {name} (budget {budget})"));
        }
        if judgement.mean_is_over() {
            words.push("budget broken: the geometric mean".to_owned());
        }
    }
    (!words.is_empty(), words)
}

fn budgets(arguments: &Arguments, plan: &Plan) -> Result<Budgets> {
    let file = match &arguments.budgets {
        Some(file) => file.clone(),
        None => tree::root()?.join("bench/budgets.toml"),
    };
    let budgets = Budgets::read(&file)?;
    let mut known = measure::names(&plan.program, &[])?;
    known.extend(boot::names());
    budgets.check_names(&known)?;
    Ok(budgets)
}

/// Gaon and, when it is to be compared, Linux; with what the operations `names` need.
fn kernels(arguments: &Arguments, names: &[String]) -> Result<Vec<Kernel>> {
    let own = match &arguments.kernel {
        Some(kernel) => std::path::absolute(kernel)?,
        None => build::kernel("release")?,
    };
    let mut kernels = vec![Kernel {
        name: "Gaon",
        image: own,
        modules: Vec::new(),
    }];
    if (arguments.vs.is_some() || arguments.check) && !arguments.twice {
        match oracle::linux() {
            Ok(image) => kernels.push(Kernel {
                name: "Linux",
                image,
                modules: Vec::new(),
            }),
            Err(error) if arguments.check => {
                eprintln!(
                    "gaon: no Linux to compare with ({error:#}): only absolute budgets are checked"
                );
            }
            Err(error) => return Err(error),
        }
    }
    modules::provide(&mut kernels, names)?;
    Ok(kernels)
}

/// The rows of the table: boot and sizes, unless a filter leaves them out, then the operations, then those of `scaling`.
fn measure_rows(
    arguments: &Arguments,
    plan: &Plan,
    scaling: &[String],
    kernels: &[Kernel],
) -> Result<Vec<Row>> {
    let wanted = |name: &String| {
        arguments.filter.is_empty() || arguments.filter.iter().any(|part| name.contains(part))
    };
    let mut boots = boot::names();
    boots.retain(|name| plan.cpus == 1 && wanted(name));
    if let Some(plugin) = &plan.plugin {
        // With more processors they are operations as any other.
        let contended = scaling.iter().filter(|_| plan.cpus == 1).cloned().collect();
        let what = Counted {
            plugin,
            boots,
            contended,
        };
        return what.rows(plan, kernels);
    }
    let pairs = if arguments.quick { QUICK_PAIRS } else { PAIRS };
    let mut rows = Vec::new();
    if !boots.is_empty() {
        rows = boot::rows_timed(kernels, &plan.program, pairs)?;
        rows.retain(|row| wanted(&row.name));
    }
    let mut paired = measure::in_turn(plan, kernels, pairs)?;
    let timed = |name: &String| {
        let mut row = row(name, plan.cpus, &paired.figures);
        row.pairs = paired.ratios.remove(name).unwrap_or_default();
        row
    };
    rows.extend(plan.names.iter().map(timed));
    Ok(rows)
}

/// Two runs of one kernel have to agree in every digit.
fn twice(plan: &Plan, kernel: &Kernel) -> Result<u8> {
    if plan.clock != Clock::Icount {
        bail!("only by --clock icount does a run repeat");
    }
    let bar = measure::progress(plan.names.len() * 2);
    let run = || -> measure::Job<'_> { Box::new(|| measure::operations(plan, kernel, &bar)) };
    let both = measure::side_by_side(vec![run(), run()])?;
    bar.finish_and_clear();
    let differ: Vec<&String> = plan
        .names
        .iter()
        .filter(|name| both[0].outcomes.get(*name) != both[1].outcomes.get(*name))
        .collect();
    for name in &differ {
        println!(
            "{name}: {:?} and {:?}",
            both[0].outcomes.get(*name),
            both[1].outcomes.get(*name)
        );
    }
    println!(
        "{} of {} rows are the same to the last digit in both runs",
        plan.names.len() - differ.len(),
        plan.names.len()
    );
    Ok(u8::from(!differ.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use figures::Figures;

    /// What two kernels once said.
    const GAON: &str = include_str!("bench/fixture/gaon.jsonl");
    const LINUX: &str = include_str!("bench/fixture/linux.jsonl");
    const BUDGETS: &str = include_str!("bench/fixture/budgets.toml");

    fn judgement(budgets: &str) -> Judgement {
        let figures = [GAON, LINUX].map(|lines| {
            let mut figures = Figures::default();
            lines.lines().for_each(|line| drop(figures.take(line)));
            figures
        });
        let names: Vec<&String> = figures[1].outcomes.keys().collect();
        let rows = names.iter().map(|name| row(name, 1, &figures)).collect();
        let budgets = Budgets::parse(budgets).unwrap();
        Judgement::new(rows, &budgets, Clock::Icount, true)
    }

    #[test]
    fn a_tightened_budget_fails_the_check_and_nothing_else() {
        let kept = judgement(BUDGETS);
        assert_eq!(complaints(&kept, true), (false, vec![]));
        let tightened = BUDGETS.replace("ratio = 0.45", "ratio = 0.40");
        assert_ne!(tightened, BUDGETS);
        let broken = judgement(&tightened);
        let words = vec!["budget broken: call/null (budget 0.40 / 200)".to_owned()];
        assert_eq!(complaints(&broken, true), (true, words));
        assert_eq!(complaints(&broken, false), (false, vec![]));
    }

    #[test]
    fn the_mean_has_a_budget_too() {
        let broken = judgement(&BUDGETS.replace("geometric_mean = 0.70", "geometric_mean = 0.30"));
        assert!(complaints(&broken, true).0);
    }

    #[test]
    fn what_is_absent_breaks_no_budget_and_is_shown() {
        let shown = table::table(&judgement(BUDGETS));
        let line = shown
            .lines()
            .find(|line| line.starts_with("ipc/unix_stream"));
        assert!(line.unwrap().contains("absent"), "{shown}");
    }

    #[test]
    fn a_failed_benchmark_fails_the_run_whatever_is_checked() {
        let mut figures = Figures::default();
        figures.take(r#"{"name":"ipc/pipe","failed":"wrong result: echo"}"#);
        let rows = vec![row(&"ipc/pipe".to_owned(), 1, &[figures])];
        let budgets = Budgets::parse(BUDGETS).unwrap();
        let judgement = Judgement::new(rows, &budgets, Clock::Icount, false);
        assert!(complaints(&judgement, false).0);
    }

    #[test]
    fn the_budgets_of_the_tree_are_readable() {
        Budgets::parse(include_str!("../../../bench/budgets.toml")).unwrap();
    }
}
