//! Tables of command lines: `test/shell/*.toml`, and what Linux answered, in `test/shell/*.expected.json`.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

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
    /// Processors of the guest.
    #[serde(default = "one")]
    pub(crate) smp: u32,
    /// Lines that run before each case, in the same shell.
    #[serde(default)]
    pub(crate) before: String,
    #[serde(rename = "case")]
    pub(crate) cases: Vec<Case>,
}

/// One command line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) run: String,
    /// Compare standard error too.
    #[serde(default)]
    pub(crate) stderr: bool,
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
