//! `gaon build`: the kernel `target/gaon/vmlinux` with its symbols and lines in it, `target/gaon/System.map`, the folder
//! `target/gaon/build` for modules, and the guest's init.

use crate::{cargo, certificate, kbuild, symbols, tree};
use anyhow::Result;
use std::path::PathBuf;

/// The kernel's target.
const KERNEL_TARGET: &str = "x86_64-unknown-none";
/// The guest programs' target.
const GUEST_TARGET: &str = "x86_64-unknown-linux-musl";

/// Build the kernel: target/gaon/vmlinux and target/gaon/System.map
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Cargo profile of the kernel: release, or quick (no LTO, debug assertions and lockdep on)
    #[arg(long, default_value = "release")]
    pub(crate) profile: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<u8> {
    let kernel = kernel(&arguments.profile)?;
    init()?;
    println!("{}", kernel.display());
    Ok(0)
}

/// Builds the kernel; gives its path.
pub(crate) fn kernel(profile: &str) -> Result<PathBuf> {
    let mut command = cargo::command("build")?;
    command.args([
        "-p",
        "image",
        "--target",
        KERNEL_TARGET,
        "--profile",
        profile,
    ]);
    command.env(certificate::VARIABLE, certificate::ensure()?);
    cargo::build("building the kernel", command)?;
    // Cargo's folder for a profile has the profile's name, but for one.
    let folder = if profile == "dev" { "debug" } else { profile };
    let output = tree::output()?;
    // The second pass works on a copy, so that a reader never sees a kernel without its symbols.
    let fresh = output.join("vmlinux.new");
    cargo::install(&cargo::artifact(KERNEL_TARGET, folder, "vmlinux")?, &fresh)?;
    let bar = cargo::spinner("reading symbols and lines");
    let summary = symbols::embed(&fresh, &output.join("System.map"), &tree::root()?)?;
    bar.finish_and_clear();
    let vmlinux = output.join("vmlinux");
    std::fs::rename(&fresh, &vmlinux)?;
    kbuild::install(&vmlinux)?;
    eprintln!(
        "{} symbols, {} line rows in {} KiB",
        summary.symbols,
        summary.lines,
        summary.bytes / 1024
    );
    Ok(vmlinux)
}

/// The kernel, built when there is none yet.
pub(crate) fn kernel_if_missing() -> Result<PathBuf> {
    let vmlinux = tree::output()?.join("vmlinux");
    if vmlinux.exists() {
        Ok(vmlinux)
    } else {
        kernel("release")
    }
}

/// The folder that modules are compiled against, of the kernel there is.
pub(crate) fn module_folder() -> Result<PathBuf> {
    let vmlinux = kernel_if_missing()?;
    let folder = tree::output()?.join("build");
    if folder.join("Module.symvers").exists() {
        return Ok(folder);
    }
    kbuild::install(&vmlinux)
}

/// A guest program of this tree, built when it is missing or older than its sources (`folders`); gives its path.
fn guest_program(package: &str, name: &str, folders: &[&str]) -> Result<PathBuf> {
    let (root, path) = (tree::root()?, tree::output()?.join(name));
    let built = std::fs::metadata(&path)
        .and_then(|meta| meta.modified())
        .ok();
    let newest = folders
        .iter()
        .filter_map(|folder| tree::newest(&root.join(folder)))
        .max();
    if built.is_some() && newest <= built {
        return Ok(path);
    }
    let mut command = cargo::command("build")?;
    command.args([
        "-p",
        package,
        "--target",
        GUEST_TARGET,
        "--profile",
        "guest",
    ]);
    cargo::build(&format!("building {package}"), command)?;
    cargo::install(&cargo::artifact(GUEST_TARGET, "guest", package)?, &path)?;
    Ok(path)
}

/// The guest's init.
pub(crate) fn init() -> Result<PathBuf> {
    guest_program("gaon-init", "init", &["user/init", "pure/frames"])
}

/// The driver of the guest tests.
pub(crate) fn driver() -> Result<PathBuf> {
    guest_program("gaon-drive", "drive", &["user/drive"])
}

/// The benchmark program.
pub(crate) fn bench() -> Result<PathBuf> {
    guest_program("gaon-bench", "gaon-bench", &["user/bench"])
}
