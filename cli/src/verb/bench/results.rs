//! `bench/RESULTS.md`, written by the tool that made the figures: both clocks in one table.

use super::provenance::Provenance;
use super::rows::{Judged, Judgement, Kind, Row};
use super::stats;
use super::table::{cell, main_figure, words};
use super::text::{number, ratio};
use std::fmt::Write;

/// The file. `timed` are the same rows by the wall clock; `rest` is what stands in the file beside them and stays.
pub(super) fn file(judgement: &Judgement, timed: &[Row], from: &Provenance, rest: &str) -> String {
    let mut out = format!(
        "# Results\n\n\
         Written by `{}`, commit {}. {}. Command line of both kernels: `{}`. The peer is Debian's Linux 6.1 cloud kernel; \
         both boot the same initramfs with the same static program. The page on performance in the book says how to read \
         this.\n\n\
         ## Costs\n\
         Gaon and Linux: busy instructions of one iteration (KiB and bytes in the rows of sizes), budgets hold against \
         these; ns: the guest's clock by `-icount`, idle waits included; wall: Gaon over Linux by the host's clock, median \
         and spread of {} pairs of runs.\n\n\
         | row | one iteration | Gaon | Linux | ratio | budget | | Gaon ns | Linux ns | wall |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
        from.command,
        from.commit,
        from.machine(),
        from.append(),
        timed.iter().map(|row| row.pairs.len()).max().unwrap_or(0),
    );
    for judged in &judgement.rows {
        out.push_str(&line(judged, timed));
    }
    if let Some(mean) = judgement.geometric_mean {
        let budget = judgement
            .mean_budget
            .map_or_else(String::new, |budget| format!(" (budget {budget:.2})"));
        let _ = writeln!(
            out,
            "\nGeometric mean of {} ratios: **{mean:.3}**{budget}.",
            judgement.operations
        );
    }
    let ratios: Vec<f64> = timed
        .iter()
        .filter(|row| row.kind == Kind::Operation)
        .filter_map(|row| stats::median(&row.pairs))
        .collect();
    if let Some(mean) = stats::geometric_mean(&ratios) {
        let _ = writeln!(
            out,
            "By the wall clock, of {} rows: {mean:.3}.",
            ratios.len()
        );
    }
    let over = judgement.over();
    let names: Vec<&str> = over.iter().map(|judged| judged.row.name.as_str()).collect();
    let _ = writeln!(
        out,
        "Budgets broken: {}.\n",
        if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        }
    );
    out.push_str(rest);
    out
}

fn line(judged: &Judged, timed: &[Row]) -> String {
    let row = &judged.row;
    let (verdict, why) = words(&judged.verdict);
    let unit = match why {
        Some(why) => format!("{} ({why})", row.unit),
        None => row.unit.clone(),
    };
    let ns = |figure: Option<&super::figures::Figure>| match figure {
        Some(figure) if row.kind != Kind::Size => number(figure.ns),
        _ => String::new(),
    };
    let wall = timed
        .iter()
        .find(|other| other.name == row.name)
        .and_then(|other| {
            let (low, high) = stats::spread(&other.pairs)?;
            let median = stats::median(&other.pairs)?;
            Some(format!(
                "{} ({} to {})",
                ratio(median),
                ratio(low),
                ratio(high)
            ))
        });
    format!(
        "| {} | {} | {} | {} | {} | {} | {verdict} | {} | {} | {} |\n",
        row.name,
        unit.replace('|', "\\|"),
        cell(Some(&row.gaon), main_figure),
        cell(row.linux.as_ref(), main_figure),
        judged.ratio.map(ratio).unwrap_or_default(),
        judged.budget,
        ns(row.own()),
        ns(row.peer()),
        wall.unwrap_or_default()
    )
}

/// What stays of the file as it was: all from its second heading of this level on.
pub(super) fn rest(before: &str) -> &str {
    let first = before.find("\n## ").map_or(0, |at| at + 1);
    before
        .get(first + 1..)
        .and_then(|tail| tail.find("\n## "))
        .map_or("", |at| &before[first + 1 + at + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_behind_the_table_stay() {
        let before =
            "# Results\nwords\n## Costs\n| a |\n\n## Where it goes\nkept\n## More\nkept too\n";
        assert_eq!(rest(before), "## Where it goes\nkept\n## More\nkept too\n");
        assert_eq!(rest("# Results\n## Costs\n"), "");
        assert_eq!(rest(""), "");
    }
}
