//! Tables of command lines: `test/shell/*.toml`, and what Linux answered, in `test/shell/*.expected.json`.

use super::debian;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One file of cases.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    /// Host programs the cases use; where one is missing the whole table is skipped.
    #[serde(default)]
    pub(crate) tools: Vec<String>,
    /// What runs each line, as `SHELL -c LINE`; several give the case several times.
    pub(crate) shells: Vec<String>,
    /// Seconds for one case.
    #[serde(default = "default_limit")]
    pub(crate) limit: u64,
    /// Programs in C to compile as a reader of a document would, `gcc -O2`: name in `/documents`, source.
    #[serde(default)]
    pub(crate) compile: BTreeMap<String, PathBuf>,
    /// Processors of the guest.
    #[serde(default = "one")]
    pub(crate) smp: u32,
    /// Lines that run before each case, in the same shell.
    #[serde(default)]
    pub(crate) before: String,
    /// The command that lists all programs the table has to cover, and those it leaves out: reason, names.
    #[serde(default)]
    pub(crate) complete: Vec<String>,
    #[serde(default, rename = "left-out")]
    pub(crate) left_out: BTreeMap<String, String>,
    /// Runs the cases of this table too.
    #[serde(default, rename = "same-as")]
    pub(crate) same_as: Option<String>,
    /// A Debian package that cannot be installed beside others, unpacked for this table; its busybox is the shell.
    #[serde(default)]
    pub(crate) deb: Option<String>,
    /// The guest is Debian's, of these packages.
    #[serde(default)]
    pub(crate) debian: Option<debian::Wishes>,
    #[serde(default, rename = "case")]
    pub(crate) cases: Vec<Case>,
}

impl Table {
    /// Programs that the table has to cover and does not, of those that its command lists. None where it lists nothing.
    pub(crate) fn uncovered(&self) -> Result<Option<Vec<String>>> {
        let [command, arguments @ ..] = &self.complete[..] else {
            return Ok(None);
        };
        let output = Command::new(command)
            .args(arguments)
            .output()
            .with_context(|| command.clone())?;
        let covered: Vec<&str> = self
            .cases
            .iter()
            .map(|case| &case.covers)
            .chain(self.left_out.values())
            .flat_map(|names| names.split_whitespace())
            .collect();
        let listed = String::from_utf8_lossy(&output.stdout).into_owned();
        // A list of a package's files has its programs in the bin folders.
        let mut names: Vec<&str> = listed
            .lines()
            .filter_map(|line| match line.rsplit_once('/') {
                Some((folder, name)) => folder.ends_with("bin").then_some(name),
                None => Some(line),
            })
            .collect();
        names.retain(|name| !covered.contains(name));
        Ok(Some(names.into_iter().map(str::to_owned).collect()))
    }
}

/// One command line.
#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) run: String,
    /// The programs it tries, for `complete`.
    #[serde(default)]
    pub(crate) covers: String,
    /// Compare standard error too.
    #[serde(default)]
    pub(crate) stderr: bool,
    /// Seconds, where the table's are not enough.
    #[serde(default)]
    pub(crate) limit: Option<u64>,
    /// Why the case is left out on Gaon; it still has to hold on Linux.
    #[serde(default)]
    pub(crate) skip: Option<String>,
}

/// What a case has to answer.
#[derive(Serialize, Deserialize, PartialEq, Eq, Clone)]
pub(crate) struct Answer {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) stderr: String,
}

/// Answers by the name of the test.
pub(crate) type Answers = BTreeMap<String, Answer>;

/// What the `answer NAME: TEXT` lines of a program said on Linux.
pub(crate) type Said = BTreeMap<String, String>;

fn default_limit() -> u64 {
    30
}

fn one() -> u32 {
    1
}

/// The tables under `folder`, by name.
pub(crate) fn read_all(folder: &Path) -> Result<Vec<(String, Table)>> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)?
        .flatten()
        .map(|entry| entry.path())
        .collect();
    files.retain(|file| {
        file.extension()
            .is_some_and(|extension| extension == "toml")
    });
    files.sort();
    let mut tables = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file)?;
        let table = toml::from_str(&text).with_context(|| format!("{}", file.display()))?;
        tables.push((
            file.file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            table,
        ));
    }
    let others: BTreeMap<String, Vec<Case>> = tables
        .iter()
        .map(|(name, table): &(String, Table)| (name.clone(), table.cases.clone()))
        .collect();
    for (name, table) in &mut tables {
        if let Some(other) = &table.same_as {
            let cases = others
                .get(other)
                .with_context(|| format!("{name}: no table {other}"))?;
            table.cases.extend(cases.iter().cloned());
        }
    }
    Ok(tables)
}

fn answers_file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.expected.json"))
}

/// What Linux answered to table `name`.
pub(crate) fn answers(folder: &Path, name: &str) -> Result<Answers> {
    read_answers(folder, name)
}

/// What Linux made program `name` say.
pub(crate) fn said(folder: &Path, name: &str) -> Result<Said> {
    read_answers(folder, name)
}

fn read_answers<T: Default + serde::de::DeserializeOwned>(folder: &Path, name: &str) -> Result<T> {
    match fs::read_to_string(answers_file(folder, name)) {
        Ok(text) => serde_json::from_str(&text).with_context(|| format!("answers of {name}")),
        Err(_) => Ok(T::default()),
    }
}

/// Keeps what Linux answered to table or program `name`.
pub(crate) fn bless(folder: &Path, name: &str, answers: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_string_pretty(answers)?;
    text.push('\n');
    Ok(fs::write(answers_file(folder, name), text)?)
}
