//! What modules may call is declared: each name that `capi` exports stands in a header of `include/`.

use super::{Findings, sources};
use crate::tree;
use anyhow::Result;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

pub(super) fn check() -> Result<Findings> {
    let root = tree::root()?;
    let mut declared = Declared::default();
    headers(&root.join("include"), &mut declared)?;
    let undeclared = all()?
        .into_iter()
        .filter(|(_, name)| !declared.has(name))
        .map(|(file, name)| format!("{}: no header declares {name}", file.display()));
    Ok(undeclared.collect())
}

/// All exported names, each with the file that lists it.
pub(super) fn all() -> Result<Vec<(PathBuf, String)>> {
    let root = tree::root()?;
    let mut found = Vec::new();
    for file in sources::rust_files(&root.join("capi/shim")) {
        let text = fs::read_to_string(&file)?;
        let file = file.strip_prefix(&root).unwrap_or(&file);
        found.extend(
            names(&text)
                .into_iter()
                .map(|name| (file.to_owned(), name.to_owned())),
        );
    }
    Ok(found)
}

/// What headers name.
#[derive(Default)]
struct Declared {
    words: HashSet<String>,
    /// Beginnings that macros paste names onto.
    pasted: HashSet<String>,
}

impl Declared {
    fn read(&mut self, text: &str) {
        let words = text.split(|c| !is_word(c)).filter(|word| !word.is_empty());
        self.words.extend(words.map(str::to_owned));
        for (at, _) in text.match_indices("##") {
            let begins = text[..at].rfind(|c| !is_word(c)).map_or(0, |at| at + 1);
            if begins != at {
                self.pasted.insert(text[begins..at].to_owned());
            }
        }
    }

    fn has(&self, name: &str) -> bool {
        let made = |begin: &String| {
            name.strip_prefix(begin.as_str())
                .is_some_and(|rest| self.words.contains(rest))
        };
        self.words.contains(name) || self.pasted.iter().any(made)
    }
}

/// Reads all headers below a folder.
fn headers(folder: &Path, declared: &mut Declared) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            headers(&path, declared)?;
        } else {
            declared.read(&fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The names in a file's list of exports: where one is given in quotes, that is it.
fn names(text: &str) -> Vec<&str> {
    let list = text
        .split_once("\nexports![")
        .or_else(|| text.split_once("\ncrate::export::exports!["));
    let Some((_, list)) = list else {
        return Vec::new();
    };
    let list = list.split(']').next().unwrap_or_default();
    list.split([',', ';'])
        .filter_map(|entry| {
            let entry = entry
                .trim()
                .trim_start_matches("gpl:")
                .trim_start_matches("data:")
                .trim_start_matches("as:");
            let name = match entry.split_once('"') {
                Some((_, quoted)) => quoted.trim_end_matches('"'),
                None => entry.trim(),
            };
            (!name.is_empty()).then_some(name)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Declared, names};

    #[test]
    fn names_of_headers_may_be_pasted() {
        let mut declared = Declared::default();
        declared
            .read("extern int f(int);\n#define OPS(type) extern int set_##type(void)\nOPS(long);");
        assert!(declared.has("f") && declared.has("set_long"));
        assert!(!declared.has("g") && !declared.has("set_short"));
    }

    #[test]
    fn names_are_found_in_every_part_of_a_list() {
        let text = "fn f() {}\nexports![\n    a, b_c,\n    d;\n    gpl: e; data: g, h;\n    as: own \"memcpy\", i \"j\"\n];\n";
        assert_eq!(names(text), ["a", "b_c", "d", "e", "g", "h", "memcpy", "j"]);
        assert!(names("fn none() {}").is_empty());
    }
}
