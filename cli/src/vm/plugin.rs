//! Counting instructions: the plugin for QEMU's translator in `cli/plugin/`, built with gcc when it is missing or older
//! than its source, QEMU's options for it, and its answers read back.
//!
//! It counts what the guest executes. Under `-icount sleep=off` the guest's clock jumps over idle time; those jumps are
//! in the clock and not in these counts, so that the two stand apart as virtual and busy time.

use crate::{cargo, tree};
use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is to be counted beside the marked sections.
#[derive(Clone, Copy, Default)]
pub(crate) struct Wish {
    /// Also count each address in a section.
    pub(crate) profile: bool,
    /// The kernel's entry, a physical address: counts the instructions before it (the firmware's).
    pub(crate) entry: Option<u64>,
    /// The entry of a first user program that is linked to a fixed address below 4 GiB. One above is recognised as such:
    /// up there no kernel runs on physical addresses.
    pub(crate) user: Option<u64>,
}

/// Instructions from reset on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Boot {
    /// To the kernel's entry.
    pub(crate) entry: Option<u64>,
    /// To the first user instruction after it.
    pub(crate) user: Option<u64>,
}

/// What the plugin counted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) boot: Boot,
    /// Instructions of each marked section, in the order in which they ended.
    pub(crate) sections: Vec<u64>,
    /// Of each section the addresses and how many instructions were executed there; empty without `Wish::profile`.
    pub(crate) profiles: Vec<Vec<(u64, u64)>>,
    /// Instructions until QEMU ended by itself; `None` if it was killed.
    pub(crate) total: Option<u64>,
}

/// The plugin, built; gives its path.
pub(crate) fn build() -> Result<PathBuf> {
    let (folder, path) = (
        tree::root()?.join("cli/plugin"),
        tree::output()?.join("count.so"),
    );
    let built = std::fs::metadata(&path)
        .and_then(|meta| meta.modified())
        .ok();
    if built.is_some() && tree::newest(&folder) <= built {
        return Ok(path);
    }
    let scratch = tempfile::Builder::new().prefix("gaon-").tempdir()?;
    let fresh = scratch.path().join("count.so");
    compile(&folder, &fresh)?;
    cargo::install(&fresh, &path)?;
    Ok(path)
}

/// Compiles the plugin in `folder`.
fn compile(folder: &Path, to: &Path) -> Result<()> {
    let source = folder.join("count.c");
    let output = Command::new("gcc")
        .args(["-std=c11", "-O2", "-Wall", "-Wextra"])
        .args(["-fvisibility=hidden", "-fPIC", "-shared", "-o"])
        .args([to, &source])
        .output()
        .context("gcc (Debian: apt-get install gcc libc6-dev)")?;
    if !output.status.success() {
        bail!(
            "{}: gcc failed\n{}",
            source.display(),
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    Ok(())
}

/// QEMU's options that load `plugin` and have it write to `out`. QEMU wants commas in file names doubled.
pub(crate) fn options(plugin: &Path, out: &Path, wish: Wish) -> [OsString; 2] {
    let name = |path: &Path| path.to_string_lossy().replace(',', ",,");
    let mut value = format!("{},out={}", name(plugin), name(out));
    for (key, address) in [("entry", wish.entry), ("user", wish.user)] {
        if let Some(address) = address {
            value.push_str(&format!(",{key}={address:#x}"));
        }
    }
    if wish.profile {
        value.push_str(",profile=on");
    }
    ["-plugin".into(), value.into()]
}

/// Reads what the plugin wrote.
pub(crate) fn read(out: &Path) -> Result<Counts> {
    let text = std::fs::read_to_string(out).with_context(|| out.display().to_string())?;
    parse(&text)
}

/// The plugin's lines (`cli/plugin/count.c` says what they are). A last line without an end was cut off with QEMU and is
/// left out.
fn parse(text: &str) -> Result<Counts> {
    let mut counts = Counts::default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    for line in whole.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |word: &str| {
            word.parse::<u64>()
                .with_context(|| format!("the plugin's line {line:?}"))
        };
        match words[..] {
            ["entry", n] => counts.boot.entry = Some(number(n)?),
            ["user", n] => counts.boot.user = Some(number(n)?),
            ["total", n] => counts.total = Some(number(n)?),
            ["section", n] => {
                counts.sections.push(number(n)?);
                counts.profiles.push(Vec::new());
            }
            ["at", address, n] => {
                let address = u64::from_str_radix(address, 16)
                    .with_context(|| format!("the plugin's line {line:?}"))?;
                let section = counts.profiles.last_mut();
                section
                    .context("the plugin's addresses stand behind their section")?
                    .push((address, number(n)?));
            }
            _ => bail!("the plugin's line {line:?}"),
        }
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plugin_exports_what_qemu_looks_for() {
        let scratch = tempfile::tempdir().expect("a folder");
        let to = scratch.path().join("count.so");
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("plugin");
        compile(&folder, &to).expect("gcc likes it");
        let library = std::fs::read(&to).expect("it was written");
        let data = object::File::parse(&*library).expect("an ELF file");
        let exports = object::Object::exports(&data).expect("its dynamic symbols");
        let mut names: Vec<&[u8]> = exports.iter().map(|export| export.name()).collect();
        names.sort_unstable();
        assert_eq!(names, [&b"qemu_plugin_install"[..], b"qemu_plugin_version"]);
    }

    #[test]
    fn lines_become_counts() {
        let text = "entry 15800000\nuser 17700000\nsection 12\nat ffffffff80000000 7\nat 401000 5\nsection 3\ntotal 99\n";
        let counts = parse(text).expect("well-formed");
        assert_eq!(
            counts,
            Counts {
                boot: Boot {
                    entry: Some(15_800_000),
                    user: Some(17_700_000)
                },
                sections: vec![12, 3],
                profiles: vec![vec![(0xffff_ffff_8000_0000, 7), (0x40_1000, 5)], vec![]],
                total: Some(99),
            }
        );
    }

    #[test]
    fn a_line_cut_off_is_left_out() {
        let counts = parse("section 12\nsection 3").expect("well-formed");
        assert_eq!(counts.sections, [12]);
        assert_eq!(parse("").expect("empty"), Counts::default());
    }

    #[test]
    fn other_lines_are_refused() {
        for text in [
            "section\n",
            "section x\n",
            "at 1 2\n",
            "section 1\nat g 1\n",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn options_name_what_is_wanted() {
        let wish = Wish {
            profile: true,
            entry: Some(0x20_0000),
            user: None,
        };
        let [flag, value] = options(Path::new("/t,x/count.so"), Path::new("/o"), wish);
        assert_eq!(flag, "-plugin");
        assert_eq!(value, "/t,,x/count.so,out=/o,entry=0x200000,profile=on");
    }
}
