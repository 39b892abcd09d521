//! The table on the terminal.

use super::figures::{Figure, Outcome};
use super::guest::Clock;
use super::rows::{Judged, Judgement, Kind, Verdict};
use super::stats;
use super::text::{self, number};
use std::fmt::Write;

/// The whole table, and the mean below it.
pub(super) fn table(judgement: &Judgement) -> String {
    let mut out = heading(judgement.clock);
    let mut last = None;
    for judged in &judgement.rows {
        if last.is_some_and(|kind| {
            kind != judged.row.kind && matches!(judged.row.kind, Kind::Operation | Kind::Contended)
        }) {
            out.push('\n');
        }
        last = Some(judged.row.kind);
        let _ = writeln!(out, "{}", line(judged, judgement.clock).trim_end());
    }
    if let Some(mean) = judgement.geometric_mean {
        let budget = judgement.mean_budget.map_or_else(String::new, |budget| {
            let word = if judgement.mean_is_over() {
                "OVER"
            } else {
                "ok"
            };
            format!(", budget {budget:.2}: {word}")
        });
        let _ = writeln!(
            out,
            "\ngeometric mean of {} ratios: {mean:.3}{budget}  (cost on Gaon / cost on Linux: below 1 is better)",
            judgement.operations
        );
    }
    out
}

fn heading(clock: Clock) -> String {
    match clock {
        Clock::Icount | Clock::Counted => format!(
            "{:<22} {:>13} {:>13} {:>6} {:>16}  {:<8} {:>13} {:>13}  one iteration\n",
            "busy instructions of",
            "Gaon",
            "Linux",
            "ratio",
            "budget",
            "verdict",
            "Gaon ns",
            "Linux ns"
        ),
        Clock::Wall => format!(
            "{:<22} {:>13} {:>13} {:>6} {:>14} {:>14}  {:<8}  one iteration\n",
            "wall nanoseconds of", "Gaon", "Linux", "ratio", "spread", "budget", "verdict"
        ),
    }
}

fn line(judged: &Judged, clock: Clock) -> String {
    let row = &judged.row;
    let ratio = judged.ratio.map(text::ratio).unwrap_or_default();
    let (verdict, why) = words(&judged.verdict);
    let what = match why {
        Some(why) => format!("{} ({why})", row.unit),
        None => row.unit.clone(),
    };
    let (gaon, linux) = (
        cell(Some(&row.gaon), main_figure),
        cell(row.linux.as_ref(), main_figure),
    );
    if clock == Clock::Wall {
        let spread = stats::spread(&row.pairs)
            .map_or_else(String::new, |(low, high)| format!("{low:.2} to {high:.2}"));
        return format!(
            "{:<22} {gaon:>13} {linux:>13} {ratio:>6} {spread:>14} {:>14}  {verdict:<8}  {what}",
            row.name, judged.budget
        );
    }
    // Sizes have no time.
    let time = |figure: &Figure| match row.kind {
        Kind::Size => String::new(),
        _ => number(figure.ns),
    };
    let (gaon_ns, linux_ns) = (cell(Some(&row.gaon), time), cell(row.linux.as_ref(), time));
    format!(
        "{:<22} {gaon:>13} {linux:>13} {ratio:>6} {:>16}  {verdict:<8} {gaon_ns:>13} {linux_ns:>13}  {what}",
        row.name, judged.budget
    )
}

pub(super) fn main_figure(figure: &Figure) -> String {
    number(super::rows::cost(figure))
}

/// What stands in a figure's place where there is none, or how `show` writes it.
pub(super) fn cell(outcome: Option<&Outcome>, show: impl Fn(&Figure) -> String) -> String {
    match outcome {
        Some(Outcome::Measured(figure)) => show(figure),
        Some(Outcome::Absent(_)) => "absent".to_owned(),
        Some(Outcome::Failed(_)) => "FAILED".to_owned(),
        None => "–".to_owned(),
    }
}

/// The verdict's word, and its reason where there is one.
pub(super) fn words(verdict: &Verdict) -> (&'static str, Option<&str>) {
    match verdict {
        Verdict::Kept => ("ok", None),
        Verdict::Over(what) => ("OVER", Some(what)),
        Verdict::Absent(why) => ("absent", Some(why)),
        Verdict::Failed(why) => ("FAILED", Some(why)),
        Verdict::Open => ("", None),
    }
}
