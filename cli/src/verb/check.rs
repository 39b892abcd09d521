//! `gaon check`: what every commit has to hold. Each rule is a file of its own with a test on a bad sample.

pub(crate) mod calls;
mod circles;
mod exports;
mod floors;
mod growth;
mod hidden;
mod imports;
mod lexer;
mod pages;
mod sources;
mod tried;

use crate::{cargo, tree};
use anyhow::Result;
use std::process::{Command, Stdio};

/// Check format, lints, floors, unsafe code and imports
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only the rules whose name contains this
    rule: Option<String>,
    /// Write what of the book is made of the sources
    #[arg(long)]
    write: bool,
}

/// What a rule found wrong; nothing when it holds.
type Findings = Vec<String>;

/// A rule: its name and how it is looked at.
type Rule = (&'static str, fn() -> Result<Findings>);

const RULES: [Rule; 13] = [
    ("format", format),
    ("floors: no crate reaches up", || floors::check()),
    ("unsafe stands in base/ and capi/ only", || {
        hidden::unsafe_tokens()
    }),
    ("macros that hide unsafe are reviewed", || hidden::macros()),
    ("unsafe code is forbidden elsewhere", || hidden::forbidden()),
    ("no import circle inside a crate", || circles::check()),
    ("no container grows unseen", || growth::check()),
    ("what modules may call is declared", || exports::check()),
    ("what modules may call is tried", || tried::check()),
    ("each file says what it is for", || pages::check()),
    ("the book tells of all system calls", || calls::check()),
    ("lints, host", lints_host),
    ("lints, kernel: no infallible allocation", lints_kernel),
];

pub(crate) fn run(arguments: &Arguments) -> Result<u8> {
    let filter = arguments.rule.as_deref().unwrap_or("");
    if arguments.write {
        let findings = calls::write()?;
        anyhow::ensure!(findings.is_empty(), "{}", findings.join("\n"));
    }
    let mut broken = 0;
    for (name, rule) in RULES.iter().filter(|(name, _)| name.contains(filter)) {
        let bar = cargo::spinner(name);
        let findings = rule()?;
        bar.finish_and_clear();
        println!(
            "{} {name}",
            if findings.is_empty() {
                "ok    "
            } else {
                "BROKEN"
            }
        );
        for finding in &findings {
            println!("    {}", finding.replace('\n', "\n    "));
        }
        broken += usize::from(!findings.is_empty());
    }
    Ok(u8::from(broken > 0))
}

fn format() -> Result<Findings> {
    let mut command = cargo::command("fmt")?;
    command.args(["--all", "--", "--check", "-l"]);
    let output = command.stdin(Stdio::null()).output()?;
    let root = tree::root()?.display().to_string() + "/";
    let files = String::from_utf8_lossy(&output.stdout);
    let mut findings: Findings = files.lines().map(|file| file.replace(&root, "")).collect();
    if !output.status.success() && findings.is_empty() {
        findings.push(
            String::from_utf8_lossy(&output.stderr)
                .trim_end()
                .to_owned(),
        );
    }
    Ok(findings)
}

fn lints_host() -> Result<Findings> {
    let mut command = cargo::command("clippy")?;
    command.args(["--workspace", "--exclude", "image", "--all-targets"]);
    lints(command, &[])
}

fn lints_kernel() -> Result<Findings> {
    let mut command = cargo::command("clippy")?;
    command.args(["-p", "image", "--target", "x86_64-unknown-none"]);
    command.env("CLIPPY_CONF_DIR", tree::root()?.join("cli/kernel-lints"));
    // Tests may unwrap; a kernel says what it does instead, or why it can't happen.
    lints(command, &["-D", "clippy::unwrap_used"])
}

fn lints(mut command: Command, more: &[&str]) -> Result<Findings> {
    command.args([
        "--quiet",
        "--keep-going",
        "--color",
        "never",
        "--",
        "-D",
        "warnings",
    ]);
    command.args(more);
    let output = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .output()?;
    if output.status.success() {
        return Ok(Findings::new());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Ok(text
        .split("\n\n")
        .map(|part| part.trim_end().to_owned())
        .filter(|part| !part.is_empty())
        .collect())
}
