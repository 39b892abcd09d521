//! How each test ended, by name, to hold one kernel's verdicts beside another's.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// How a test ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    Failed,
    Skipped,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        })
    }
}

/// Those of one run.
#[derive(Default)]
pub(crate) struct Verdicts(Mutex<BTreeMap<String, Verdict>>);

impl Verdicts {
    /// A test of a name that comes more than once has failed if it ever did.
    pub(super) fn note(&self, name: &str, verdict: Verdict) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.entry(name.to_owned()).or_insert(verdict);
        if *known != Verdict::Failed {
            *known = verdict;
        }
    }

    /// What differs between Linux and Gaon.
    pub(super) fn compare(linux: Self, gaon: Self) -> Comparison {
        let [linux, gaon] =
            [linux, gaon].map(|run| run.0.into_inner().unwrap_or_else(PoisonError::into_inner));
        let mut found = Comparison {
            differences: Vec::new(),
            both: 0,
            skipped: 0,
            ours: gaon
                .keys()
                .filter(|name| !linux.contains_key(*name))
                .count(),
        };
        for (name, on_linux) in linux {
            if on_linux == Verdict::Skipped {
                found.skipped += 1;
                continue;
            }
            let on_gaon = gaon.get(&name).copied();
            found.both += usize::from(on_gaon.is_some());
            if on_gaon != Some(on_linux) {
                let differs = Difference {
                    name,
                    on_linux,
                    on_gaon,
                };
                found.differences.push(differs);
            }
        }
        found
    }
}

/// Two runs side by side.
pub(super) struct Comparison {
    pub(super) differences: Vec<Difference>,
    /// How many tests there were on both kernels, how many Linux skipped, as there is nothing there to compare with, and how
    /// many there were on Gaon alone: of what Linux has not.
    pub(super) both: usize,
    pub(super) skipped: usize,
    pub(super) ours: usize,
}

/// A test that ended otherwise on Gaon than on Linux.
pub(super) struct Difference {
    name: String,
    on_linux: Verdict,
    on_gaon: Option<Verdict>,
}

impl Difference {
    /// Whether it counts among the failures already.
    pub(super) fn has_failed(&self) -> bool {
        self.on_linux == Verdict::Failed || self.on_gaon == Some(Verdict::Failed)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} on Linux, ", self.name, self.on_linux)?;
        match self.on_gaon {
            Some(verdict) => write!(f, "{verdict} on Gaon"),
            None => f.write_str("not there on Gaon"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ended_otherwise_is_told() {
        let (linux, gaon) = (Verdicts::default(), Verdicts::default());
        for run in [&linux, &gaon] {
            run.note("same", Verdict::Passed);
        }
        linux.note("other", Verdict::Passed);
        gaon.note("other", Verdict::Failed);
        gaon.note("other", Verdict::Passed);
        linux.note("theirs", Verdict::Passed);
        linux.note("left out", Verdict::Skipped);
        gaon.note("left out", Verdict::Passed);
        gaon.note("ours", Verdict::Passed);
        let found = Verdicts::compare(linux, gaon);
        let told = found
            .differences
            .iter()
            .map(|d| (d.to_string(), d.has_failed()));
        assert_eq!(
            told.collect::<Vec<_>>(),
            [
                ("other: passed on Linux, failed on Gaon".to_owned(), true),
                (
                    "theirs: passed on Linux, not there on Gaon".to_owned(),
                    false
                ),
            ]
        );
        assert_eq!((found.both, found.skipped, found.ours), (2, 1, 1));
    }
}
