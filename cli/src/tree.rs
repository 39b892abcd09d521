//! Where things are in the source tree and where what is built goes.

use anyhow::{Context, Result};
use std::path::PathBuf;

/// The root of the source tree: where the script stood (it says so in `GAON_ROOT`), or the nearest folder upwards.
pub(crate) fn root() -> Result<PathBuf> {
    if let Some(root) = std::env::var_os("GAON_ROOT") {
        return Ok(PathBuf::from(root));
    }
    let here = std::env::current_dir()?;
    let found = here
        .ancestors()
        .find(|folder| folder.join("gaon").exists() && folder.join("image").is_dir());
    found
        .map(PathBuf::from)
        .context("not inside Gaon's source tree")
}

/// Cargo's target folder: `CARGO_TARGET_DIR` or `target` at the root.
pub(crate) fn target() -> Result<PathBuf> {
    let root = root()?;
    Ok(std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root.join("target"), |folder| root.join(folder)))
}

/// What `build` leaves for others: `target/gaon`.
pub(crate) fn output() -> Result<PathBuf> {
    Ok(target()?.join("gaon"))
}

/// When the newest file below `folder` was changed.
pub(crate) fn newest(folder: &std::path::Path) -> Option<std::time::SystemTime> {
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    entries
        .filter_map(|entry| {
            let meta = entry.metadata().ok()?;
            if meta.is_dir() {
                newest(&entry.path())
            } else {
                meta.modified().ok()
            }
        })
        .max()
}
