//! `gaon lab`: experiments. Each is a folder below `labs/` with a `lab.toml`: modules and programs to compile, and a script
//! that runs in the guest.

use crate::verb::build;
use crate::{host, tree};
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Run an experiment
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Say what there is
    List,
    /// Compile its modules and programs, boot, and run it
    Run {
        /// As `gaon lab list` names it
        name: String,
        /// CPUs, in place of what it wishes
        #[arg(long, value_name = "N")]
        smp: Option<u32>,
    },
}

/// What `lab.toml` says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lab {
    /// What it is about.
    title: String,
    /// What to find out.
    question: Option<String>,
    /// Sources of modules, from the root of the tree.
    #[serde(default)]
    sources: Vec<PathBuf>,
    /// Sources of user programs.
    #[serde(default)]
    programs: Vec<PathBuf>,
    /// CPUs.
    #[serde(default = "one")]
    smp: u32,
    /// For a shell; `$lab` has what was compiled.
    script: String,
    /// Its output has these, in this order: what the test looks for.
    #[serde(default)]
    pub(crate) expect: Vec<String>,
}

const fn one() -> u32 {
    1
}

/// More is an experiment that hangs.
const TIMEOUT: &str = "300";

pub(crate) fn run(arguments: &Arguments) -> Result<u8> {
    match &arguments.action {
        Action::List => {
            for name in names()? {
                println!("{name:<24} {}", read(&name)?.title);
            }
            Ok(0)
        }
        Action::Run { name, smp } => {
            let mut lab = read(name)?;
            lab.smp = smp.unwrap_or(lab.smp);
            println!("{}", lab.title);
            if let Some(question) = &lab.question {
                println!("{question}");
            }
            println!();
            let kernel = build::kernel("release")?;
            let status = command(&lab, name, &kernel)?.status()?;
            Ok(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1))
        }
    }
}

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

/// Compiles what an experiment needs; what runs it.
pub(crate) fn command(lab: &Lab, name: &str, kernel: &Path) -> Result<Command> {
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
    host::copy(&root.join("labs/modules/lab.h"), &folder)?;
    if !objects.is_empty() {
        let makefile = format!("obj-m := {}\nccflags-y := -I$(src)\n", objects.join(" "));
        host::write(&folder.join("Makefile"), makefile.as_bytes())?;
        host::make_modules(&build::module_folder()?, &folder)?;
    }
    for source in &lab.programs {
        host::compile(&root.join(source), &folder)?;
    }
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("run").arg("--kernel").arg(kernel);
    command.args(["--smp", &lab.smp.to_string(), "--timeout", TIMEOUT]);
    command.args(["--with", "/bin/kmod", "--with"]).arg(&folder);
    let script = format!(
        "PATH=$PATH:/tmp; for tool in insmod rmmod lsmod; do ln -s /bin/kmod /tmp/$tool; done\nlab={}\n{}",
        folder.display(),
        lab.script
    );
    command.args(["--", "sh", "-c", &script]);
    Ok(command)
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
        for name in names {
            assert!(!super::read(&name).unwrap().expect.is_empty(), "{name}");
        }
        assert!(super::read("modules/nothing").is_err());
    }
}
