//! What unittest says of each test when it is asked to be verbose.

use std::collections::BTreeMap;
use std::fmt;

/// How a test ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Or failed as it is expected to.
    Passed,
    /// Why.
    Skipped(String),
    Failed,
    /// It began, or should have, and nothing was heard of it.
    Lost,
}

pub(super) type Outcomes = BTreeMap<String, Outcome>;

impl Outcome {
    /// Whether nothing is amiss where another kernel gives `other`.
    pub(super) fn is_as_good_as(&self, other: &Self) -> bool {
        match other {
            Self::Passed => *self == Self::Passed,
            Self::Skipped(_) => matches!(self, Self::Passed | Self::Skipped(_)),
            Self::Failed | Self::Lost => true,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("passed"),
            Self::Skipped(why) => write!(f, "skipped ({why})"),
            Self::Failed => f.write_str("failed"),
            Self::Lost => f.write_str("no answer"),
        }
    }
}

/// How many there are, and how many of them ended badly or not at all.
pub(super) fn counts(outcomes: &Outcomes) -> String {
    let of = |wanted: fn(&Outcome) -> bool| {
        let tests = outcomes.iter().filter(|(name, _)| *name != WHOLE);
        tests.filter(|(_, outcome)| wanted(outcome)).count()
    };
    format!(
        "{} tests, {} failed, {} skipped, {} without an answer",
        of(|_| true),
        of(|outcome| *outcome == Outcome::Failed),
        of(|outcome| matches!(outcome, Outcome::Skipped(_))),
        of(|outcome| *outcome == Outcome::Lost),
    )
}

/// The name of what stands for the whole run.
const WHOLE: &str = "the whole run";

/// Reads a whole log. A test's line may be continued by what it prints itself, and ends with its outcome.
pub(super) fn read(text: &str) -> Outcomes {
    let mut outcomes = Outcomes::new();
    let mut running: Option<String> = None;
    for line in text.lines() {
        if let Some(name) = reported(line) {
            outcomes.insert(name, Outcome::Failed);
            running = None;
            continue;
        }
        if let Some(name) = name(line) {
            outcomes.entry(name.clone()).or_insert(Outcome::Lost);
            running = Some(name);
        }
        if let (Some(name), Some(outcome)) = (&running, ending(line)) {
            // A subtest that failed is told before its test's own end.
            if outcomes.get(name) != Some(&Outcome::Failed) {
                outcomes.insert(name.clone(), outcome);
            }
            running = None;
        }
    }
    // An outcome may stand behind a line that another thread printed: the summary counts failures, all else has passed.
    let ended = text.contains("\nTests result: ");
    if ended {
        for outcome in outcomes.values_mut().filter(|o| **o == Outcome::Lost) {
            *outcome = Outcome::Passed;
        }
    }
    let whole = if ended {
        Outcome::Passed
    } else {
        Outcome::Lost
    };
    outcomes.insert(WHOLE.to_owned(), whole);
    outcomes
}

/// `test_read (test.test_os.FileTests.test_read)` at the begin of a line: what is in brackets; of `setUpClass` and its like
/// both.
fn name(line: &str) -> Option<String> {
    let (short, rest) = line.trim_start().split_once(" (")?;
    let long = rest.split_once(')')?.0;
    let one_word = |word: &str| {
        !word.is_empty()
            && word
                .chars()
                .all(|c| c.is_alphanumeric() || "_.".contains(c))
    };
    if !one_word(short) || !one_word(long) || !long.contains('.') {
        return None;
    }
    Some(if long.ends_with(&format!(".{short}")) {
        long.to_owned()
    } else {
        format!("{long}.{short}")
    })
}

/// The name in `FAIL: test_read (test.test_os.FileTests.test_read)`, the headline of a report.
fn reported(line: &str) -> Option<String> {
    let rest = line
        .strip_prefix("FAIL: ")
        .or_else(|| line.strip_prefix("ERROR: "))?;
    name(rest)
}

/// The outcome that a line ends with.
fn ending(line: &str) -> Option<Outcome> {
    let last = line.rsplit(" ... ").next()?;
    if let Some((_, why)) = last.rsplit_once("skipped '") {
        return Some(Outcome::Skipped(why.trim_end_matches('\'').to_owned()));
    }
    if let Some((_, why)) = last.rsplit_once("skipped \"") {
        return Some(Outcome::Skipped(why.trim_end_matches('"').to_owned()));
    }
    match last {
        "ok" | "expected failure" => Some(Outcome::Passed),
        "FAIL" | "ERROR" | "unexpected success" => Some(Outcome::Failed),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Outcome, WHOLE, counts, read};

    const LOG: &str = "\
test_a (test.test_os.Files.test_a) ... ok
test_b (test.test_os.Files.test_b)
What it is about ... ok
test_c (test.test_os.Files.test_c) ... skipped 'needs (a) Mac'
test_d (test.test_os.Files.test_d) ... FAIL
test_e (test.test_os.Files.test_e) ... it prints
ok
test_f (test.test_os.Files.test_f) ...   test_f (test.test_os.Files.test_f) (i=3) ... FAIL
ok
setUpClass (test.test_os.Macs) ... skipped \"it's no Mac\"
test_g (test.test_os.Files.test_g) ... behind no newlineok

======================================================================
ERROR: test_h (test.test_os.Files.test_h)
----------------------------------------------------------------------
Tests result: FAILURE
";

    #[test]
    fn each_test_has_its_outcome() {
        let outcomes = read(LOG);
        let of = |name: &str| outcomes[&format!("test.test_os.{name}")].clone();
        let skipped = |why: &str| Outcome::Skipped(why.to_owned());
        assert_eq!(of("Files.test_a"), Outcome::Passed);
        assert_eq!(of("Files.test_b"), Outcome::Passed);
        assert_eq!(of("Files.test_c"), skipped("needs (a) Mac"));
        assert_eq!(of("Files.test_d"), Outcome::Failed);
        assert_eq!(of("Files.test_e"), Outcome::Passed);
        assert_eq!(of("Files.test_f"), Outcome::Failed);
        assert_eq!(of("Files.test_g"), Outcome::Passed);
        assert_eq!(of("Files.test_h"), Outcome::Failed);
        assert_eq!(of("Macs.setUpClass"), skipped("it's no Mac"));
        assert_eq!(outcomes[WHOLE], Outcome::Passed);
        assert_eq!(
            counts(&outcomes),
            "9 tests, 3 failed, 2 skipped, 0 without an answer"
        );
    }

    #[test]
    fn a_run_that_stops_early_leaves_its_tests_lost() {
        let outcomes = read(LOG.split_once("\n\n").unwrap().0);
        assert_eq!(outcomes["test.test_os.Files.test_g"], Outcome::Lost);
        assert_eq!(outcomes[WHOLE], Outcome::Lost);
    }

    #[test]
    fn only_what_is_worse_than_linux_counts() {
        let skipped = Outcome::Skipped(String::new());
        assert!(!skipped.is_as_good_as(&Outcome::Passed));
        assert!(skipped.is_as_good_as(&skipped));
        assert!(Outcome::Passed.is_as_good_as(&skipped));
        assert!(!Outcome::Failed.is_as_good_as(&skipped));
        assert!(Outcome::Failed.is_as_good_as(&Outcome::Failed));
        assert!(!Outcome::Lost.is_as_good_as(&Outcome::Passed));
    }
}
