//! A crate imports only crates below it.

use super::Findings;
use crate::cargo;
use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Stdio;

/// The floors, ground first. A folder with a `*` holds crates that do not import one another; a pure crate may use another
/// pure one, since nothing there has a machine or a state of its own.
const ORDER: [&str; 33] = [
    "abi",
    "pure/*",
    "base/hal",
    "base/sync",
    "base/kmem",
    "core/trace",
    "core/irq",
    "core/time",
    "core/random",
    "core/cred",
    "core/pid",
    "core/cgroup",
    "core/sched",
    "core/workqueue",
    "core/pagecache",
    "core/mm",
    "core/vfs",
    "core/kernfs",
    "core/futex",
    "core/task",
    "core/device",
    "core/block",
    // Services that other services build on, then all others, which know nothing of one another.
    "service/tmpfs",
    "service/pipe",
    "service/tty",
    "service/netdev",
    "service/socket",
    "service/sysvipc",
    "service/mqueue",
    "service/*",
    "syscall",
    "capi/*",
    "image",
];

/// Programs of the host and of user space: on no floor, they import abi and pure crates alone.
const OUTSIDE: [&str; 2] = ["cli", "user/"];

/// The crates of the workspace by folder, with the folders they import.
pub(super) type Imports = BTreeMap<String, Vec<String>>;

pub(super) fn check() -> Result<Findings> {
    Ok(judge(&imports()?))
}

/// Reads cargo's metadata: normal and build dependencies inside the workspace (tests may reach where they like).
fn imports() -> Result<Imports> {
    let mut command = cargo::command("metadata")?;
    let output = command
        .args(["--no-deps", "--format-version", "1"])
        .stderr(Stdio::null())
        .output()?;
    let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo metadata")?;
    let root = metadata["workspace_root"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
        + "/";
    let folder = |path: &str| {
        path.trim_start_matches(&root)
            .trim_end_matches("/Cargo.toml")
            .to_owned()
    };
    let mut imports = Imports::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let own = folder(package["manifest_path"].as_str().unwrap_or_default());
        let wanted = package["dependencies"].as_array().into_iter().flatten();
        let inside = wanted
            .filter(|dependency| dependency["kind"] != "dev")
            .filter_map(|d| d["path"].as_str());
        imports.insert(own, inside.map(folder).collect());
    }
    Ok(imports)
}

fn judge(imports: &Imports) -> Findings {
    let mut findings = Findings::new();
    for (krate, wanted) in imports {
        let outside = OUTSIDE.iter().any(|place| krate.starts_with(place));
        let own = rank(krate);
        if own.is_none() && !outside {
            findings.push(format!("{krate}: on no floor that the check knows"));
            continue;
        }
        for import in wanted {
            let theirs = rank(import);
            let pure = |folder: &str| folder == "abi" || folder.starts_with("pure/");
            let fine = match (own, theirs) {
                (Some(own), Some(theirs)) => {
                    theirs < own || (pure(krate) && pure(import) && theirs <= own)
                }
                (None, Some(_)) => pure(import),
                (_, None) => false,
            };
            if !fine {
                findings.push(format!("{krate} imports {import}, which is not below it"));
            }
        }
    }
    findings
}

fn rank(folder: &str) -> Option<usize> {
    ORDER
        .iter()
        .position(|place| match place.strip_suffix('*') {
            Some(floor) => folder.starts_with(floor),
            None => folder == *place,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(pairs: &[(&str, &[&str])]) -> Findings {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        judge(
            &pairs
                .iter()
                .map(|(krate, wanted)| ((*krate).to_owned(), list(wanted)))
                .collect(),
        )
    }

    #[test]
    fn downwards_is_fine() {
        let tree: [(&str, &[&str]); 5] = [
            ("pure/elf", &["abi", "pure/xarray"]),
            ("core/mm", &["base/kmem", "core/pagecache", "pure/vma"]),
            ("service/procfs", &["core/vfs", "service/tty"]),
            ("cli", &["pure/frames"]),
            ("user/init", &["pure/frames"]),
        ];
        assert_eq!(judged(&tree), Findings::new());
    }

    #[test]
    fn upwards_and_sideways_are_not() {
        assert_eq!(judged(&[("base/hal", &["base/sync"])]).len(), 1);
        assert_eq!(judged(&[("core/sched", &["core/mm"])]).len(), 1);
        assert_eq!(judged(&[("service/serial", &["service/procfs"])]).len(), 1);
        assert_eq!(judged(&[("pure/elf", &["base/hal"])]).len(), 1);
        assert_eq!(judged(&[("cli", &["core/vfs"])]).len(), 1);
        assert_eq!(judged(&[("new/place", &[])]).len(), 1);
    }
}
