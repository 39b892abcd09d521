//! Linux 6.1, the oracle: Debian's cloud kernel and its headers, fetched once and unpacked, never installed.

use crate::{cargo, host, tree};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

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
    let bar = cargo::spinner("fetching Linux 6.1 (Debian's cloud kernel)");
    let package = match newest_package() {
        Ok(package) => package,
        Err(_) => {
            update_lists();
            newest_package()?
        }
    };
    unpack(&[package], &folder)?;
    bar.finish_and_clear();
    unpacked(&folder).context("the package holds no kernel")
}

/// The folder that modules for such a Linux are compiled against: the one that is installed, or Debian's packages of
/// headers, which are unpacked once.
pub(crate) fn headers(kernel: &Path) -> Result<PathBuf> {
    let name = kernel.file_name().unwrap_or_default().to_string_lossy();
    let release = name
        .strip_prefix("vmlinuz-")
        .with_context(|| format!("{name} does not say which release it is"))?;
    let installed = Path::new("/lib/modules").join(release).join("build");
    if installed.exists() {
        return Ok(installed);
    }
    let folder = tree::output()?.join("oracle/headers");
    let own = folder.join(format!("root/usr/src/linux-headers-{release}"));
    let done = own.join(".gaon");
    if done.exists() {
        return Ok(own);
    }
    let bar = cargo::spinner("fetching the headers of Linux 6.1");
    let package = format!("linux-headers-{release}");
    // What it includes; the compiler's package is but a wish for a compiler.
    let mut packages = depends(&package)?;
    packages.retain(|name| name.starts_with("linux-headers-") || name.starts_with("linux-kbuild-"));
    packages.push(package);
    unpack(&packages, &folder)?;
    // It names its neighbour by the place where it would be installed.
    let makefile = own.join("Makefile");
    let text = fs::read_to_string(&makefile).with_context(|| makefile.display().to_string())?;
    let here = format!(" {}/usr/src/", folder.join("root").display());
    fs::write(&makefile, text.replace(" /usr/src/", &here))?;
    fs::write(done, [])?;
    bar.finish_and_clear();
    Ok(own)
}

/// Downloads packages and unpacks them in `root` below `folder`.
fn unpack(packages: &[String], folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let mut download = Command::new("apt-get");
    download.arg("download").args(packages);
    host::run(download.current_dir(folder))?;
    let archives: Vec<PathBuf> = fs::read_dir(folder)?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "deb"))
        .collect();
    if archives.is_empty() {
        bail!("apt-get download left no package");
    }
    for archive in archives {
        let mut unpack = Command::new("dpkg-deb");
        host::run(unpack.arg("-x").arg(&archive).arg(folder.join("root")))?;
        fs::remove_file(archive)?;
    }
    Ok(())
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
    depends(META)?
        .into_iter()
        .next()
        .with_context(|| format!("apt knows no {META}: run apt-get update, or set GAON_LINUX"))
}

/// The packages that one depends on.
fn depends(package: &str) -> Result<Vec<String>> {
    let output = Command::new("apt-cache")
        .args(["depends", package])
        .output()
        .context("apt-cache")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let names = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Depends: "));
    Ok(names.map(str::to_owned).collect())
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
    let _ = host::run(command.args(["update", "-qq"]));
}
