//! What an operation costs when all processors do it at once: on one processor, on two, on four.

use super::figures::{Figures, Outcome};
use super::guest::Clock;
use super::measure::{self, Kernel, Plan};
use super::rows::cost;
use anyhow::Result;
use serde::Serialize;

/// How the names of such operations begin.
pub(super) const GROUP: &str = "scaling/";
/// Processors.
pub(super) const COUNTS: [u32; 3] = [1, 2, 4];

/// Processors that contend by instructions.
pub(super) const CONTENDED: u32 = 2;

/// One operation's costs.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Curve {
    pub(super) name: String,
    pub(super) unit: String,
    /// For each of [`COUNTS`] one iteration's cost, where it could be measured; Gaon's, then Linux'.
    pub(super) costs: Vec<Vec<Option<f64>>>,
}

/// The names of the group in `plan`; on one processor nobody contends, and they are none of its operations.
pub(super) fn take(plan: &mut Plan) -> Vec<String> {
    let ours = |name: &String| name.starts_with(GROUP);
    let names = plan
        .names
        .iter()
        .filter(|name| ours(name))
        .cloned()
        .collect();
    if plan.cpus == 1 {
        plan.names.retain(|name| !ours(name));
    }
    names
}

/// Measures each operation of the group on each number of processors, by the wall clock: under `-icount` only one processor
/// runs at a time, and Linux does not start its second.
pub(super) fn curves(
    plan: &Plan,
    names: &[String],
    kernels: &[Kernel],
    pairs: usize,
) -> Result<Vec<Curve>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let mut by_count: Vec<Vec<Figures>> = Vec::new();
    for cpus in COUNTS {
        let part = Plan {
            names: names.to_vec(),
            cpus,
            clock: Clock::Wall,
            plugin: None,
            ..plan.clone()
        };
        by_count.push(measure::in_turn(&part, kernels, pairs)?.figures);
    }
    let curve = |name: &String| {
        let of = |kernel: usize, figures: &Vec<Figures>| match figures[kernel].outcomes.get(name) {
            Some(Outcome::Measured(figure)) => Some(cost(figure)),
            _ => None,
        };
        let costs = (0..kernels.len())
            .map(|kernel| by_count.iter().map(|figures| of(kernel, figures)).collect());
        let mut units = by_count.iter().flatten();
        Curve {
            costs: costs.collect(),
            unit: units
                .find_map(|figures| figures.units.get(name).cloned())
                .unwrap_or_default(),
            name: name.clone(),
        }
    };
    Ok(names.iter().map(curve).collect())
}
