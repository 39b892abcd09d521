//! The book tells of every system call: `book/src/calls.md` is made of the dispatch table in `syscall/src`, Linux' own list of
//! numbers (`abi::calls`) and the notes in `syscall/calls.toml`. `gaon check calls --write` writes the page.

use super::Findings;
use crate::tree;
use abi::calls::CALLS;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

const PAGE: &str = "book/src/calls.md";
const NOTES: &str = "syscall/calls.toml";
const DISPATCH: &str = "syscall/src";

/// What people have to say of calls, by name.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Notes {
    /// What a call lacks: it is there in part.
    missing: BTreeMap<String, String>,
    /// Of a call that lacks nothing, or that is not there.
    remark: BTreeMap<String, String>,
}

/// A call that the kernel has.
pub(crate) struct Entry {
    /// The name of Linux' function, without `sys_`.
    pub(crate) title: String,
    /// The family's file.
    file: String,
}

/// The calls that the kernel has, by the name of their number.
pub(crate) type Dispatch = BTreeMap<String, Entry>;

pub(super) fn check() -> Result<Findings> {
    let (findings, page) = look()?;
    let old = fs::read_to_string(tree::root()?.join(PAGE)).unwrap_or_default();
    Ok(if findings.is_empty() && page != old {
        vec![format!(
            "{PAGE}: not what {DISPATCH} and {NOTES} say: ./gaon check calls --write"
        )]
    } else {
        findings
    })
}

/// Writes the page, unless something is wrong with what it is made of.
pub(super) fn write() -> Result<Findings> {
    let (findings, page) = look()?;
    if findings.is_empty() {
        fs::write(tree::root()?.join(PAGE), page)?;
    }
    Ok(findings)
}

fn look() -> Result<(Findings, String)> {
    let root = tree::root()?;
    let dispatch = dispatch()?;
    let notes: Notes = toml::from_str(&fs::read_to_string(root.join(NOTES))?).context(NOTES)?;
    Ok((contradictions(&dispatch, &notes), page(&dispatch, &notes)))
}

/// The table as the kernel builds it: the families that `lib.rs` names, of each the lines of its `CALLS`.
pub(crate) fn dispatch() -> Result<Dispatch> {
    let sources = tree::root()?.join(DISPATCH);
    let top = fs::read_to_string(sources.join("lib.rs"))?;
    let mut calls = Dispatch::new();
    for family in list(&top, "const FAMILIES: ")?.split(',') {
        let Some(module) = family.trim().strip_suffix("::CALLS") else {
            continue;
        };
        let file = [format!("{module}.rs"), format!("{module}/mod.rs")]
            .into_iter()
            .find(|file| sources.join(file).exists())
            .with_context(|| format!("no file of the family {module}"))?;
        let text = fs::read_to_string(sources.join(&file))?;
        for (name, title) in family_calls(list(&text, "const CALLS: ")?)? {
            let title = title.to_owned();
            let file = file.clone();
            if calls
                .insert(name.to_owned(), Entry { title, file })
                .is_some()
            {
                bail!("{module}: {name} stands in two lines");
            }
        }
    }
    Ok(calls)
}

/// What stands between the brackets of the slice that `head` declares.
fn list<'a>(text: &'a str, head: &str) -> Result<&'a str> {
    text.split_once(head)
        .and_then(|(_, rest)| rest.split_once("= &["))
        .and_then(|(_, rest)| rest.split_once("];"))
        .map(|(inside, _)| inside)
        .with_context(|| format!("no list `{head}`"))
}

/// The calls of a family, each with its title: a line has a constant `__NR_name`, the title, and a function.
fn family_calls(lines: &str) -> Result<Vec<(&str, &str)>> {
    let mut names = Vec::new();
    for line in lines.split('(').skip(1) {
        let line = line.split(')').next().unwrap_or_default();
        let mut parts = line.split(',').map(str::trim);
        let number = parts.next().unwrap_or_default();
        let number = number.strip_prefix("raw::").unwrap_or(number);
        let title = parts.next().unwrap_or_default().trim_matches('"');
        let function = parts.next().unwrap_or_default();
        let function = function.rsplit("::").next().unwrap_or_default();
        match number.strip_prefix("__NR_") {
            Some(name) if function.strip_prefix("sys_") == Some(title) => {
                names.push((name, title));
            }
            _ => bail!("no line of a table of calls: ({line})"),
        }
    }
    Ok(names)
}

fn names() -> impl Iterator<Item = (u32, &'static str)> {
    let plain = |name: &'static str| name.strip_prefix("__NR_").unwrap_or(name);
    CALLS
        .iter()
        .map(move |(number, name)| (*number, plain(name)))
}

/// What table, list and notes say against one another.
fn contradictions(dispatch: &Dispatch, notes: &Notes) -> Findings {
    let mut findings = Findings::new();
    let known = |name: &str| names().any(|(_, known)| known == name);
    for (name, Entry { file, .. }) in dispatch {
        if !known(name) {
            findings.push(format!("{DISPATCH}/{file}: Linux 6.1 has no call {name}"));
        }
    }
    for name in notes.missing.keys().chain(notes.remark.keys()) {
        if !known(name) {
            findings.push(format!("{NOTES}: Linux 6.1 has no call {name}"));
        }
    }
    for name in notes.missing.keys() {
        if known(name) && !dispatch.contains_key(name) {
            findings.push(format!("{NOTES}: {name} lacks a part, but it is not there"));
        }
        if notes.remark.contains_key(name) {
            findings.push(format!("{NOTES}: {name} has two notes"));
        }
    }
    findings
}

fn page(dispatch: &Dispatch, notes: &Notes) -> String {
    let mut rows = String::new();
    let [mut done, mut partial, mut none] = [0; 3];
    for (number, name) in names() {
        let (missing, remark) = (notes.missing.get(name), notes.remark.get(name));
        let file = dispatch.get(name);
        let state = match (file, missing) {
            (None, _) => {
                none += 1;
                "none"
            }
            (Some(_), Some(_)) => {
                partial += 1;
                "partial"
            }
            (Some(_), None) => {
                done += 1;
                "done"
            }
        };
        let note = missing.or(remark).map_or("", String::as_str);
        let file = file.map_or(String::new(), |entry| {
            format!("`{}`: `sys_{}`", entry.file, entry.title)
        });
        let _ = writeln!(rows, "| {number} | `{name}` | {state} | {note} | {file} |");
    }
    format!(
        "\
# System calls

<!-- Written by `./gaon check calls --write`; what is said of a call stands in {NOTES}. -->

Every call number of x86-64 that Linux 6.1 has, {all} of them: **{done}** are done, **{partial}** are there in part, **{none}** are
not there and answer `ENOSYS`. Numbers 335 to 423 name nothing and answer `ENOSYS` as well.

- **done**: meant to answer as Linux 6.1 does; a remark says what differs without a program noticing by its answers.
- **partial**: the note says what is missing. What is missing answers as the note says, or `EINVAL`; it never pretends.
- **none**: `ENOSYS`.

This page is made of the kernel's dispatch table, and `./gaon check` fails while the two differ. The last column is the file
below `{DISPATCH}` that has the call, and its function there.

| nr | call | state | missing, or a remark | where |
|---|---|---|---|---|
{rows}",
        all = CALLS.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(names: &[&str]) -> Dispatch {
        let made = |name: &str| Entry {
            title: name.to_owned(),
            file: "x.rs".to_owned(),
        };
        let entry = |name: &&str| ((*name).to_owned(), made(name));
        names.iter().map(entry).collect()
    }

    fn notes(text: &str) -> Notes {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn the_book_is_what_the_kernel_dispatches() {
        assert_eq!(check().unwrap(), Findings::new());
    }

    #[test]
    fn lines_of_a_family_are_read() {
        let lines = "(raw::__NR_read, \"read\", rw::sys_read),\n (\n __NR_stat,\n \"newstat\",\n sys_newstat,\n),";
        assert_eq!(
            family_calls(lines).unwrap(),
            [("read", "read"), ("stat", "newstat")]
        );
        assert!(family_calls("(__NR_read, \"read\", no_such_call)").is_err());
        assert!(family_calls("(7, \"poll\", sys_poll)").is_err());
    }

    #[test]
    fn notes_that_contradict_the_table_are_found() {
        let good = notes("[missing]\nread = \"much\"\n[remark]\nbpf = \"never\"");
        assert!(contradictions(&table(&["read"]), &good).is_empty());
        for bad in [
            "[missing]\nwrite = \"all of it\"\n[remark]",
            "[missing]\nraed = \"much\"\n[remark]",
            "[missing]\n[remark]\nraed = \"much\"",
            "[missing]\nread = \"much\"\n[remark]\nread = \"slow\"",
        ] {
            assert_eq!(contradictions(&table(&["read"]), &notes(bad)).len(), 1);
        }
        assert_eq!(
            contradictions(&table(&["raed"]), &Notes::default()).len(),
            1
        );
    }

    #[test]
    fn a_page_differs_with_its_table() {
        let none = Notes::default();
        let some = notes("[missing]\nread = \"much\"\n[remark]");
        let with = page(&table(&["read"]), &none);
        assert!(with.contains("| 0 | `read` | done |  | `x.rs`: `sys_read` |"));
        assert!(page(&table(&[]), &none).contains("| 0 | `read` | none |  |  |"));
        assert!(page(&table(&["read"]), &some).contains("| 0 | `read` | partial | much |"));
    }
}
