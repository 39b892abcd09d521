//! Debian's programs, unmodified, in guests made of its packages: the tables of `test/userland`. A table is a boot.

use super::debian::World;
use super::guest::Runner;
use super::plan::{self, Check, Group, Plan, Test};
use super::{Tally, say, table};
use crate::tree;
use anyhow::{Context, Result};

const NO_ANSWER: &str = "no answer from Linux yet: ./gaon test userland --oracle linux --bless";

pub(super) fn run(plan: &Plan) -> Result<Tally> {
    let folder = tree::root()?.join("test/userland");
    let mut runner = Runner::new(plan);
    for (name, table) in table::read_all(&folder)? {
        let wishes = table
            .debian
            .as_ref()
            .with_context(|| format!("{name}: no packages named"))?;
        let answers = table::answers(&folder, &name)?;
        let mut tests = plan::table_tests(&name, &table, &answers, None);
        tests.retain(|test| test.name.contains(&plan.filter));
        // Packages are large: what no test that runs wants is not fetched.
        let (tests, left_out): (Vec<Test>, Vec<Test>) = tests
            .into_iter()
            .partition(|test| why_left_out(plan, test).is_none());
        for test in &left_out {
            runner.skip(&test.name, why_left_out(plan, test).unwrap_or_default());
        }
        if tests.is_empty() {
            continue;
        }
        match World::fetch(wishes, &folder) {
            Ok(world) => runner.groups(&[Group {
                name: format!("{name}, {} CPU", table.smp),
                cpus: table.smp,
                append: String::new(),
                tests,
                files: Vec::new(),
                programs: Vec::new(),
                of_documents: Vec::new(),
                other_busybox: None,
                debian: Some(world),
                memory: wishes.memory.clone(),
                module: None,
            }])?,
            Err(why) => {
                say(&format!("skipped {name}: {why:#}"));
                for test in &tests {
                    runner.skip(&test.name, "not fetched");
                }
            }
        }
    }
    runner.end(&folder)
}

/// Why `test` does not run, if it does not.
fn why_left_out<'a>(plan: &Plan, test: &'a Test) -> Option<&'a str> {
    if let (Some(why), false) = (&test.skip, plan.linux) {
        return Some(why);
    }
    let unanswered = matches!(test.check, Check::Answer { expected: None, .. });
    (unanswered && !plan.bless).then_some(NO_ANSWER)
}
