//! The initramfs that both kernels boot: the benchmark program as `/init`, its arguments, the kernel's modules, and zeroes
//! up to one size.

use crate::pack::tree::Tree;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

/// Exactly so large, not compressed, whatever the program has grown to.
pub(super) const SIZE: usize = 1 << 20;
/// Where the program, as the first process, reads its arguments (`user/bench/src/init.rs`).
const ARGUMENTS: &str = "/etc/gaon-bench";
/// Where it looks for modules (`user/bench/src/modules.rs`).
const MODULES: &str = "/lib/gaon-bench";

/// Writes it to `to`; `arguments` are the program's, none to have it switch the machine off at once.
pub(super) fn write(
    program: &Path,
    arguments: &[String],
    modules: &[PathBuf],
    to: &Path,
) -> Result<()> {
    let mut tree = Tree::default();
    for folder in ["/dev", "/etc", "/lib", MODULES, "/proc"] {
        tree.folder(folder, 0o755);
    }
    tree.folder("/tmp", 0o1777);
    tree.device("/dev/console", 0o600, 5, 1);
    tree.device("/dev/null", 0o666, 1, 3);
    tree.file(ARGUMENTS, 0o644, arguments.join("\n").as_bytes());
    tree.host_file_as("/init", 0o755, program);
    for module in modules {
        let name = module.file_name().unwrap_or_default().display();
        tree.host_file_as(&format!("{MODULES}/{name}"), 0o644, module);
    }
    let mut archive = tree.write(Vec::new())?;
    if archive.len() > SIZE {
        bail!(
            "the benchmark program has outgrown its initramfs: {} of {SIZE} bytes",
            archive.len()
        );
    }
    archive.resize(SIZE, 0);
    std::fs::write(to, archive).with_context(|| to.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_does_not_depend_on_what_is_in_it() {
        let scratch = tempfile::tempdir().unwrap();
        let (program, archive) = (scratch.path().join("program"), scratch.path().join("cpio"));
        std::fs::write(&program, vec![7; 5000]).unwrap();
        for arguments in [vec![], vec!["--ms".to_owned(), "20".to_owned()]] {
            write(&program, &arguments, &[], &archive).unwrap();
            assert_eq!(std::fs::metadata(&archive).unwrap().len(), SIZE as u64);
        }
        std::fs::write(&program, vec![7; SIZE]).unwrap();
        assert!(write(&program, &[], &[], &archive).is_err());
    }
}
