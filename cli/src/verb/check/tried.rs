//! What modules may call is tried: each name that `capi` exports is used by a module of `test/modules` that a test loads. The
//! modules are compiled, so that what stands behind macros and in headers counts and what only looks like a call does not.

use super::{Findings, exports, sources};
use crate::{kbuild, tree};
use anyhow::{Context, Result, bail};
use object::{Object, ObjectSymbol};
use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::Command;

pub(super) fn check() -> Result<Findings> {
    let exported: Vec<(String, String)> = exports::all()?
        .into_iter()
        .map(|(file, name)| (file.display().to_string(), name))
        .collect();
    let folder = tree::output()?.join("check-modules");
    compile(&folder, exported.iter().map(|(_, name)| &**name))?;
    let tests = tests()?;
    let mut used = HashSet::new();
    let mut findings = Findings::new();
    for entry in fs::read_dir(tree::root()?.join("test/modules"))? {
        let source = entry?.path();
        if source.extension().is_none_or(|extension| extension != "c") {
            continue;
        }
        let name = source.file_stem().unwrap_or_default().to_string_lossy();
        let module = folder.join(format!("{name}.ko"));
        if !module.exists() {
            findings.push(format!("test/modules/{name}.c: not in the Makefile"));
        } else if is_loaded(&tests, &name) {
            used.extend(undefined(&module)?);
        } else {
            findings.push(format!("test/modules/{name}.c: no test loads it"));
        }
    }
    findings.extend(judge(&exported, &used));
    Ok(findings)
}

/// What nobody uses.
fn judge(exported: &[(String, String)], used: &HashSet<String>) -> Findings {
    let untried = exported.iter().filter(|(_, name)| !used.contains(name));
    untried
        .map(|(file, name)| format!("{file}: no module of test/modules uses {name}"))
        .collect()
}

/// Compiles all modules as a user would, anew.
fn compile<'a>(folder: &Path, exported: impl Iterator<Item = &'a str>) -> Result<()> {
    let kdir = tree::output()?.join("check-build");
    kbuild::install_for(&kdir, exported)?;
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    kbuild::copy(&tree::root()?.join("test/modules"), folder)?;
    let mut make = Command::new("make");
    make.arg("-C").arg(&kdir);
    make.args(["-j2", "KCFLAGS=-g0", "modules"]);
    let output = make
        .arg(format!("M={}", folder.display()))
        .output()
        .context("make")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(())
}

/// The text of all tests of modules, and of the programs that help them.
fn tests() -> Result<String> {
    let root = tree::root()?;
    let mut files = sources::rust_files(&root.join("cli/src/verb/test"));
    for program in fs::read_dir(root.join("test/modules/user"))? {
        files.push(program?.path());
    }
    let texts: std::io::Result<Vec<String>> = files.iter().map(fs::read_to_string).collect();
    Ok(texts?.concat())
}

/// A case names the file, or hands the name to a macro.
fn is_loaded(tests: &str, module: &str) -> bool {
    let is_named = |before: char| tests.contains(&format!("{before}{module}.ko"));
    is_named('/') || is_named('"') || tests.contains(&format!(", \"{module}\")"))
}

/// The names that a module leaves to the kernel.
fn undefined(module: &Path) -> Result<Vec<String>> {
    let bytes = fs::read(module)?;
    let file = object::File::parse(&*bytes)?;
    let open = file.symbols().filter(ObjectSymbol::is_undefined);
    open.map(|symbol| Ok(symbol.name()?.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::{is_loaded, judge};
    use std::collections::HashSet;

    #[test]
    fn what_nobody_uses_is_found() {
        let used: HashSet<String> = ["a", "b"].map(str::to_owned).into();
        let exported = ["a", "c"].map(|name| ("x.rs".to_owned(), name.to_owned()));
        assert_eq!(
            judge(&exported, &used),
            ["x.rs: no module of test/modules uses c"]
        );
    }

    #[test]
    fn a_module_is_loaded_by_file_or_by_name() {
        let tests = "insmod $m/one.ko; says!(\"what\", \"two\"); opened(\"three.ko\")";
        assert!(
            ["one", "two", "three"]
                .iter()
                .all(|name| is_loaded(tests, name))
        );
        assert!(!is_loaded(tests, "what") && !is_loaded(tests, "ne"));
    }
}
