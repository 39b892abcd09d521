//! What the benchmark program says: one JSON line per operation, one when user space began, one at the end.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How one operation went on one kernel.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    Measured(Figure),
    /// The kernel has no such call yet, and says so.
    Absent(String),
    /// A wrong result, or none at all.
    Failed(String),
}

/// Costs of one iteration.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Figure {
    /// The guest's own clock: nanoseconds, under `-icount` with the jumps over idle waits.
    pub(super) ns: f64,
    /// Instructions that the processors executed.
    pub(super) busy: Option<f64>,
    /// What was subtracted from both: cost of the harness, as measured apart.
    pub(super) overhead: f64,
    pub(super) iterations: u64,
}

/// The state of things when user space began.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub(super) struct Boot {
    /// The time-stamp counter at the first user instruction.
    pub(super) first: u64,
    pub(super) total_kib: u64,
    pub(super) free_kib: u64,
    pub(super) uname: String,
}

/// All that one kernel gave.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Figures {
    pub(super) boot: Option<Boot>,
    pub(super) outcomes: BTreeMap<String, Outcome>,
    /// The operations in the order in which they were measured.
    #[serde(skip)]
    pub(super) order: Vec<String>,
    /// What one iteration of each operation is.
    pub(super) units: BTreeMap<String, String>,
    /// The program's status, as wait(2) has it, once it has come to its end.
    #[serde(skip)]
    pub(super) ended: Option<i32>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Row {
        name: String,
        #[serde(flatten)]
        row: Row,
    },
    Boot {
        boot: Boot,
    },
    End {
        end: End,
    },
}

#[derive(Deserialize)]
struct Row {
    unit: Option<String>,
    iterations: Option<u64>,
    ns: Option<f64>,
    overhead: Option<f64>,
    absent: Option<String>,
    failed: Option<String>,
}

#[derive(Deserialize)]
struct End {
    status: i32,
}

impl Figures {
    /// Takes one line in; what is not the program's is left out. Gives the operation that it was about.
    pub(super) fn take(&mut self, line: &str) -> Option<String> {
        match serde_json::from_str(line.trim()).ok()? {
            Line::Row { name, row } => {
                let outcome = match (row.ns, row.absent, row.failed) {
                    (_, _, Some(why)) => Outcome::Failed(why),
                    (_, Some(why), _) => Outcome::Absent(why),
                    (Some(ns), ..) => Outcome::Measured(Figure {
                        ns,
                        busy: None,
                        overhead: row.overhead.unwrap_or(0.0),
                        iterations: row.iterations.unwrap_or(1),
                    }),
                    _ => Outcome::Failed("a line without a figure".to_owned()),
                };
                if let Some(unit) = row.unit {
                    self.units.insert(name.clone(), unit);
                }
                self.outcomes.insert(name.clone(), outcome);
                self.order.push(name.clone());
                Some(name)
            }
            Line::Boot { boot } => {
                self.boot.get_or_insert(boot);
                None
            }
            Line::End { end } => {
                self.ended = Some(end.status);
                None
            }
        }
    }

    /// Adds the instructions that were counted: one section for each operation that was measured, in that order. A failed
    /// one may have left a section or none, so that what came after it can't be told.
    pub(super) fn count(&mut self, sections: &[u64]) {
        let mut sections = sections.iter();
        for name in &self.order {
            match self.outcomes.get_mut(name) {
                Some(Outcome::Measured(figure)) => {
                    let Some(section) = sections.next() else {
                        break;
                    };
                    let each = *section as f64 / figure.iterations as f64;
                    figure.busy =
                        Some((each - figure.overhead).max(1.0 / figure.iterations as f64));
                }
                Some(Outcome::Failed(_)) => break,
                _ => {}
            }
        }
    }

    pub(super) fn figure(&self, name: &str) -> Option<Figure> {
        match self.outcomes.get(name)? {
            Outcome::Measured(figure) => Some(*figure),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(lines: &[&str]) -> Figures {
        let mut figures = Figures::default();
        for line in lines {
            figures.take(line);
        }
        figures
    }

    #[test]
    fn lines_become_outcomes() {
        let figures = taken(&[
            r#"{"name":"call/null","unit":"getppid","iterations":10,"ns":181.25,"uname":"Linux 6.1"}"#,
            r#"{"name":"ipc/unix","absent":"Function not implemented","uname":"x"}"#,
            r#"{"name":"ipc/pipe","failed":"wrong result: echo","uname":"x"}"#,
            r#"{"name":"ipc/odd","uname":"x"}"#,
        ]);
        let null = figures.figure("call/null").unwrap();
        assert_eq!((null.ns, null.iterations), (181.25, 10));
        assert_eq!(figures.units["call/null"], "getppid");
        let outcome = |name: &str| figures.outcomes[name].clone();
        assert_eq!(
            outcome("ipc/unix"),
            Outcome::Absent("Function not implemented".into())
        );
        assert_eq!(
            outcome("ipc/pipe"),
            Outcome::Failed("wrong result: echo".into())
        );
        assert!(matches!(outcome("ipc/odd"), Outcome::Failed(_)));
        assert_eq!(figures.ended, None);
    }

    #[test]
    fn each_measured_row_has_its_section() {
        let mut figures = taken(&[
            r#"{"name":"a","iterations":10,"ns":100}"#,
            r#"{"name":"b","absent":"no"}"#,
            r#"{"name":"c","iterations":4,"ns":50,"overhead":5}"#,
            r#"{"name":"d","failed":"wrong result"}"#,
            r#"{"name":"e","iterations":1,"ns":7}"#,
        ]);
        figures.count(&[900, 160, 33]);
        let busy = |name: &str| figures.figure(name).unwrap().busy;
        assert_eq!(busy("a"), Some(90.0));
        assert_eq!(busy("c"), Some(35.0));
        assert_eq!(busy("e"), None);
    }

    #[test]
    fn boot_and_end_are_told_apart_from_noise() {
        let figures = taken(&[
            "[    0.1] a kernel's message",
            r#"{"boot":{"first":17730000,"total_kib":500000,"free_kib":480000,"now":3,"uname":"Linux 6.1.0-gaon"}}"#,
            "{\"name\":",
            "{\"end\":{\"status\":0}}\r",
        ]);
        assert_eq!(figures.boot.unwrap().first, 17_730_000);
        assert_eq!(figures.ended, Some(0));
        assert!(figures.outcomes.is_empty());
    }
}
