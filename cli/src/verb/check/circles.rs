//! The modules inside a crate do not import each other in a circle.
//!
//! A module is a file. An import is any path that begins with `crate` or `super`, in a `use` or in the code. A name that
//! the crate's root re-exports counts as an import of the module that it comes from; between a module and those inside it
//! arrows may go both ways, for together they are one part.
//!
//! Circles that are there and have not been cut yet stand in `cli/kernel-lints/known-circles.txt`: they may shrink, never
//! grow, and a new one breaks the check.

use super::Findings;
use super::lexer::{Token, tokens};
use super::sources::{crates, rust_files};
use crate::tree;
use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Modules of one crate by path (`["fs", "inode"]`; the root is empty), with their tokens.
type Modules = BTreeMap<Vec<String>, Vec<Token>>;
/// Which module imports which.
type Arrows = BTreeMap<Vec<String>, BTreeSet<Vec<String>>>;

/// One `crate: module, module, ...` a line.
const KNOWN: &str = "cli/kernel-lints/known-circles.txt";

pub(super) fn check() -> Result<Findings> {
    let root = tree::root()?;
    let known = fs::read_to_string(root.join(KNOWN)).unwrap_or_default();
    let mut findings = Findings::new();
    for krate in crates()? {
        let source = root.join(&krate).join("src");
        let mut modules = Modules::new();
        for file in rust_files(&source) {
            let path = module_path(file.strip_prefix(&source).unwrap_or(&file));
            modules.insert(path, without_tests(&tokens(&fs::read_to_string(&file)?)));
        }
        for circle in circles(&modules) {
            let name = krate.display().to_string();
            if !is_known(&known, &name, &circle) {
                findings.push(format!("{name}: {}", circle.join(", ")));
            }
        }
    }
    Ok(findings)
}

fn is_known(known: &str, krate: &str, circle: &[String]) -> bool {
    let lists = known
        .lines()
        .filter_map(|line| line.split_once(": "))
        .filter(|(name, _)| *name == krate);
    lists
        .map(|(_, modules)| modules.split(", ").collect::<Vec<_>>())
        .any(|list| {
            let member = |module: &String| list.contains(&module.as_str());
            circle.iter().all(member)
        })
}

fn module_path(file: &Path) -> Vec<String> {
    let mut parts: Vec<String> = file
        .with_extension("")
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if parts
        .last()
        .is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str()))
    {
        parts.pop();
    }
    parts
}

/// The tokens without `#[cfg(test)] mod ... { ... }`: tests may look at everything.
fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let is = |at: usize, words: &[&str]| {
        words
            .iter()
            .zip(&tokens[at..])
            .all(|(word, token)| token.text == *word)
    };
    let marker = ["#", "[", "cfg", "(", "test", ")", "]", "mod"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if tokens.len() - at > marker.len() && is(at, &marker) {
            let mut depth = 0;
            while at < tokens.len() {
                match tokens[at].text.as_str() {
                    "{" => depth += 1,
                    "}" => depth -= 1,
                    _ => {}
                }
                at += 1;
                if depth == 0 && matches!(tokens[at - 1].text.as_str(), "}" | ";") {
                    break;
                }
            }
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// The circles: sets of modules of which each reaches every other.
fn circles(modules: &Modules) -> Vec<Vec<String>> {
    let arrows = arrows(modules);
    let reach: BTreeMap<_, BTreeSet<_>> = arrows
        .keys()
        .map(|from| (from.clone(), reachable(&arrows, from)))
        .collect();
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for (from, reached) in &reach {
        if !reached.contains(from) || seen.contains(from) {
            continue;
        }
        let mutual: Vec<_> = reached
            .iter()
            .filter(|to| reach.get(*to).is_some_and(|back| back.contains(from)))
            .collect();
        seen.extend(mutual.iter().map(|module| (*module).clone()));
        found.push(mutual.into_iter().map(|module| module.join("::")).collect());
    }
    found
}

fn reachable(arrows: &Arrows, from: &[String]) -> BTreeSet<Vec<String>> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from.to_vec()];
    while let Some(module) = open.pop() {
        for to in arrows.get(&module).into_iter().flatten() {
            if reached.insert(to.clone()) {
                open.push(to.clone());
            }
        }
    }
    reached
}

fn arrows(modules: &Modules) -> Arrows {
    let exports: BTreeMap<&Vec<String>, BTreeMap<String, Vec<String>>> = modules
        .iter()
        .map(|(path, tokens)| (path, re_exports(path, tokens, modules)))
        .collect();
    let mut arrows = Arrows::new();
    for (path, tokens) in modules {
        // The root names its modules to re-export them: that is no import.
        if path.is_empty() {
            continue;
        }
        let targets = paths(tokens)
            .into_iter()
            .filter_map(|names| absolute(path, &names));
        let targets: BTreeSet<_> = targets
            .filter_map(|names| resolve(&names, modules, &exports))
            .filter(|target| {
                !target.is_empty() && !target.starts_with(path) && !path.starts_with(target)
            })
            .collect();
        arrows.insert(path.clone(), targets);
    }
    arrows
}

/// The module a path leads to, through the re-exports of the modules on the way.
fn resolve(
    names: &[String],
    modules: &Modules,
    exports: &BTreeMap<&Vec<String>, BTreeMap<String, Vec<String>>>,
) -> Option<Vec<String>> {
    let depth = (0..=names.len())
        .rev()
        .find(|depth| modules.contains_key(&names[..*depth]))?;
    let module = names[..depth].to_vec();
    let exported = names
        .get(depth)
        .and_then(|name| exports.get(&module)?.get(name));
    Some(exported.cloned().unwrap_or(module))
}

/// Names a module re-exports (`pub use a::b::Name`), with the module each comes from.
fn re_exports(
    path: &[String],
    tokens: &[Token],
    modules: &Modules,
) -> BTreeMap<String, Vec<String>> {
    let mut exports = BTreeMap::new();
    for (at, token) in tokens.iter().enumerate() {
        if token.text != "use" {
            continue;
        }
        for names in use_tree(&tokens[at + 1..]) {
            let names = absolute(path, &names)
                .unwrap_or_else(|| path.iter().cloned().chain(names.clone()).collect());
            let (Some(last), Some(depth)) = (
                names.last().cloned(),
                (1..names.len())
                    .rev()
                    .find(|depth| modules.contains_key(&names[..*depth])),
            ) else {
                continue;
            };
            exports.insert(last, names[..depth].to_vec());
        }
    }
    exports
}

/// All paths in the code that begin with `crate` or `super`, the braces of `use` multiplied out.
fn paths(tokens: &[Token]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let starts = matches!(token.text.as_str(), "crate" | "super");
        let goes_on = tokens.get(at + 1).is_some_and(|next| next.text == ":");
        let inside = at > 0 && tokens[at - 1].text == ":";
        if starts && goes_on && !inside {
            found.extend(use_tree(&tokens[at..]));
        }
    }
    found
}

/// The paths of a use tree that begins here.
fn use_tree(tokens: &[Token]) -> Vec<Vec<String>> {
    let mut names = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            ":" => {}
            "{" => {
                let mut all = Vec::new();
                for branch in branches(&tokens[at + 1..]) {
                    for rest in use_tree(branch) {
                        all.push(names.iter().cloned().chain(rest).collect());
                    }
                }
                return all;
            }
            word if word.starts_with(|c: char| c.is_alphabetic() || c == '_') => {
                let follows = at == 0 || tokens[at - 1].text == ":";
                if !follows {
                    break;
                }
                names.push(word.to_owned());
            }
            _ => break,
        }
        at += 1;
    }
    vec![names]
}

/// What stands between the commas of a brace that has been opened.
fn branches(tokens: &[Token]) -> Vec<&[Token]> {
    let (mut depth, mut from, mut found) = (0, 0, Vec::new());
    for (at, token) in tokens.iter().enumerate() {
        match token.text.as_str() {
            "{" => depth += 1,
            "}" if depth == 0 => {
                found.push(&tokens[from..at]);
                return found;
            }
            "}" => depth -= 1,
            "," if depth == 0 => {
                found.push(&tokens[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    found
}

/// A path from `crate` or `super` as one from the root. `None`: it begins elsewhere.
fn absolute(module: &[String], names: &[String]) -> Option<Vec<String>> {
    let (first, rest) = names.split_first()?;
    let mut base = match first.as_str() {
        "crate" => Vec::new(),
        "super" => module[..module.len().checked_sub(1)?].to_vec(),
        "self" => module.to_vec(),
        _ => return None,
    };
    let mut rest = rest;
    while let Some((name, after)) = rest.split_first()
        && name == "super"
    {
        base.pop()?;
        rest = after;
    }
    base.extend(rest.iter().cloned());
    Some(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        let modules = files.iter().map(|(path, text)| {
            let path = path
                .split("::")
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect();
            (path, without_tests(&tokens(text)))
        });
        circles(&modules.collect())
    }

    #[test]
    fn two_that_import_each_other_are_a_circle() {
        let bad = found(&[
            ("", "mod a; mod b;"),
            ("a", "use crate::b::{self, X};"),
            ("b", "fn f() { super::a::g() }"),
        ]);
        assert_eq!(bad, [["a", "b"]]);
    }

    #[test]
    fn a_circle_through_the_roots_re_exports_is_seen() {
        let root = "mod a; mod b; pub use b::{Thing, other::Name};";
        let bad = found(&[
            ("", root),
            ("a", "use crate::Thing; pub struct A;"),
            ("b", "use crate::a::A;"),
        ]);
        assert_eq!(bad, [["a", "b"]]);
    }

    #[test]
    fn a_chain_a_family_and_tests_are_none() {
        let good = found(&[
            ("", "mod a; mod b; mod c; pub use a::A;"),
            (
                "a",
                "use crate::b::B; use self::inner::I; #[cfg(test)] mod tests { use crate::c::C; }",
            ),
            ("a::inner", "use super::A; use crate::b::B;"),
            ("b", "use crate::c::C;"),
            ("c", "// use crate::a::A;\nuse core::fmt;"),
        ]);
        assert!(good.is_empty(), "{good:?}");
    }

    #[test]
    fn a_known_circle_may_shrink_but_not_grow() {
        let known = "# debts\ncore/x: a, b, c\n";
        let circle = |names: &[&str]| {
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>()
        };
        assert!(is_known(known, "core/x", &circle(&["a", "c"])));
        assert!(!is_known(known, "core/x", &circle(&["a", "d"])));
        assert!(!is_known(known, "core/y", &circle(&["a", "b"])));
    }

    #[test]
    fn a_circle_of_three_is_told_once() {
        let bad = found(&[
            ("a", "use crate::b::X;"),
            ("b", "use crate::c::X;"),
            ("c", "use crate::a::X;"),
        ]);
        assert_eq!(bad, [["a", "b", "c"]]);
    }
}
