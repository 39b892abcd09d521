//! What the operations of the group `module/` load: kernel modules, each kernel's own from the same sources.

use super::measure::Kernel;
use crate::verb::build;
use crate::{cargo, host, oracle, tree};
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How the names of such operations begin.
const GROUP: &str = "module/";
/// The sources, from the root of the tree.
const SOURCES: [&str; 2] = ["test/modules/hello.c", "user/bench/modules/bench_device.c"];

/// Gives each kernel (Gaon first) the modules that it can load, if an operation needs them. Without headers of Linux these
/// operations are absent there.
pub(super) fn provide(kernels: &mut [Kernel], names: &[String]) -> Result<()> {
    if !names.iter().any(|name| name.starts_with(GROUP)) {
        return Ok(());
    }
    for (at, kernel) in kernels.iter_mut().enumerate() {
        let bar = cargo::spinner(&format!("compiling modules for {}", kernel.name));
        let made = if at == 0 {
            build::module_folder().and_then(|kdir| compile(&kdir, kernel.name))
        } else {
            oracle::headers(&kernel.image).and_then(|kdir| compile(&kdir, kernel.name))
        };
        bar.finish_and_clear();
        match made {
            Ok(modules) => kernel.modules = modules,
            Err(error) if at == 0 => return Err(error),
            Err(error) => {
                let name = kernel.name;
                eprintln!("gaon: no modules for {name}, {GROUP}* is not compared ({error:#})");
            }
        }
    }
    Ok(())
}

/// Compiles them against the headers in `kdir`; without what is for debuggers, of which compilers' settings make more or
/// less.
fn compile(kdir: &Path, kernel: &str) -> Result<Vec<PathBuf>> {
    let folder = tree::output()?.join("bench-modules").join(kernel);
    std::fs::create_dir_all(&folder)?;
    let mut names = Vec::new();
    for source in SOURCES {
        let source = tree::root()?.join(source);
        host::copy(&source, &folder)?;
        names.extend(source.file_stem().map(|stem| stem.display().to_string()));
    }
    let makefile = format!("obj-m := {}.o\n", names.join(".o "));
    host::write(&folder.join("Makefile"), makefile.as_bytes())?;
    host::make_modules(kdir, &folder)?;
    let plain = folder.join("plain");
    std::fs::create_dir_all(&plain)?;
    let mut modules = Vec::new();
    for name in names {
        let (full, module) = (
            folder.join(format!("{name}.ko")),
            plain.join(format!("{name}.ko")),
        );
        let mut strip = Command::new("strip");
        host::run(strip.arg("--strip-debug").arg("-o").arg(&module).arg(full))?;
        modules.push(module);
    }
    Ok(modules)
}
