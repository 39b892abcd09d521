//! Where figures come from: a figure is written with its commit, command, machine and clock.

use super::guest::{APPEND, CPU, Clock, ICOUNT, MEMORY};
use crate::tree;
use serde::Serialize;
use std::process::Command;

/// All that is to be known to get the same figures again.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Provenance {
    /// The tree's commit; `+` when something in it was changed.
    pub(super) commit: String,
    /// The command line of this tool.
    pub(super) command: String,
    pub(super) qemu: String,
    pub(super) clock: String,
}

impl Provenance {
    pub(super) fn new(clock: Clock) -> Self {
        let words: Vec<String> = std::env::args().skip(1).collect();
        Self {
            commit: commit().unwrap_or_else(|| "unknown".to_owned()),
            command: format!("./gaon {}", words.join(" ")),
            qemu: qemu().unwrap_or_else(|| "QEMU".to_owned()),
            clock: match clock {
                Clock::Icount => ICOUNT.join(" "),
                Clock::Counted => "the host's time, -accel tcg,thread=single".to_owned(),
                Clock::Wall => "the host's time".to_owned(),
            },
        }
    }

    /// The machine in words.
    pub(super) fn machine(&self) -> String {
        format!(
            "{} (TCG), machine q35, CPU {CPU}, {MEMORY}, one processor unless a row says otherwise, clock {}",
            self.qemu, self.clock
        )
    }

    /// The kernels' command line.
    pub(super) fn append(&self) -> &'static str {
        APPEND
    }
}

fn commit() -> Option<String> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .args(arguments)
            .current_dir(tree::root().ok()?)
            .output()
            .ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    let commit = git(&["rev-parse", "--short", "HEAD"])?;
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    Some(if changed.is_empty() {
        commit
    } else {
        commit + "+"
    })
}

fn qemu() -> Option<String> {
    let output = Command::new("qemu-system-x86_64")
        .arg("--version")
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let version = text.split_whitespace().nth(3)?;
    Some(format!("QEMU {version}"))
}
