//! Cargo, quietly: a progress line on a terminal, its own words only when it fails.

use crate::tree;
use anyhow::{Context, Result, bail};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

/// All lines of progress: what goes on side by side stands one below the other.
pub(crate) fn bars() -> &'static MultiProgress {
    static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);
    &BARS
}

/// A spinner on standard error; shows nothing where that is no terminal.
pub(crate) fn spinner(what: &str) -> ProgressBar {
    let bar = bars().add(ProgressBar::new_spinner());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
        bar.set_style(style);
    }
    bar.set_message(what.to_owned());
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// A cargo command at the root of the tree, with the profile's and the target's options.
pub(crate) fn command(verb: &str) -> Result<Command> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.arg(verb).current_dir(tree::root()?);
    Ok(command)
}

/// Runs `cargo build` and shows which crate is being built; `what` names it in words.
pub(crate) fn build(what: &str, mut command: Command) -> Result<()> {
    let bar = spinner(what);
    let mut child = command
        .args(["--color", if bar.is_hidden() { "never" } else { "always" }])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("cargo (see https://rustup.rs)")?;
    let mut said = String::new();
    if let Some(errors) = child.stderr.take() {
        for line in BufReader::new(errors).lines() {
            let line = line?;
            if let Some(krate) = line
                .trim_start()
                .strip_prefix("Compiling ")
                .or(line.split("Compiling").nth(1))
            {
                let name = krate
                    .split_whitespace()
                    .find(|word| !word.starts_with('\x1b'))
                    .unwrap_or_default();
                bar.set_message(format!("{what}: {name}"));
            }
            said.push_str(&line);
            said.push('\n');
        }
    }
    let status = child.wait()?;
    bar.finish_and_clear();
    if !status.success() {
        bail!("{what} failed\n{}", said.trim_end());
    }
    if said.contains("warning") {
        eprint!("{said}");
    }
    Ok(())
}

/// Where cargo leaves a binary of `profile` for `target`.
pub(crate) fn artifact(target: &str, profile: &str, name: &str) -> Result<PathBuf> {
    Ok(tree::target()?.join(target).join(profile).join(name))
}

/// Copies a built file to its place, so that a reader never sees half of it.
pub(crate) fn install(from: &Path, to: &Path) -> Result<()> {
    let folder = to.parent().context("a file stands in a folder")?;
    std::fs::create_dir_all(folder)?;
    let fresh = tempfile::Builder::new()
        .prefix(".new-")
        .tempfile_in(folder)?;
    std::fs::copy(from, fresh.path()).with_context(|| format!("{}", from.display()))?;
    fresh.persist(to)?;
    Ok(())
}
