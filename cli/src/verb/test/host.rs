//! Tests beside the code, by `cargo test` on this host.

use super::Tally;
use crate::cargo;
use anyhow::{Result, bail};
use std::io::{BufRead, BufReader};
use std::process::Stdio;

/// Cases of a property test in a long run (256 in a short one, where a test says nothing else).
const MANY_CASES: u32 = 4_000;

/// Runs the tests of every crate that builds on a host (all but the kernel's image).
pub(crate) fn run(filter: &str, full: bool, seed: u64) -> Result<Tally> {
    let mut command = cargo::command("test")?;
    if full {
        println!("note host: {MANY_CASES} cases of each property");
        command.env("PROPTEST_CASES", MANY_CASES.to_string());
        command.env("PROPTEST_RNG_SEED", seed.to_string());
    }
    command.args([
        "--profile",
        "host",
        "--workspace",
        "--exclude",
        "image",
        "--no-fail-fast",
        "--color",
        "never",
    ]);
    if !filter.is_empty() {
        command.args(["--", filter]);
    }
    let bar = cargo::spinner("host tests");
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let errors = child.stderr.take();
    let said =
        std::thread::spawn(move || errors.map(|e| std::io::read_to_string(e).unwrap_or_default()));
    let mut tally = Tally::default();
    let mut results = 0;
    for line in child
        .stdout
        .take()
        .into_iter()
        .flat_map(|out| BufReader::new(out).lines())
    {
        let line = line?;
        if let Some(counts) = counts(&line) {
            results += 1;
            tally.add(counts);
        } else if line.starts_with("test ") && line.ends_with("FAILED") {
            bar.suspend(|| println!("{line}"));
        } else if line.starts_with("thread '")
            || line.starts_with("  left:")
            || line.starts_with(" right:")
        {
            bar.suspend(|| println!("    {}", line.trim()));
        }
    }
    let status = child.wait()?;
    bar.finish_and_clear();
    let said = said.join().ok().flatten().unwrap_or_default();
    if !status.success() && (tally.failed == 0 || results == 0) {
        let errors: Vec<&str> = said
            .lines()
            .filter(|line| !line.trim_start().starts_with("Compiling"))
            .collect();
        bail!("the host tests did not run through\n{}", errors.join("\n"));
    }
    Ok(tally)
}

/// The numbers of `test result: ok. 7 passed; 0 failed; 1 ignored; ...`.
fn counts(line: &str) -> Option<Tally> {
    let rest = line.strip_prefix("test result:")?.split_once(". ")?.1;
    let mut tally = Tally::default();
    for part in rest.split("; ") {
        let Some((number, what)) = part.split_once(' ') else {
            continue;
        };
        let Ok(number) = number.parse() else { continue };
        match what {
            "passed" => tally.passed = number,
            "failed" => tally.failed = number,
            "ignored" => tally.skipped = number,
            _ => {}
        }
    }
    Some(tally)
}

#[cfg(test)]
mod tests {
    use super::counts;

    #[test]
    fn cargos_result_line_is_understood() {
        let line = "test result: FAILED. 7 passed; 2 failed; 1 ignored; 0 measured; 4 filtered out; finished in 0.01s";
        let tally = counts(line).unwrap();
        assert_eq!((tally.passed, tally.failed, tally.skipped), (7, 2, 1));
        assert!(counts("test tests::a ... ok").is_none());
    }
}
