//! `target/gaon/build`: what `make -C ... M=$PWD modules` uses. Headers, the makefiles, the kernel's release, the key
//! for signatures, and `Module.symvers`: the names that the kernel exports, read from its image.

use crate::{certificate, tree};
use anyhow::{Context, Result};
use object::{Object, ObjectSection};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What `uname -r` says (`abi::RELEASE`).
pub(crate) const RELEASE: &str = "6.1.0-gaon";

/// What is a module elsewhere and part of this kernel: its place in Linux' tree, and what it is.
const BUILT_IN: [(&str, &str); 3] = [
    ("drivers/misc/lkdtm/lkdtm", "Provokes crashes"),
    ("drivers/tty/serial/8250/8250", "Serial lines"),
    ("net/unix/unix", "Local sockets"),
];
/// The files that tell kmod of these (Documentation/kbuild/kbuild.rst), and of no others.
pub(crate) const LISTS: [&str; 3] = [
    "modules.builtin",
    "modules.builtin.modinfo",
    "modules.order",
];
/// How `Module.symvers` calls what any module may use.
const PLAIN: &str = "EXPORT_SYMBOL";

/// Writes the folder for a kernel; gives its path.
pub(crate) fn install(vmlinux: &Path) -> Result<PathBuf> {
    let kernel = fs::read(vmlinux).with_context(|| vmlinux.display().to_string())?;
    let folder = tree::output()?.join("build");
    lay_out(&folder, &symvers(&kernel)?)?;
    Ok(folder)
}

/// The same in another place, for a kernel that is not built yet and is to export these names.
pub(crate) fn install_for<'a>(folder: &Path, names: impl Iterator<Item = &'a str>) -> Result<()> {
    lay_out(folder, &lines(names.map(|name| (name, PLAIN))))
}

fn lay_out(folder: &Path, symvers: &str) -> Result<()> {
    let (root, include) = (tree::root()?, folder.join("include"));
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    copy(&root.join("kbuild"), folder)?;
    copy(&root.join("include"), &include)?;
    certificate::ensure()?;
    copy(&certificate::folder()?, &folder.join("certs"))?;
    fs::create_dir_all(include.join("config"))?;
    fs::write(
        include.join("config/kernel.release"),
        format!("{RELEASE}\n"),
    )?;
    // Modules in Rust: the crate they use, and the compiler of this tree.
    copy(&root.join("capi/kernel/src"), &folder.join("rust/kernel"))?;
    fs::write(folder.join("rust/rustc"), rustc(&root)?)?;
    let (builtin, modinfo) = built_in();
    for (name, text) in LISTS.iter().zip([builtin.as_str(), &modinfo, ""]) {
        fs::write(folder.join(name), text)?;
    }
    fs::write(folder.join("Module.symvers"), symvers)?;
    Ok(())
}

/// `modules.builtin` and `modules.builtin.modinfo`.
fn built_in() -> (String, String) {
    let (mut builtin, mut modinfo) = (String::new(), String::new());
    for (path, what) in BUILT_IN {
        let name = path.rsplit('/').next().unwrap_or_default();
        builtin += &format!("kernel/{path}.ko\n");
        modinfo += &format!(
            "{name}.file={path}\0{name}.license=MIT OR Apache-2.0\0{name}.description={what}\0"
        );
    }
    (builtin, modinfo)
}

/// Copies a folder.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// The compiler that this tree is pinned to: outside of it another one may be the default.
fn rustc(root: &Path) -> Result<String> {
    let output = Command::new("rustc")
        .args(["--print", "sysroot"])
        .current_dir(root)
        .output()
        .context("rustc")?;
    Ok(format!(
        "{}/bin/rustc\n",
        String::from_utf8(output.stdout)?.trim()
    ))
}

/// `Module.symvers` of a kernel: checksum, symbol, where it is, kind, namespace.
fn symvers(kernel: &[u8]) -> Result<String> {
    let file = object::File::parse(kernel)?;
    let section = file
        .section_by_name(".gaon_exports")
        .context("the kernel exports nothing: no .gaon_exports")?;
    let mut names: Vec<(&str, &str)> = Vec::new();
    for listed in section.data()?.split(|byte| *byte == 0) {
        let listed = std::str::from_utf8(listed)?;
        if let Some(name) = listed.strip_prefix('P') {
            names.push((name, PLAIN));
        } else if let Some(name) = listed.strip_prefix('G') {
            names.push((name, "EXPORT_SYMBOL_GPL"));
        }
    }
    names.sort_unstable();
    Ok(lines(names.into_iter()))
}

/// The lines of a `Module.symvers`.
fn lines<'a>(names: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    names
        .map(|(name, kind)| format!("0x00000000\t{name}\tvmlinux\t{kind}\t\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::tree;
    use std::fs;

    #[test]
    fn modules_are_compiled_with_what_the_kernel_says_it_has() {
        let root = tree::root().unwrap();
        let told = fs::read_to_string(root.join("service/procfs/src/system/config.txt")).unwrap();
        let header = fs::read_to_string(root.join("include/linux/kconfig.h")).unwrap();
        let defined: Vec<_> = header
            .lines()
            .filter_map(|line| line.strip_prefix("#define CONFIG_")?.split_once(' '))
            .collect();
        assert!(defined.len() > 5, "{defined:?}");
        for (name, value) in defined {
            let value = if value == "1" { "y" } else { value };
            let line = format!("CONFIG_{name}={value}");
            assert!(told.lines().any(|told| told == line), "no {line}");
        }
    }
}
