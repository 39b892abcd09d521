//! Which guest tests there are, which share a boot, and the initramfs of a boot.

use super::brought;
use super::debian::World;
use super::table::{self, Answer, Table};
use super::verdicts::Verdicts;
use crate::pack::{self, program, tree::Tree};
use crate::verb::build;
use crate::{cargo, tree};
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The driver in the guest.
pub(crate) const DRIVER: &str = "/test/drive";
/// The list of tests in the guest.
pub(crate) const LIST: &str = "/test/list";
/// The module that Linux loads first.
pub(crate) const MODULE: &str = "/test/module.ko";
/// Busybox's applets and nothing else, for tables about them.
const APPLETS: &str = "/bb";
/// The same of a busybox that a table brings along.
const OTHER_APPLETS: &str = "/bbd";
/// Where that busybox stands.
const OTHER_BUSYBOX: &str = "/busybox-of-package";
/// Programs that tables compile.
const DOCUMENTS: &str = "/documents";
/// A line of a C program that says how it wants to be run: `// test: smp=4 limit=120 alone append=WORD module=PATH`.
const WISHES: &str = "// test:";

/// What the user asked for.
pub(crate) struct Plan {
    pub(crate) kernel: PathBuf,
    /// The user named it.
    pub(crate) named: bool,
    pub(crate) machine: Option<String>,
    /// CPUs for every test, whatever it asks for.
    pub(crate) smp: Option<u32>,
    pub(crate) linux: bool,
    /// Only tests that hold on Linux too.
    pub(crate) shared: bool,
    pub(crate) bless: bool,
    pub(crate) full: bool,
    pub(crate) seed: u64,
    pub(crate) verbose: bool,
    pub(crate) filter: String,
    /// How each test ended.
    pub(crate) verdicts: Verdicts,
}

/// What decides whether a test has passed.
pub(crate) enum Check {
    /// The program's own `ok` and `not ok` lines, and what Linux gave for its `answer` lines.
    Lines(table::Said),
    /// The answer Linux gave.
    Answer {
        table: String,
        expected: Option<Answer>,
        stderr: bool,
    },
}

/// One program run in the guest.
pub(crate) struct Test {
    pub(crate) name: String,
    /// Seconds.
    pub(crate) limit: u64,
    pub(crate) program: String,
    pub(crate) arguments: Vec<String>,
    /// Why it can't run on this host, whatever the kernel.
    pub(crate) absent: Option<String>,
    /// Why it is left out on Gaon.
    pub(crate) skip: Option<String>,
    pub(crate) check: Check,
}

/// Tests that share a boot, and the host files they need.
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) cpus: u32,
    /// A word more for Gaon's command line, or none.
    pub(crate) append: String,
    pub(crate) tests: Vec<Test>,
    pub(crate) files: Vec<PathBuf>,
    /// Built test programs, which go to /test.
    pub(crate) programs: Vec<PathBuf>,
    /// Programs of documents, which go to `DOCUMENTS`.
    pub(crate) of_documents: Vec<PathBuf>,
    /// A busybox beside the installed one, which stands in `OTHER_APPLETS`.
    pub(crate) other_busybox: Option<PathBuf>,
    /// Debian's files, in place of busybox' and this host's.
    pub(crate) debian: Option<World>,
    /// As QEMU's -m takes it.
    pub(crate) memory: String,
    /// What Linux has as a module.
    pub(crate) module: Option<PathBuf>,
}

/// The memory of a guest that asks for none.
const MEMORY: &str = "1G";

/// The programs in C, compiled, by the number of processors they want; those that want a boot of their own have one.
pub(crate) fn program_groups(folder: &Path, plan: &Plan) -> Result<Vec<Group>> {
    let mut sources = Vec::new();
    let mut headers = Vec::new();
    for entry in fs::read_dir(folder)?.flatten() {
        let path = entry.path();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("c") => sources.push(path),
            Some("h") => headers.push(path),
            _ => {}
        }
    }
    sources.sort();
    let output = tree::output()?.join("test");
    fs::create_dir_all(&output)?;
    let mut groups: BTreeMap<(u32, Option<String>), Group> = BTreeMap::new();
    let mut stale = Vec::new();
    for source in sources {
        let stem = source
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if !stem.contains(&plan.filter) {
            continue;
        }
        let binary = output.join(&stem);
        let wishes = wishes(&source)?;
        if brought::is_stale(&binary, std::iter::once(&source).chain(&headers)) {
            stale.push((source.clone(), binary.clone()));
        }
        let number = |key| wishes.get(key).and_then(|value| value.parse::<u32>().ok());
        let cpus = number("smp").unwrap_or(1);
        let alone = wishes.contains_key("alone").then(|| stem.clone());
        let what = alone.clone().unwrap_or_else(|| "programs".to_owned());
        let group = groups.entry((cpus, alone)).or_insert_with(|| Group {
            name: format!("{what}, {cpus} CPU"),
            cpus,
            append: wishes.get("append").cloned().unwrap_or_default(),
            tests: Vec::new(),
            files: Vec::new(),
            programs: Vec::new(),
            of_documents: Vec::new(),
            other_busybox: None,
            debian: None,
            memory: MEMORY.to_owned(),
            module: None,
        });
        let mut absent = None;
        if let Some(name) = wishes.get("module").filter(|_| plan.linux) {
            group.module = brought::module_of(&plan.kernel, name)
                .map_err(|why| absent = Some(format!("{why:#}")))
                .ok();
        }
        let check = Check::Lines(table::said(folder, &stem)?);
        group.tests.push(Test {
            name: stem,
            limit: u64::from(number("limit").unwrap_or(30)) * if plan.full { 10 } else { 1 },
            program: guest_path(&binary),
            arguments: Vec::new(),
            absent,
            skip: None,
            check,
        });
        group.programs.push(binary);
    }
    compile(stale)?;
    Ok(groups.into_values().collect())
}

fn wishes(source: &Path) -> Result<BTreeMap<String, String>> {
    let text = fs::read_to_string(source).with_context(|| format!("{}", source.display()))?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(WISHES))
        .unwrap_or("");
    let pairs = line
        .split_whitespace()
        .map(|word| word.split_once('=').unwrap_or((word, "")));
    Ok(pairs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect())
}

/// Compiles statically, as many at a time as there are processors.
fn compile(mut wanted: Vec<(PathBuf, PathBuf)>) -> Result<()> {
    let bar = cargo::spinner("compiling test programs");
    let width = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    while !wanted.is_empty() {
        let batch: Vec<_> = wanted.drain(..wanted.len().min(width)).collect();
        let children: Vec<_> = batch
            .iter()
            .map(|(source, binary)| {
                let mut gcc = Command::new("gcc");
                gcc.args([
                    "-static",
                    "-O1",
                    "-Wall",
                    "-Wno-unused-result",
                    "-Wno-stringop-overread",
                    "-Wno-nonnull",
                    "-Wno-stringop-overflow",
                    "-pthread",
                    "-o",
                ])
                .arg(binary)
                .arg(source);
                gcc.spawn().context("gcc")
            })
            .collect::<Result<_>>()?;
        for (mut child, (source, _)) in children.into_iter().zip(&batch) {
            if !child.wait()?.success() {
                bail!("{} does not compile", source.display());
            }
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// The tables, by the number of processors they want.
pub(crate) fn table_groups(folder: &Path, plan: &Plan) -> Result<Vec<Group>> {
    let mut by_cpus: BTreeMap<u32, Group> = BTreeMap::new();
    for (name, table) in table::read_all(folder)? {
        let answers = table::answers(folder, &name)?;
        let group = by_cpus.entry(table.smp).or_insert_with(|| Group {
            name: format!("command lines, {} CPU", table.smp),
            cpus: table.smp,
            append: String::new(),
            tests: Vec::new(),
            files: Vec::new(),
            programs: Vec::new(),
            of_documents: Vec::new(),
            other_busybox: None,
            debian: None,
            memory: MEMORY.to_owned(),
            module: None,
        });
        let missing = table
            .tools
            .iter()
            .chain(&table.shells)
            .find(|tool| program::find(tool).is_err());
        let absent = missing.map(|tool| format!("{tool} is not on this host"));
        let files: Vec<PathBuf> = table
            .tools
            .iter()
            .chain(&table.shells)
            .filter_map(|tool| program::find(tool).ok())
            .collect();
        let mut absent = absent;
        if let Some(package) = &table.deb {
            match brought::unpacked(package) {
                Ok(folder) => group.other_busybox = Some(folder.join("bin/busybox")),
                Err(why) => absent = Some(format!("{why:#}")),
            }
        }
        for test in table_tests(&name, &table, &answers, absent.as_ref()) {
            if test.name.contains(&plan.filter) {
                group.tests.push(test);
            }
        }
        group.files.extend(files);
        group.of_documents.extend(brought::documents(&table)?);
    }
    Ok(by_cpus.into_values().collect())
}

pub(crate) fn table_tests(
    name: &str,
    table: &Table,
    answers: &table::Answers,
    absent: Option<&String>,
) -> Vec<Test> {
    let mut tests = Vec::new();
    for case in &table.cases {
        for shell in &table.shells {
            let full = if table.shells.len() == 1 {
                format!("{name}/{}", case.name)
            } else {
                format!("{name}/{}/{shell}", case.name)
            };
            let only_applets =
                table.tools.iter().all(|tool| tool == "busybox") && shell == "busybox";
            let applets = if table.deb.is_some() {
                OTHER_APPLETS
            } else {
                APPLETS
            };
            let path = if only_applets {
                format!("export PATH={applets}\n")
            } else {
                String::new()
            };
            let script = format!("{path}{}\n{}", table.before, case.run);
            let (program, mut arguments) = match shell.as_str() {
                "busybox" => (format!("{applets}/sh"), vec![]),
                other => (
                    program::find(other)
                        .map_or(String::new(), |p| p.to_string_lossy().into_owned()),
                    vec![],
                ),
            };
            arguments.extend(["-c".to_owned(), script]);
            tests.push(Test {
                limit: case.limit.unwrap_or(table.limit),
                program,
                arguments,
                absent: absent.cloned(),
                skip: case.skip.clone(),
                check: Check::Answer {
                    table: name.to_owned(),
                    expected: answers.get(&full).cloned(),
                    stderr: case.stderr,
                },
                name: full,
            });
        }
    }
    tests
}

/// Writes the initramfs of a boot.
pub(crate) fn pack(group: &Group, tests: &[&Test], to: &Path) -> Result<()> {
    let mut tree = pack::base(&build::init()?)?;
    pack::channel(&mut tree);
    tree.host_file_as(DRIVER, 0o755, &build::driver()?);
    for binary in &group.programs {
        tree.host_file_as(&guest_path(binary), 0o755, binary);
    }
    if let Some(module) = &group.module {
        tree.host_file_as(MODULE, 0o644, module);
    }
    for file in &group.files {
        program::pack(&mut tree, file)?;
    }
    for binary in &group.of_documents {
        let name = binary.file_name().unwrap_or_default().to_string_lossy();
        program::pack_as(&mut tree, &format!("{DOCUMENTS}/{name}"), binary)?;
    }
    if let Some(debian) = &group.debian {
        debian.pack(&mut tree)?;
    } else {
        pack::userland(&mut tree, "linux")?;
        let busybox = program::find("busybox")?;
        link_applets(&mut tree, APPLETS, &busybox, &busybox.to_string_lossy())?;
    }
    if let Some(busybox) = &group.other_busybox {
        // Not where it was unpacked: the guest may mount something there.
        program::pack_as(&mut tree, OTHER_BUSYBOX, busybox)?;
        link_applets(&mut tree, OTHER_APPLETS, busybox, OTHER_BUSYBOX)?;
    }
    let mut list = String::new();
    for test in tests {
        let arguments: String = test
            .arguments
            .iter()
            .map(|argument| format!("\t{}", escape(argument)))
            .collect();
        let _ = writeln!(
            list,
            "{}\t{}\t{}{arguments}",
            test.name, test.limit, test.program
        );
    }
    tree.file(LIST, 0o644, list.as_bytes());
    tree.write(BufWriter::new(File::create(to)?))?;
    Ok(())
}

/// A link in `folder` to `target` for each applet of `busybox`.
fn link_applets(tree: &mut Tree, folder: &str, busybox: &Path, target: &str) -> Result<()> {
    let list = Command::new(busybox).arg("--list").output()?;
    for applet in String::from_utf8_lossy(&list.stdout).lines() {
        tree.link(&format!("{folder}/{applet}"), target);
    }
    Ok(())
}

fn escape(argument: &str) -> String {
    argument
        .replace('\\', "\\\\")
        .replace('\n', "\\n")
        .replace('\t', "\\t")
}

/// Path of a test program in the guest.
fn guest_path(program: &Path) -> String {
    format!(
        "/test/{}",
        program.file_name().unwrap_or_default().to_string_lossy()
    )
}

#[cfg(test)]
mod tests {
    use crate::tree;
    use crate::verb::check::calls::dispatch;
    use std::fs;

    #[test]
    fn every_call_of_the_kernel_is_tried_with_bad_pointers() {
        let root = tree::root().unwrap();
        let calls = dispatch().unwrap();
        assert!(calls.len() > 200, "{} calls found", calls.len());
        let table = fs::read_to_string(root.join("test/programs/calls.h")).unwrap();
        let tried = |name: &str| {
            ["({},", "({})", "\"{}\"", "\"{}."]
                .iter()
                .any(|form| table.contains(&form.replace("{}", name)))
        };
        let titles = calls.values().map(|call| &call.title);
        let missing: Vec<_> = titles.filter(|title| !tried(title)).collect();
        assert!(
            missing.is_empty(),
            "not in test/programs/calls.h: {missing:?}"
        );
    }
}
