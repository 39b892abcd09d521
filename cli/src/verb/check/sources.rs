//! The crates of the workspace and their source files.

use crate::tree;
use anyhow::Result;
use std::fs;
use std::path::{Path, PathBuf};

/// A crate's folder, relative to the root.
pub(crate) fn crates() -> Result<Vec<PathBuf>> {
    let root = tree::root()?;
    let mut found = Vec::new();
    for floor in [
        "abi", "pure", "base", "core", "service", "syscall", "capi", "image", "cli", "user",
    ] {
        let folder = root.join(floor);
        if folder.join("Cargo.toml").exists() {
            found.push(PathBuf::from(floor));
            continue;
        }
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries.flatten() {
            if entry.path().join("Cargo.toml").exists() {
                found.push(Path::new(floor).join(entry.file_name()));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The Rust files below `folder` (absolute), sorted.
pub(crate) fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else {
        return files;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// True where unsafe code may stand: the machine's floor and the modules' face, and programs of the host and of user space.
pub(crate) fn may_be_unsafe(krate: &Path) -> bool {
    ["base", "capi", "cli", "user"]
        .iter()
        .any(|floor| krate.starts_with(floor))
}
