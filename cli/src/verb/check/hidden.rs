//! Unsafe code stands where it is looked for: in base/ and capi/ (and in programs outside the kernel), and in no macro
//! that others can expand, unless that macro stands in the reviewed list `base/reviewed-macros.txt`.

use super::Findings;
use super::lexer::{Token, tokens};
use super::sources::{crates, may_be_unsafe, rust_files};
use crate::tree;
use anyhow::Result;
use std::fs;
use std::path::Path;

/// Words that make a macro one to review: each can break memory safety without an `unsafe` at the place of use.
const HIDES: [&str; 6] = [
    "unsafe",
    "link_section",
    "no_mangle",
    "export_name",
    "global_asm",
    "asm",
];
/// One `folder/of/crate name` a line, `#` begins a comment.
const REVIEWED: &str = "base/reviewed-macros.txt";

pub(super) fn unsafe_tokens() -> Result<Findings> {
    let root = tree::root()?;
    let mut findings = Findings::new();
    for krate in crates()?.into_iter().filter(|krate| !may_be_unsafe(krate)) {
        for file in rust_files(&root.join(&krate)) {
            let lines = unsafe_lines(&fs::read_to_string(&file)?);
            let name = file
                .strip_prefix(&root)
                .unwrap_or(&file)
                .display()
                .to_string();
            findings.extend(
                lines
                    .into_iter()
                    .map(|line| format!("{name}:{line}: unsafe")),
            );
        }
    }
    Ok(findings)
}

pub(super) fn macros() -> Result<Findings> {
    let root = tree::root()?;
    let list = fs::read_to_string(root.join(REVIEWED)).unwrap_or_default();
    let reviewed: Vec<&str> = list
        .lines()
        .map(|line| line.split('#').next().unwrap_or("").trim())
        .collect();
    let mut findings = Findings::new();
    for krate in crates()?
        .into_iter()
        .filter(|krate| !krate.starts_with("cli") && !krate.starts_with("user"))
    {
        for file in rust_files(&root.join(&krate).join("src")) {
            for Hiding {
                name,
                line,
                exported,
            } in hiding_macros(&tokens(&fs::read_to_string(&file)?))
            {
                let place = format!(
                    "{}:{line}",
                    file.strip_prefix(&root).unwrap_or(&file).display()
                );
                let entry = format!("{} {name}", krate.display());
                if !may_be_unsafe(&krate) {
                    findings.push(format!(
                        "{place}: macro {name} hides unsafe outside base/ and capi/"
                    ));
                } else if exported && !reviewed.contains(&entry.as_str()) {
                    findings.push(format!(
                        "{place}: exported macro {name} is not in {REVIEWED} (as `{entry}`)"
                    ));
                }
            }
        }
    }
    Ok(findings)
}

/// Crates outside base/ and capi/ say so themselves, so that the compiler holds them to it.
pub(super) fn forbidden() -> Result<Findings> {
    let root = tree::root()?;
    let mut findings = Findings::new();
    for krate in crates()?.into_iter().filter(|krate| !may_be_unsafe(krate)) {
        for name in ["src/lib.rs", "src/main.rs"] {
            let file = root.join(&krate).join(name);
            if let Ok(text) = fs::read_to_string(&file)
                && !forbids(&text)
            {
                findings.push(format!(
                    "{}: no #![forbid(unsafe_code)]",
                    Path::new(&krate).join(name).display()
                ));
            }
        }
    }
    Ok(findings)
}

fn forbids(source: &str) -> bool {
    let text: String = tokens(source).into_iter().map(|token| token.text).collect();
    text.contains("#![forbid(unsafe_code)]")
}

fn unsafe_lines(source: &str) -> Vec<usize> {
    tokens(source)
        .into_iter()
        .filter(|token| token.text == "unsafe")
        .map(|token| token.line)
        .collect()
}

/// A macro whose definition holds one of the words.
#[derive(Debug, PartialEq, Eq)]
struct Hiding {
    name: String,
    line: usize,
    /// Others can expand it; one that stays in its file is read with that file.
    exported: bool,
}

fn hiding_macros(tokens: &[Token]) -> Vec<Hiding> {
    let mut found = Vec::new();
    for (at, window) in tokens.windows(3).enumerate() {
        if window[0].text != "macro_rules" || window[1].text != "!" {
            continue;
        }
        let body = body(&tokens[at + 3..]);
        if body
            .iter()
            .any(|token| HIDES.contains(&token.text.as_str()))
        {
            // Its attributes stand between it and the end of what came before.
            let attributes = tokens[..at]
                .iter()
                .rev()
                .take_while(|token| !matches!(token.text.as_str(), "}" | ";"));
            let exported = attributes
                .take(30)
                .any(|token| token.text == "macro_export");
            found.push(Hiding {
                name: window[2].text.clone(),
                line: window[0].line,
                exported,
            });
        }
    }
    found
}

/// The tokens up to the brace that closes the first one.
fn body(tokens: &[Token]) -> &[Token] {
    let mut depth = 0i32;
    for (at, token) in tokens.iter().enumerate() {
        depth += match token.text.as_str() {
            "{" | "(" | "[" => 1,
            "}" | ")" | "]" => -1,
            _ => 0,
        };
        if depth == 0 {
            return &tokens[..at];
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_in_code_is_found_and_nowhere_else() {
        let sample =
            "// unsafe\nfn f() { let s = \"unsafe\"; }\n/// unsafe\nfn g() { unsafe { h() } }\n";
        assert_eq!(unsafe_lines(sample), [4]);
        assert_eq!(unsafe_lines("#[unsafe(no_mangle)]\nfn f() {}"), [1]);
        assert!(unsafe_lines("#![forbid(unsafe_code)]").is_empty());
    }

    #[test]
    fn a_macro_that_hides_unsafe_is_found() {
        let sample = "macro_rules! plain { () => { 1 } }\n\
            macro_rules! sly { ($x:expr) => { { #[unsafe(link_section = \"x\")] static A: u8 = $x; } } }\n\
            #[macro_export]\n#[doc(hidden)] macro_rules! also { () => ( unsafe { f() } ); }\nunsafe fn after() {}";
        let found = hiding_macros(&tokens(sample))
            .into_iter()
            .map(|hiding| (hiding.name, hiding.exported));
        assert_eq!(
            found.collect::<Vec<_>>(),
            [("sly".to_owned(), false), ("also".to_owned(), true)]
        );
    }

    #[test]
    fn forbidding_is_seen() {
        assert!(forbids("//! x\n#![no_std]\n#![forbid( unsafe_code )]\n"));
        assert!(!forbids("//! #![forbid(unsafe_code)]\n"));
    }
}
