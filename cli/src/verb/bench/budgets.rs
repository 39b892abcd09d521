//! `bench/budgets.toml`: what each row may cost at most.

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Budgets {
    /// Of the ratios of all operations.
    pub(super) geometric_mean: f64,
    /// For every operation that is not named.
    default: Limits,
    wall: Wall,
    #[serde(default)]
    rows: BTreeMap<String, Limits>,
}

/// Limits of one row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limits {
    /// Gaon's cost over Linux'.
    pub(super) ratio: Option<f64>,
    /// In the row's own unit: busy instructions of one iteration, KiB, bytes.
    pub(super) most: Option<f64>,
    /// Milliseconds of the host, by the wall clock.
    pub(super) wall_ms: Option<f64>,
}

/// By the wall clock only what is gross is wrong, and only after many pairs.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wall {
    ratio: f64,
    pairs: usize,
}

impl Budgets {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("budgets: {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("budgets: {}", path.display()))
    }

    pub(super) fn parse(text: &str) -> Result<Self> {
        Ok(toml::from_str(text)?)
    }

    /// A budget for a row that does not exist guards nothing.
    pub(super) fn check_names(&self, known: &[String]) -> Result<()> {
        match self.rows.keys().find(|name| !known.contains(name)) {
            Some(name) => bail!("budgets: there is no row {name}"),
            None => Ok(()),
        }
    }

    /// The limits of an operation: its own, and the default ratio unless it has one.
    pub(super) fn operation(&self, name: &str) -> Limits {
        let own = self.named(name);
        Limits {
            ratio: own.ratio.or(self.default.ratio),
            ..own
        }
    }

    /// The limits of a row that has none by default.
    pub(super) fn named(&self, name: &str) -> Limits {
        self.rows.get(name).copied().unwrap_or_default()
    }

    /// The limits by the wall clock, after so many pairs.
    pub(super) fn wall(&self, name: &str, pairs: usize) -> Limits {
        let own = self.named(name);
        let enough = pairs >= self.wall.pairs;
        Limits {
            ratio: enough.then_some(self.wall.ratio),
            most: own.wall_ms.filter(|_| enough).map(|ms| ms * 1e6),
            wall_ms: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = r#"
        geometric_mean = 0.7
        default = { ratio = 1.0 }
        wall = { ratio = 1.5, pairs = 9 }
        [rows]
        "call/null" = { ratio = 0.45, most = 200 }
        "boot/microvm" = { most = 8e6, wall_ms = 300 }
    "#;

    #[test]
    fn a_row_has_its_own_limits_or_the_default() {
        let budgets = Budgets::parse(SAMPLE).unwrap();
        let null = budgets.operation("call/null");
        assert_eq!((null.ratio, null.most), (Some(0.45), Some(200.0)));
        let other = budgets.operation("call/read");
        assert_eq!((other.ratio, other.most), (Some(1.0), None));
        assert_eq!(budgets.named("size/image"), Limits::default());
    }

    #[test]
    fn wall_time_gates_after_many_pairs_only() {
        let budgets = Budgets::parse(SAMPLE).unwrap();
        assert_eq!(budgets.wall("call/null", 3), Limits::default());
        assert_eq!(budgets.wall("call/null", 9).ratio, Some(1.5));
        assert_eq!(budgets.wall("boot/microvm", 9).most, Some(300e6));
    }

    #[test]
    fn slips_are_errors() {
        assert!(Budgets::parse(&SAMPLE.replace("most = 200", "mots = 200")).is_err());
        let budgets = Budgets::parse(SAMPLE).unwrap();
        let known = ["call/null", "boot/microvm"].map(str::to_owned);
        assert!(budgets.check_names(&known).is_ok());
        assert!(budgets.check_names(&known[..1]).is_err());
    }
}
