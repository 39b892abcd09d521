//! What labs say, taken apart: the words for people, and the rows of figures, which become a table.

use super::recipe::{BEGINS, ENDED};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// A line of a lab with figures: a name, then `NAME=NUMBER`, between tabs.
const ROW: &str = "@row\t";

/// What a lab said on one kernel.
#[derive(Serialize, Default, Clone, PartialEq, Debug)]
pub(crate) struct Ran {
    pub(crate) lab: String,
    pub(crate) kernel: String,
    /// The exit status, if it came to one.
    pub(crate) status: Option<i32>,
    pub(crate) said: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

/// The figures of one operation.
#[derive(Serialize, Default, Clone, PartialEq, Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    #[serde(flatten)]
    pub(crate) figures: BTreeMap<String, f64>,
}

/// Reads labs' output line by line.
pub(crate) struct Reader {
    kernel: String,
    pub(crate) ran: Vec<Ran>,
}

impl Reader {
    pub(crate) fn new(kernel: &str) -> Self {
        let (kernel, ran) = (kernel.to_owned(), Vec::new());
        Self { kernel, ran }
    }

    /// Takes a line; whether it is for people.
    pub(crate) fn take(&mut self, line: &str) -> bool {
        if let Some(name) = line.strip_prefix(BEGINS) {
            self.ran.push(Ran {
                lab: name.to_owned(),
                kernel: self.kernel.clone(),
                ..Ran::default()
            });
            return false;
        }
        let Some(current) = self.ran.last_mut() else {
            return true;
        };
        if let Some(status) = line.strip_prefix(ENDED) {
            current.status = status.parse().ok();
            // The mark begins a line of its own, whatever came before.
            if current.said.last().is_some_and(String::is_empty) {
                current.said.pop();
            }
        } else if let Some(row) = line.strip_prefix(ROW) {
            current.rows.push(parse(row));
        } else {
            current.said.push(line.to_owned());
            return true;
        }
        false
    }
}

fn parse(row: &str) -> Row {
    let mut fields = row.split('\t');
    let name = fields.next().unwrap_or_default().to_owned();
    let figures = fields
        .filter_map(|field| field.split_once('='))
        .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
        .collect();
    Row { name, figures }
}

/// A column: its head, the figure, how it is written.
type Column = (&'static str, &'static str, fn(f64) -> String);

/// What a table shows, in this order.
pub(super) const COLUMNS: [Column; 10] = [
    ("p50", "p50_ns", time),
    ("p99", "p99_ns", time),
    ("formula", "formula_ns", time),
    ("a second", "per_s", short),
    ("MB/s", "mb_per_s", short),
    ("CPUs", "cpu", short),
    ("switches", "switches", short),
    ("crossings", "crossings", short),
    ("copied", "copied", short),
    ("waits", "waits", short),
];

/// The rows of one lab, those of different kernels below one another.
pub(crate) fn table(runs: &[&Ran]) -> String {
    let mut out = format!("{:<52} {:<6}", "", "");
    for (head, _, _) in COLUMNS {
        let _ = write!(out, " {head:>9}");
    }
    out.push('\n');
    for name in row_names(runs) {
        for (index, (kernel, row)) in of_name(runs, name).enumerate() {
            let _ = write!(
                out,
                "{:<52} {kernel:<6}",
                if index == 0 { name } else { "" }
            );
            for (_, figure, written) in COLUMNS {
                let cell = row
                    .figures
                    .get(figure)
                    .map_or("-".to_owned(), |v| written(*v));
                let _ = write!(out, " {cell:>9}");
            }
            out.truncate(out.trim_end().len());
            out.push('\n');
        }
    }
    out
}

/// All rows' names, in the order in which they came.
pub(super) fn row_names<'a>(runs: &[&'a Ran]) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for row in runs.iter().flat_map(|run| &run.rows) {
        if !names.contains(&row.name.as_str()) {
            names.push(&row.name);
        }
    }
    names
}

/// The rows of a name, with their kernels.
pub(super) fn of_name<'a>(
    runs: &'a [&'a Ran],
    name: &'a str,
) -> impl Iterator<Item = (&'a str, &'a Row)> {
    runs.iter().filter_map(move |run| {
        let row = run.rows.iter().find(|row| row.name == name)?;
        Some((run.kernel.as_str(), row))
    })
}

/// Three digits and a unit.
pub(super) fn time(ns: f64) -> String {
    let (value, unit) = match ns {
        ns if ns < 1e3 => (ns, "ns"),
        ns if ns < 1e6 => (ns / 1e3, "us"),
        ns if ns < 1e9 => (ns / 1e6, "ms"),
        ns => (ns / 1e9, "s"),
    };
    format!("{} {unit}", short(value))
}

/// Three digits.
pub(super) fn short(value: f64) -> String {
    match value {
        v if v == v.trunc() && v < 1e5 => format!("{v}"),
        v if v < 10.0 => format!("{v:.2}"),
        v if v < 100.0 => format!("{v:.1}"),
        v if v < 1e5 => format!("{v:.0}"),
        v if v < 1e8 => format!("{:.3} M", v / 1e6),
        v => format!("{:.0} M", v / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::{Reader, short, table, time};

    #[test]
    fn rows_are_told_from_words() {
        let mut reader = Reader::new("Gaon");
        let lines = [
            "@lab\tipc/pipe",
            "hello pipe",
            "@row\tpipe: round trip\tcount=2\tp50_ns=1500",
            "",
            "@end\t0",
            "@lab\tipc/mq",
            "this kernel lacks it",
            "",
            "@end\t77",
            "@lab\tipc/cut",
        ];
        let shown: Vec<_> = lines.iter().filter(|line| reader.take(line)).collect();
        assert_eq!(shown, [&"hello pipe", &"", &"this kernel lacks it", &""]);
        let statuses: Vec<_> = reader.ran.iter().map(|ran| ran.status).collect();
        assert_eq!(statuses, [Some(0), Some(77), None]);
        assert_eq!(reader.ran[0].said, ["hello pipe"]);
        assert_eq!(reader.ran[0].rows[0].figures["p50_ns"], 1500.0);
    }

    #[test]
    fn kernels_stand_below_one_another() {
        let run = |kernel: &str, row: &str| {
            let mut reader = Reader::new(kernel);
            reader.take("@lab\tx");
            reader.take(row);
            reader.ran.remove(0)
        };
        let (gaon, linux) = (
            run("Gaon", "@row\ta\tp50_ns=10"),
            run("Linux", "@row\ta\tp50_ns=20000"),
        );
        let text = table(&[&gaon, &linux]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(
            lines[1].starts_with("a ") && lines[1].contains("10 ns"),
            "{text}"
        );
        assert!(
            lines[2].contains("Linux") && lines[2].contains("20 us"),
            "{text}"
        );
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(time(1234.0), "1.23 us");
        assert_eq!(time(25e6), "25 ms");
        assert_eq!(short(2.0), "2");
        assert_eq!(short(0.578), "0.58");
        assert_eq!(short(143_100.0), "0.143 M");
    }
}
