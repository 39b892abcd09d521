//! Debian's packages as a guest's files: fetched by apt-get with all that they depend on, unpacked, never installed. Their
//! scripts do not run, so what those would have made (links of alternatives, PAM's common files) a table makes itself.

use crate::host;
use crate::pack::tree::Tree;
use crate::tree;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where files of the suite stand in the guest.
pub(crate) const OWN: &str = "/userland";
/// Folders of packages that no program reads here.
const LEFT_OUT: [&str; 6] = [
    "usr/share/doc",
    "usr/share/man",
    "usr/share/info",
    "usr/share/locale",
    "usr/share/lintian",
    "usr/share/fonts",
];

/// What a table wants of Debian.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wishes {
    /// Packages; what they depend on comes along.
    packages: Vec<String>,
    /// The guest's memory, as QEMU's -m takes it.
    #[serde(default = "default_memory")]
    pub(crate) memory: String,
    /// Symbolic links by their path.
    #[serde(default)]
    links: BTreeMap<String, String>,
    /// Files by their path.
    #[serde(default)]
    files: BTreeMap<String, String>,
    /// Source packages' archives, which stand in `OWN`.
    #[serde(default)]
    sources: Vec<Source>,
    /// Crates beside the table, built on the host; their program stands in `OWN`.
    #[serde(default)]
    crates: Vec<String>,
}

/// The original archive of a source package.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    /// A package that is made of it and lies beside it.
    package: String,
    file: String,
    sha256: String,
}

fn default_memory() -> String {
    "1G".to_owned()
}

/// All that a table wished for, on the host.
pub(crate) struct World {
    packages: Vec<PathBuf>,
    links: BTreeMap<String, String>,
    files: BTreeMap<String, String>,
    /// What stands in `OWN`.
    own: Vec<PathBuf>,
}

impl World {
    /// Fetches what `wishes` names; `folder` is the table's.
    pub(crate) fn fetch(wishes: &Wishes, folder: &Path) -> Result<Self> {
        let mut own = Vec::new();
        for entry in fs::read_dir(folder.join("files"))?.flatten() {
            own.push(entry.path());
        }
        for source in &wishes.sources {
            own.push(archive(source)?);
        }
        for name in &wishes.crates {
            own.push(built(&folder.join(name))?);
        }
        Ok(Self {
            packages: packages(&wishes.packages)?,
            links: wishes.links.clone(),
            files: wishes.files.clone(),
            own,
        })
    }

    pub(crate) fn pack(&self, tree: &mut Tree) -> Result<()> {
        for (path, target) in &self.links {
            tree.link(path, target);
        }
        for (path, text) in &self.files {
            let mode = if path.starts_with("/etc/sudoers") || path == "/etc/shadow" {
                0o440
            } else {
                0o644
            };
            // The users of every guest give way to the table's.
            tree.remove(path);
            tree.file(path, mode, text.as_bytes());
        }
        for file in &self.own {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            tree.host_file_as(&format!("{OWN}/{name}"), 0o755, file);
        }
        for package in &self.packages {
            tree.overlay(package, &LEFT_OUT)?;
        }
        Ok(())
    }
}

fn store() -> Result<PathBuf> {
    Ok(tree::output()?.join("deb"))
}

/// apt-get as if nothing were installed, so that a package's whole closure is named; `archives` is where it looks for
/// those it need not fetch.
fn apt_get(archives: &Path) -> Result<Command> {
    fs::create_dir_all(archives.join("partial"))?;
    let nothing = store()?.join("nothing-installed");
    host::write(&nothing, b"")?;
    let mut apt = Command::new("apt-get");
    apt.args(["-qq", "-y", "--no-install-recommends"]);
    for option in [
        format!("Dir::State::status={}", nothing.display()),
        format!("Dir::Cache::archives={}", archives.display()),
        "APT::Sandbox::User=root".to_owned(),
        "Debug::NoLocking=1".to_owned(),
    ] {
        apt.arg("-o").arg(option);
    }
    Ok(apt)
}

/// The unpacked folders of `names` and of what they depend on.
fn packages(names: &[String]) -> Result<Vec<PathBuf>> {
    // It names only what it would have to fetch: asked with an empty store, all.
    let mut list = apt_get(&store()?.join("empty"))?;
    let listed = list
        .args(["--print-uris", "install"])
        .args(names)
        .output()
        .context("apt-get")?;
    let text = String::from_utf8_lossy(&listed.stdout);
    // 'URI' FILE SIZE SUM
    let files: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split_whitespace().nth(1))
        .collect();
    if !listed.status.success() || files.is_empty() {
        bail!(
            "apt-get: {}",
            String::from_utf8_lossy(&listed.stderr).trim()
        );
    }
    let archives = store()?.join("archives");
    if files.iter().any(|file| !archives.join(file).exists()) {
        let mut fetch = apt_get(&archives)?;
        host::run(fetch.args(["--download-only", "install"]).args(names))?;
    }
    files
        .into_iter()
        .map(|file| unpacked(&archives.join(file)))
        .collect()
}

/// The folder where a package's archive is unpacked, once.
fn unpacked(archive: &Path) -> Result<PathBuf> {
    let name = archive.file_stem().context("an archive has a name")?;
    let files = store()?.join("files").join(name);
    if files.is_dir() {
        return Ok(files);
    }
    let half = files.with_file_name(format!(".{}", name.to_string_lossy()));
    fs::create_dir_all(&half)?;
    host::run(Command::new("dpkg-deb").arg("-x").arg(archive).arg(&half))?;
    fs::rename(&half, &files)?;
    Ok(files)
}

/// Fetches a source archive, once, from the place where apt-get would fetch the package.
fn archive(source: &Source) -> Result<PathBuf> {
    let file = store()?.join("sources").join(&source.file);
    if file.exists() {
        return Ok(file);
    }
    let listed = Command::new("apt-get")
        .args(["-qq", "download", "--print-uris", &source.package])
        .output()
        .context("apt-get")?;
    let text = String::from_utf8_lossy(&listed.stdout);
    let place = text
        .split('\'')
        .nth(1)
        .and_then(|uri| uri.rsplit_once('/'))
        .with_context(|| format!("apt-get does not know {}", source.package))?
        .0;
    fs::create_dir_all(file.parent().unwrap_or(Path::new("/")))?;
    host::run(
        Command::new("/usr/lib/apt/apt-helper")
            .args(["-o", "APT::Sandbox::User=root", "download-file"])
            .arg(format!("{place}/{}", source.file))
            .arg(&file)
            .arg(format!("SHA256:{}", source.sha256)),
    )?;
    Ok(file)
}

/// Builds a crate of the suite, with the crates it names; its program has the folder's name.
fn built(folder: &Path) -> Result<PathBuf> {
    let name = folder.file_name().context("a crate has a name")?;
    let target = tree::output()?.join("userland");
    host::run(
        Command::new("cargo")
            .args(["build", "--quiet", "--release", "--locked", "--target-dir"])
            .arg(&target)
            .current_dir(folder),
    )?;
    Ok(target.join("release").join(name))
}
