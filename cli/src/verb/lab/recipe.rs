//! What a lab is made of: its folder with `lab.toml`, and the command that compiles it, boots, and runs it.

use crate::pack::program;
use crate::verb::build;
use crate::{host, tree};
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What `lab.toml` says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lab {
    /// What it is about.
    pub(crate) title: String,
    /// What to find out.
    pub(crate) question: Option<String>,
    /// Sources of modules, from the root of the tree.
    #[serde(default)]
    sources: Vec<PathBuf>,
    /// Sources of user programs.
    #[serde(default)]
    programs: Vec<PathBuf>,
    /// Programs of this host that the script calls, if they are there.
    #[serde(default)]
    tools: Vec<String>,
    /// CPUs.
    #[serde(default = "one")]
    pub(crate) smp: u32,
    /// For a shell; `$lab` has what was compiled.
    script: String,
    /// Its output has these, in this order: what the test looks for.
    #[serde(default)]
    pub(crate) expect: Vec<String>,
    /// What Gaon has not yet of what the lab is about: there it may end by saying so.
    #[serde(default)]
    pub(crate) lacks: Option<String>,
}

impl Lab {
    /// Its modules are built for Gaon, so that it runs there alone, and in a boot of its own.
    pub(crate) fn has_modules(&self) -> bool {
        !self.sources.is_empty()
    }
}

const fn one() -> u32 {
    1
}

/// Where and how labs run.
pub(crate) struct Setting<'a> {
    pub(crate) kernel: &'a Path,
    pub(crate) machine: &'a str,
    /// More words for the kernel.
    pub(crate) append: &'a str,
    /// In place of what the labs wish.
    pub(crate) smp: Option<u32>,
    /// The long forms, and where what is made up begins.
    pub(crate) full: bool,
    pub(crate) seed: u64,
}

/// The exit status of a lab that found a call missing in the kernel.
pub(crate) const LACKING: i32 = 77;
/// In a script's output: a lab begins, a lab has ended.
pub(super) const BEGINS: &str = "@lab\t";
pub(super) const ENDED: &str = "@end\t";
/// More is an experiment that hangs; with the long forms it may be one that has a lot to do.
const TIMEOUT: u32 = 900;
const TIMEOUT_FULL: u32 = 3600;

/// All experiments.
pub(crate) fn names() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for group in folders(&tree::root()?.join("labs"))? {
        for lab in folders(&group)? {
            let mut parts = lab.iter().rev();
            if let (true, Some(name), Some(group)) =
                (lab.join("lab.toml").exists(), parts.next(), parts.next())
            {
                names.push(format!("{}/{}", group.display(), name.display()));
            }
        }
    }
    names.sort();
    Ok(names)
}

fn folders(at: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(at).with_context(|| at.display().to_string())?;
    let paths = entries.map(|entry| Ok(entry?.path()));
    let all: Result<Vec<PathBuf>> = paths.collect();
    Ok(all?.into_iter().filter(|path| path.is_dir()).collect())
}

/// What an experiment's file says.
pub(crate) fn read(name: &str) -> Result<Lab> {
    if !names()?.iter().any(|other| other == name) {
        bail!("there is no lab {name}: ./gaon lab list");
    }
    let file = tree::root()?.join("labs").join(name).join("lab.toml");
    let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    toml::from_str(&text).with_context(|| file.display().to_string())
}

/// Compiles what the labs need; what runs them one after another in one boot, each between two marks.
pub(crate) fn command(labs: &[(String, Lab)], setting: &Setting<'_>) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("run").arg("--kernel").arg(setting.kernel);
    command.args(["--machine", setting.machine, "--append", setting.append]);
    let smp = labs.iter().map(|(_, lab)| lab.smp).max().unwrap_or(1);
    let timeout = if setting.full { TIMEOUT_FULL } else { TIMEOUT };
    command.args(["--smp", &setting.smp.unwrap_or(smp).to_string()]);
    command.args(["--timeout", &timeout.to_string()]);
    command.args(["--env", &format!("GAON_SEED={}", setting.seed)]);
    command.args(["--env", &format!("GAON_FULL={}", u8::from(setting.full))]);
    let mut script = String::new();
    if labs.iter().any(|(_, lab)| lab.has_modules()) {
        command.args(["--with", "/bin/kmod"]);
        script.push_str(
            "PATH=$PATH:/tmp; for tool in insmod rmmod lsmod; do ln -s /bin/kmod /tmp/$tool; done\n",
        );
    }
    for (name, lab) in labs {
        let folder = compiled(name, lab)?;
        command.arg("--with").arg(&folder);
        for tool in lab.tools.iter().filter_map(|tool| program::find(tool).ok()) {
            command.arg("--with").arg(tool);
        }
        let _ = writeln!(
            script,
            "printf '{BEGINS}{name}\\n'\n(lab={}\n{}\n)\nprintf '\\n{ENDED}%s\\n' $?",
            folder.display(),
            lab.script
        );
    }
    command.args(["--", "sh", "-c", &script]);
    Ok(command)
}

/// Compiles what a lab needs; the folder where it stands.
fn compiled(name: &str, lab: &Lab) -> Result<PathBuf> {
    let folder = tree::output()?.join("labs").join(name);
    std::fs::create_dir_all(&folder)?;
    let root = tree::root()?;
    let mut objects = Vec::new();
    for source in &lab.sources {
        host::copy(&root.join(source), &folder)?;
        copy_headers(&root.join(source), &folder)?;
        let stem = source.file_stem().context("a source without a name")?;
        objects.push(format!("{}.o", stem.display()));
    }
    if !objects.is_empty() {
        host::copy(&root.join("labs/modules/lab.h"), &folder)?;
        let makefile = format!("obj-m := {}\nccflags-y := -I$(src)\n", objects.join(" "));
        host::write(&folder.join("Makefile"), makefile.as_bytes())?;
        host::make_modules(&build::module_folder()?, &folder)?;
    }
    let newest = tree::newest(&root.join("labs"));
    for source in &lab.programs {
        let stem = source.file_stem().context("a program without a name")?;
        let built = std::fs::metadata(folder.join(stem)).and_then(|meta| meta.modified());
        if built.is_ok_and(|built| Some(built) > newest) && !lab.has_modules() {
            continue;
        }
        host::compile(&root.join(source), &folder)?;
    }
    Ok(folder)
}

/// Copies the headers that stand beside a source.
fn copy_headers(source: &Path, folder: &Path) -> Result<()> {
    let beside = source.parent().context("a source is in a folder")?;
    for entry in std::fs::read_dir(beside)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "h") {
            host::copy(&path, folder)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_lab_can_be_read_and_has_something_to_look_for() {
        let names = super::names().unwrap();
        assert!(names.contains(&"modules/hello".to_owned()), "{names:?}");
        assert!(names.contains(&"ipc/pipe".to_owned()), "{names:?}");
        for name in names {
            assert!(!super::read(&name).unwrap().expect.is_empty(), "{name}");
        }
        assert!(super::read("modules/nothing").is_err());
    }

    /// What to watch, what to change, what was measured.
    #[test]
    fn every_lab_of_user_programs_has_its_page_in_the_book() {
        let book = crate::tree::root().unwrap().join("book/src");
        let summary = std::fs::read_to_string(book.join("SUMMARY.md")).unwrap();
        for name in super::names().unwrap() {
            let Some(name) = name.strip_prefix("ipc/") else {
                continue;
            };
            let page = format!("labs-ipc-{name}.md");
            assert!(summary.contains(&format!("({page})")), "{page}");
            let text = std::fs::read_to_string(book.join(&page)).unwrap();
            for part in ["What to watch", "What to change", "What was measured"] {
                assert!(text.contains(&format!("\n## {part}\n")), "{page}: {part}");
            }
        }
    }
}
