//! Programs of this host that the tool uses: make for modules, the C compiler, the package tools.

use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs a program; what it complains of when it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| name.clone())?;
    if !output.status.success() {
        bail!(
            "{name}: {}",
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    Ok(())
}

/// Copies a file into a folder, unless the same is there: what stands on it need not be made again.
pub(crate) fn copy(from: &Path, folder: &Path) -> Result<()> {
    let name = from.file_name().context("a source without a name")?;
    let new = std::fs::read(from).with_context(|| from.display().to_string())?;
    write(&folder.join(name), &new)
}

/// Writes a file, unless it is the same.
pub(crate) fn write(to: &Path, new: &[u8]) -> Result<()> {
    if std::fs::read(to).ok().as_deref() != Some(new) {
        std::fs::write(to, new).with_context(|| to.display().to_string())?;
    }
    Ok(())
}

/// Compiles the modules of a folder against the headers in `kdir`.
pub(crate) fn make_modules(kdir: &Path, folder: &Path) -> Result<()> {
    let mut make = Command::new("make");
    make.arg("-C").arg(kdir);
    run(make.arg(format!("M={}", folder.display())).arg("modules"))
}

/// Compiles a program into a folder, under the name of its source, so that it needs no library.
pub(crate) fn compile(source: &Path, folder: &Path) -> Result<()> {
    let name = source.file_stem().context("a program without a name")?;
    let mut gcc = Command::new("gcc");
    gcc.args(["-O2", "-Wall", "-static", "-pthread", "-o"]);
    run(gcc.arg(folder.join(name)).arg(source))
}
