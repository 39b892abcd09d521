//! What tables bring along: programs of documents, compiled; Debian packages, unpacked.

use super::table::Table;
use crate::{host, tree};
use anyhow::{Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles a table's programs, as a document has it, and gives where they stand.
pub(super) fn documents(table: &Table) -> Result<Vec<PathBuf>> {
    let folder = tree::output()?.join("test/documents");
    fs::create_dir_all(&folder)?;
    let mut built = Vec::new();
    for (name, source) in &table.compile {
        let (source, binary) = (tree::root()?.join(source), folder.join(name));
        if is_stale(&binary, [&source]) {
            let mut gcc = Command::new("gcc");
            gcc.arg("-O2").arg(&source).arg("-o").arg(&binary);
            host::run(gcc.args(["-pthread", "-lrt"]))?;
        }
        built.push(binary);
    }
    Ok(built)
}

/// The folder where a Debian package is unpacked that cannot be installed, fetched once.
pub(super) fn unpacked(package: &str) -> Result<PathBuf> {
    let folder = tree::output()?.join("deb").join(package);
    let files = folder.join("files");
    if files.is_dir() {
        return Ok(files);
    }
    fs::create_dir_all(&folder)?;
    let fetched = Command::new("apt-get")
        .args(["-qq", "download", package])
        .current_dir(&folder)
        .stderr(std::process::Stdio::null())
        .status();
    let archive = fs::read_dir(&folder)?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|end| end == "deb"));
    let Some(archive) = archive.filter(|_| fetched.is_ok_and(|status| status.success())) else {
        bail!("Debian's package {package} could not be fetched");
    };
    let status = Command::new("dpkg-deb")
        .arg("-x")
        .arg(&archive)
        .arg(&files)
        .status()?;
    if !status.success() {
        bail!("{} could not be unpacked", archive.display());
    }
    Ok(files)
}

/// Whether a built file is older than its sources, or not there.
pub(super) fn is_stale<'a>(built: &Path, sources: impl IntoIterator<Item = &'a PathBuf>) -> bool {
    let time = |path: &Path| fs::metadata(path).and_then(|meta| meta.modified()).ok();
    let Some(built) = time(built) else {
        return true;
    };
    sources
        .into_iter()
        .filter_map(|source| time(source))
        .any(|source| source > built)
}

/// The file of a module that Linux does without until it is loaded, and Gaon has built in; `name` is its path below
/// lib/modules/VERSION, which stands beside the folder of the kernel, vmlinuz-VERSION.
pub(super) fn module_of(kernel: &Path, name: &str) -> Result<PathBuf> {
    let file = kernel.file_name().unwrap_or_default().to_string_lossy();
    let version = file.strip_prefix("vmlinuz-").unwrap_or(&file);
    let root = kernel.ancestors().nth(2).unwrap_or(Path::new("/"));
    let module = root.join("lib/modules").join(version).join(name);
    if !module.is_file() {
        bail!("{} is not there", module.display());
    }
    Ok(module)
}
