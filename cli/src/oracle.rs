//! Linux 6.1, the oracle: Debian's cloud kernel, fetched once and unpacked, never installed.

use crate::tree;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The package that names the current kernel package.
const META: &str = "linux-image-cloud-amd64";

/// The Linux kernel's file: `GAON_LINUX` when set, otherwise the cached one, otherwise a fresh download.
pub(crate) fn linux() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("GAON_LINUX") {
        return Ok(PathBuf::from(named));
    }
    let folder = tree::output()?.join("oracle");
    if let Some(kernel) = unpacked(&folder) {
        return Ok(kernel);
    }
    fs::create_dir_all(&folder)?;
    let bar = crate::cargo::spinner("fetching Linux 6.1 (Debian's cloud kernel)");
    let package = match newest_package() {
        Ok(package) => package,
        Err(_) => {
            update_lists();
            newest_package()?
        }
    };
    run(Command::new("apt-get")
        .args(["download", &package])
        .current_dir(&folder))?;
    let archive = fs::read_dir(&folder)?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .context("apt-get download left no package")?;
    run(Command::new("dpkg-deb")
        .arg("-x")
        .arg(&archive)
        .arg(folder.join("root")))?;
    fs::remove_file(archive)?;
    bar.finish_and_clear();
    unpacked(&folder).context("the package holds no kernel")
}

fn unpacked(folder: &Path) -> Option<PathBuf> {
    let boot = fs::read_dir(folder.join("root/boot"))
        .ok()?
        .flatten()
        .map(|entry| entry.path());
    boot.into_iter().find(|path| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("vmlinuz"))
    })
}

/// The package that the meta package depends on.
fn newest_package() -> Result<String> {
    let output = Command::new("apt-cache")
        .args(["depends", META])
        .output()
        .context("apt-cache")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let package = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("Depends: "));
    package
        .map(str::to_owned)
        .with_context(|| format!("apt knows no {META}: run apt-get update, or set GAON_LINUX"))
}

/// Has apt learn of its packages where it knows none yet; a failure shows in what comes after.
fn update_lists() {
    let mut command = if rustix::process::getuid().is_root() {
        Command::new("apt-get")
    } else {
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", "apt-get"]);
        sudo
    };
    let _ = run(command.args(["update", "-qq"]));
}

fn run(command: &mut Command) -> Result<()> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{:?}", command.get_program()))?;
    if !output.status.success() {
        bail!(
            "{:?}: {}",
            command.get_program(),
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    Ok(())
}
