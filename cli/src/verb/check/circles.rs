//! The modules inside a crate do not import each other in a circle.
//!
//! What counts as an import stands in `imports`. A module and those inside it are one part: between them arrows may go both
//! ways, but two modules inside that reach each other are a circle, and so is one that leaves the part and comes back.

use super::Findings;
use super::imports::{Arrows, Modules, Name, arrows};
use super::lexer::{Token, tokens};
use super::sources::{crates, rust_files};
use crate::tree;
use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

pub(super) fn check() -> Result<Findings> {
    let root = tree::root()?;
    let mut findings = Findings::new();
    for krate in crates()? {
        let found = circles(&modules_of(&root.join(&krate).join("src"))?);
        findings.extend(
            found
                .iter()
                .map(|circle| format!("{}: {}", krate.display(), circle.join(", "))),
        );
    }
    Ok(findings)
}

fn modules_of(source: &Path) -> Result<Modules> {
    let mut modules = Modules::new();
    for file in rust_files(source) {
        let path = module_path(file.strip_prefix(source).unwrap_or(&file));
        modules.insert(path, without_tests(&tokens(&fs::read_to_string(&file)?)));
    }
    Ok(modules)
}

fn module_path(file: &Path) -> Name {
    let mut parts: Name = file
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
pub(super) fn without_tests(tokens: &[Token]) -> Vec<Token> {
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
    let mut found = Vec::new();
    let mut open = vec![arrows(modules)];
    while let Some(arrows) = open.pop() {
        for knot in knots(&arrows) {
            let top = knot
                .iter()
                .find(|top| knot.iter().all(|module| module.starts_with(top)));
            match top {
                // One part. Without the module that holds the others, is there still a circle?
                Some(top) => open.push(among(&arrows, &knot, top)),
                None => found.push(knot.iter().map(|module| module.join("::")).collect()),
            }
        }
    }
    found.sort();
    found
}

/// The arrows among these modules, one left out.
fn among(arrows: &Arrows, modules: &BTreeSet<Name>, without: &Name) -> Arrows {
    let kept: BTreeSet<Name> = modules.iter().filter(|m| *m != without).cloned().collect();
    let from = kept.iter().map(|module| {
        let to = arrows.get(module).into_iter().flatten();
        let to = to.filter(|to| kept.contains(*to)).cloned();
        (module.clone(), to.collect())
    });
    from.collect()
}

/// The sets of two modules or more of which each reaches every other.
fn knots(arrows: &Arrows) -> Vec<BTreeSet<Name>> {
    let reach: BTreeMap<_, BTreeSet<_>> = arrows
        .keys()
        .map(|from| (from.clone(), reachable(arrows, from)))
        .collect();
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for (from, reached) in &reach {
        if !reached.contains(from) || seen.contains(from) {
            continue;
        }
        let mutual = reached
            .iter()
            .filter(|to| reach.get(*to).is_some_and(|back| back.contains(from)));
        let mutual: BTreeSet<Name> = mutual.cloned().collect();
        seen.extend(mutual.iter().cloned());
        found.push(mutual);
    }
    found
}

fn reachable(arrows: &Arrows, from: &Name) -> BTreeSet<Name> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from.clone()];
    while let Some(module) = open.pop() {
        for to in arrows.get(&module).into_iter().flatten() {
            if reached.insert(to.clone()) {
                open.push(to.clone());
            }
        }
    }
    reached
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
    fn names_that_are_handed_on_lead_to_where_they_come_from() {
        let alias = found(&[
            ("", "mod a; mod b; pub use b::Thing as Other;"),
            ("a", "use crate::Other;"),
            ("b", "use crate::a;"),
        ]);
        assert_eq!(alias, [["a", "b"]]);
        let glob = found(&[
            ("", "mod a; mod b; mod c; pub use c::*;"),
            ("a", "fn f() { crate::g(); }"),
            ("b", "pub fn g() { super::a::f() }"),
            ("c", "pub use crate::b::g;"),
        ]);
        assert_eq!(glob, [["a", "b", "c"]]);
        let by_macro = found(&[
            ("", "mod a; mod b;"),
            ("a", "use crate::say; fn f() { say!() }"),
            (
                "b",
                "#[macro_export]\nmacro_rules! say { () => { $crate::b::g() } } use super::a;",
            ),
        ]);
        assert_eq!(by_macro, [["a", "b"]]);
        let bound = found(&[
            ("", "mod a; mod b;"),
            ("a", "use crate::b; fn f() { b::inner::g() }"),
            ("b", "mod inner;"),
            ("b::inner", "use crate::a;"),
        ]);
        assert_eq!(bound, [["a", "b::inner"]]);
    }

    #[test]
    fn a_circle_by_way_of_the_module_around_is_seen() {
        let out_and_back = found(&[
            ("", "mod a; mod b;"),
            ("a", "use crate::b::top;"),
            ("b", "mod inner; pub fn top() { inner::f() }"),
            ("b::inner", "pub fn f() { crate::a::g() }"),
        ]);
        assert_eq!(out_and_back, [["a", "b", "b::inner"]]);
        let siblings = found(&[
            ("", "mod b; pub fn top() { b::f() }"),
            ("b", "mod x; mod y; pub fn f() { x::g() } pub struct T;"),
            ("b::x", "use super::{T, y::h}; fn k() { crate::top() }"),
            ("b::y", "use super::x::g;"),
        ]);
        assert_eq!(siblings, [["b::x", "b::y"]]);
    }

    #[test]
    fn inline_modules_are_part_of_their_file() {
        let good = found(&[
            ("", "mod a; mod b;"),
            (
                "a",
                "use crate::b::B; mod inner { use super::f; fn g() { super::h() } }",
            ),
            ("b", "pub struct B;"),
        ]);
        assert!(good.is_empty(), "{good:?}");
    }
}
