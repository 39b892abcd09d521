//! The figures as one page of HTML that needs nothing else: bars, curves, the table.

use super::chart;
use super::guest::Clock;
use super::provenance::Provenance;
use super::rows::{Judged, Judgement, Kind};
use super::scaling::Curve;
use super::table::{self, cell, main_figure};
use std::fmt::Write;

const STYLE: &str = include_str!("page.css");

/// The page.
pub(super) fn page(judgement: &Judgement, curves: &[Curve], from: &Provenance) -> String {
    let mut out = String::new();
    let what = match judgement.clock {
        Clock::Icount | Clock::Counted => "busy instructions",
        Clock::Wall => "nanoseconds of the host",
    };
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Gaon beside Linux</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>Gaon beside Linux</h1>\n"
    );
    if let Some(mean) = judgement.geometric_mean {
        let _ = writeln!(
            out,
            "<p class=\"mean\"><b>{mean:.2}</b> of Linux' cost: the geometric mean of {} operations, in {what}.</p>",
            judgement.operations
        );
    }
    let _ = writeln!(
        out,
        "<p>A bar to the left of 1 is an operation that costs less on Gaon; the scale is logarithmic, each line is half \
         of the next. The black tick is the budget. Commit {}; {}.</p>",
        escape(&from.commit),
        escape(&from.machine())
    );
    out.push_str("<h2>Operations</h2>\n<div class=\"charts\">\n");
    for (group, rows) in groups(&judgement.rows) {
        let label = format!("{group}: cost on Gaon over cost on Linux");
        let _ = writeln!(
            out,
            "<figure><figcaption>{}</figcaption>\n{}\n</figure>",
            escape(&group),
            chart::bars(&label, &rows)
        );
    }
    out.push_str("</div>\n");
    if !curves.is_empty() {
        let _ = writeln!(
            out,
            "<h2>On more processors</h2>\n<p>Nanoseconds of the host from start to end, divided by all operations, while \
             every one of 1, 2 and 4 processors does them. Half is perfect, as long as the host has so many.</p>\n\
             <div class=\"charts\">"
        );
        for curve in curves {
            let _ = writeln!(
                out,
                "<figure><figcaption>{} <span>{}</span></figcaption>\n{}\n</figure>",
                escape(&curve.name),
                escape(&curve.unit),
                chart::curve(curve)
            );
        }
        out.push_str("</div>\n");
    }
    out.push_str(&full_table(judgement, what));
    let _ = writeln!(
        out,
        "<footer>Made by <code>{}</code></footer>\n</body>\n</html>",
        escape(&from.command)
    );
    out
}

/// Rows that have a ratio or could have one, by the first part of their names.
fn groups(rows: &[Judged]) -> Vec<(String, Vec<&Judged>)> {
    let mut groups: Vec<(String, Vec<&Judged>)> = Vec::new();
    for judged in rows.iter().filter(|judged| judged.row.kind != Kind::Note) {
        let group = judged.row.name.split('/').next().unwrap_or_default();
        match groups.iter_mut().find(|(name, _)| name == group) {
            Some((_, rows)) => rows.push(judged),
            None => groups.push((group.to_owned(), vec![judged])),
        }
    }
    groups
}

fn full_table(judgement: &Judgement, what: &str) -> String {
    let mut out = format!(
        "<h2>All figures</h2>\n<p>Costs of one iteration in {what}.</p>\n<div class=\"scroll\"><table>\n\
         <thead><tr><th>operation<th>one iteration<th>Gaon<th>Linux<th>ratio<th>budget<th>verdict</thead>\n"
    );
    for judged in &judgement.rows {
        let row = &judged.row;
        let ratio = judged.ratio.map_or_else(String::new, |r| format!("{r:.3}"));
        let (verdict, why) = table::words(&judged.verdict);
        let _ = writeln!(
            out,
            "<tr><td>{}<td>{}<td>{}<td>{}<td>{ratio}<td>{}<td>{} {}",
            escape(&row.name),
            escape(&row.unit),
            cell(Some(&row.gaon), main_figure),
            cell(row.linux.as_ref(), main_figure),
            judged.budget,
            verdict,
            escape(why.unwrap_or_default())
        );
    }
    out.push_str("</table></div>\n");
    out
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verb::bench::figures::{Figure, Outcome};
    use crate::verb::bench::rows::{Row, Verdict};

    fn judged(name: &str, verdict: Verdict, ratio: Option<f64>) -> Judged {
        let figure = Figure {
            ns: 100.0,
            busy: None,
            overhead: 0.0,
            iterations: 1,
        };
        Judged {
            row: Row {
                name: name.to_owned(),
                unit: "a < b".to_owned(),
                kind: Kind::Operation,
                gaon: Outcome::Measured(figure),
                linux: Some(Outcome::Measured(figure)),
                pairs: Vec::new(),
            },
            ratio,
            limit: Some(0.5),
            budget: "0.50".to_owned(),
            verdict,
        }
    }

    #[test]
    fn the_page_stands_alone() {
        let judgement = Judgement {
            rows: vec![
                judged("call/null", Verdict::Kept, Some(0.4)),
                judged("ipc/pipe", Verdict::Over("ratio".to_owned()), Some(1.5)),
                judged("ipc/unix", Verdict::Absent("no <sockets>".to_owned()), None),
            ],
            clock: Clock::Icount,
            geometric_mean: Some(0.77),
            operations: 2,
            mean_budget: Some(0.7),
        };
        let curve = Curve {
            name: "scaling/null".to_owned(),
            unit: String::new(),
            costs: vec![vec![Some(1.0); 3]; 2],
        };
        let page = page(&judgement, &[curve], &Provenance::default());
        for outside in ["http:", "https:", "src=", "href=", "@import", "url("] {
            // The name of SVG's vocabulary is no address that is looked up.
            let page = page.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
            assert!(!page.contains(outside), "{outside}");
        }
        assert_eq!(page.matches("<figure>").count(), 3);
        assert!(page.contains("no &lt;sockets&gt;") && page.contains("a &lt; b"));
        assert!(page.contains("class=\"over\"") && page.contains("width=device-width"));
    }
}
