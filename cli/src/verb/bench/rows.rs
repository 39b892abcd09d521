//! The rows of the table, and what is to be thought of each.

use super::budgets::{Budgets, Limits};
use super::figures::{Figure, Outcome};
use super::guest::Clock;
use super::stats;
use serde::Serialize;

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// A benchmark: counts in the geometric mean.
    Operation,
    /// An operation of several processors at once on Gaon, of one on Linux: no part of the mean.
    Contended,
    /// The way to the first user instruction, in instructions.
    Boot,
    /// KiB or bytes.
    Size,
    /// Shown beside the others; nobody's merit.
    Note,
}

/// One row: both kernels' figures.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    pub(super) name: String,
    /// What is counted.
    pub(super) unit: String,
    pub(super) kind: Kind,
    pub(super) gaon: Outcome,
    pub(super) linux: Option<Outcome>,
    /// By the wall clock: Gaon over Linux in each pair.
    pub(super) pairs: Vec<f64>,
}

/// What is to be thought of a row.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    Kept,
    /// Which limits are broken.
    Over(String),
    Absent(String),
    Failed(String),
    /// There is no limit, or nothing to hold against it.
    Open,
}

/// A row with its limits and the verdict.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Judged {
    #[serde(flatten)]
    pub(super) row: Row,
    /// Gaon's cost over Linux'.
    pub(super) ratio: Option<f64>,
    /// What the ratio may be at most.
    pub(super) limit: Option<f64>,
    /// All limits, as the table shows them.
    pub(super) budget: String,
    pub(super) verdict: Verdict,
}

/// All rows, judged.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Judgement {
    pub(super) rows: Vec<Judged>,
    pub(super) clock: Clock,
    pub(super) geometric_mean: Option<f64>,
    pub(super) operations: usize,
    /// Shown, and held against the mean only when no operation was left out.
    pub(super) mean_budget: Option<f64>,
}

/// A figure's number by the clock that budgets are written in: instructions executed where they were counted.
pub(super) fn cost(figure: &Figure) -> f64 {
    figure.busy.unwrap_or(figure.ns)
}

impl Row {
    fn figure(outcome: &Outcome) -> Option<&Figure> {
        match outcome {
            Outcome::Measured(figure) => Some(figure),
            _ => None,
        }
    }

    pub(super) fn own(&self) -> Option<&Figure> {
        Self::figure(&self.gaon)
    }

    pub(super) fn peer(&self) -> Option<&Figure> {
        Self::figure(self.linux.as_ref()?)
    }

    fn ratio(&self) -> Option<f64> {
        if self.kind == Kind::Note {
            return None;
        }
        stats::median(&self.pairs).or_else(|| Some(cost(self.own()?) / cost(self.peer()?)))
    }

    fn verdict(&self, limits: Limits, ratio: Option<f64>) -> Verdict {
        match (&self.gaon, &self.linux) {
            (Outcome::Failed(why), _) => return Verdict::Failed(format!("on Gaon: {why}")),
            (_, Some(Outcome::Failed(why))) => return Verdict::Failed(format!("on Linux: {why}")),
            (Outcome::Absent(why), _) => return Verdict::Absent(why.clone()),
            _ => {}
        }
        let own = self.own().map(cost);
        let mut held = 0;
        let mut broken = Vec::new();
        for (what, value, limit) in [("ratio", ratio, limits.ratio), ("figure", own, limits.most)] {
            let (Some(value), Some(limit)) = (value, limit) else {
                continue;
            };
            held += 1;
            if value > limit {
                broken.push(what);
            }
        }
        match (held, broken.is_empty()) {
            (0, _) => Verdict::Open,
            (_, true) => Verdict::Kept,
            (_, false) => Verdict::Over(broken.join(", ")),
        }
    }
}

impl Judgement {
    /// Judges `rows` by `budgets`; `whole`: no operation was left out.
    pub(super) fn new(rows: Vec<Row>, budgets: &Budgets, clock: Clock, whole: bool) -> Self {
        let rows: Vec<Judged> = rows
            .into_iter()
            .map(|row| judge(row, budgets, clock))
            .collect();
        let ratios: Vec<f64> = rows
            .iter()
            .filter(|judged| judged.row.kind == Kind::Operation)
            .filter_map(|judged| judged.ratio)
            .collect();
        Self {
            clock,
            geometric_mean: stats::geometric_mean(&ratios),
            operations: ratios.len(),
            mean_budget: (whole && clock == Clock::Icount).then_some(budgets.geometric_mean),
            rows,
        }
    }

    /// A benchmark gave a wrong result, or none.
    pub(super) fn failed(&self) -> bool {
        let failed = |judged: &Judged| matches!(judged.verdict, Verdict::Failed(_));
        self.rows.iter().any(failed)
    }

    /// The mean is above its budget.
    pub(super) fn mean_is_over(&self) -> bool {
        let both = self.geometric_mean.zip(self.mean_budget);
        both.is_some_and(|(mean, budget)| mean > budget)
    }

    /// The rows whose budget is broken.
    pub(super) fn over(&self) -> Vec<&Judged> {
        let over = |judged: &&Judged| matches!(judged.verdict, Verdict::Over(_));
        self.rows.iter().filter(over).collect()
    }
}

fn judge(row: Row, budgets: &Budgets, clock: Clock) -> Judged {
    let limits = match (clock, row.kind) {
        (Clock::Wall, Kind::Operation | Kind::Boot) => budgets.wall(&row.name, row.pairs.len()),
        (_, Kind::Operation | Kind::Contended) => budgets.operation(&row.name),
        _ => budgets.named(&row.name),
    };
    let ratio = row.ratio();
    let verdict = row.verdict(limits, ratio);
    let most = limits.most.map(super::text::number);
    let budget = [limits.ratio.map(|ratio| format!("{ratio:.2}")), most];
    Judged {
        ratio,
        limit: limits.ratio,
        budget: budget.into_iter().flatten().collect::<Vec<_>>().join(" / "),
        verdict,
        row,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(busy: f64) -> Outcome {
        Outcome::Measured(Figure {
            ns: busy * 2.0,
            busy: Some(busy),
            overhead: 0.0,
            iterations: 1,
        })
    }

    fn row(name: &str, gaon: Outcome, linux: Option<Outcome>) -> Row {
        Row {
            name: name.to_owned(),
            unit: String::new(),
            kind: Kind::Operation,
            gaon,
            linux,
            pairs: Vec::new(),
        }
    }

    const LIMITS: Limits = Limits {
        ratio: Some(0.5),
        most: Some(200.0),
        wall_ms: None,
    };

    fn verdict(row: &Row) -> Verdict {
        row.verdict(LIMITS, row.ratio())
    }

    #[test]
    fn limits_hold_up_to_the_last_digit() {
        let both = |own, peer| row("x", measured(own), Some(measured(peer)));
        assert_eq!(verdict(&both(200.0, 400.0)), Verdict::Kept);
        assert_eq!(
            verdict(&both(200.0, 399.0)),
            Verdict::Over("ratio".to_owned())
        );
        assert_eq!(
            verdict(&both(201.0, 900.0)),
            Verdict::Over("figure".to_owned())
        );
        assert_eq!(
            verdict(&both(900.0, 900.0)),
            Verdict::Over("ratio, figure".to_owned())
        );
    }

    #[test]
    fn without_a_peer_the_absolute_limit_still_holds() {
        assert_eq!(verdict(&row("x", measured(150.0), None)), Verdict::Kept);
        assert!(matches!(
            verdict(&row("x", measured(250.0), None)),
            Verdict::Over(_)
        ));
        let nothing = row("x", measured(1.0), None);
        assert_eq!(nothing.verdict(Limits::default(), None), Verdict::Open);
    }

    #[test]
    fn what_is_absent_or_failed_is_neither_kept_nor_over() {
        let absent = Outcome::Absent("no sockets".to_owned());
        let failed = Outcome::Failed("echo".to_owned());
        assert!(matches!(
            verdict(&row("x", absent.clone(), Some(measured(1.0)))),
            Verdict::Absent(_)
        ));
        assert!(matches!(
            verdict(&row("x", failed.clone(), Some(measured(1.0)))),
            Verdict::Failed(_)
        ));
        assert!(matches!(
            verdict(&row("x", absent, Some(failed.clone()))),
            Verdict::Failed(_)
        ));
        assert!(matches!(
            verdict(&row("x", measured(1.0), Some(failed))),
            Verdict::Failed(_)
        ));
    }

    #[test]
    fn pairs_count_by_their_median() {
        let mut paired = row("x", measured(100.0), Some(measured(100.0)));
        paired.pairs = vec![9.0, 0.4, 0.3];
        assert_eq!(paired.ratio(), Some(0.4));
    }
}
