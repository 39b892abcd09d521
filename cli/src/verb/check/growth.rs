//! No container of the kernel grows unseen: the ways to allocate that clippy cannot tell from harmless ones by the method
//! alone are looked for by name. `Vec::from` and its kin copy to the heap; `extend` grows as it goes.

use super::Findings;
use super::circles::without_tests;
use super::lexer::{Token, tokens};
use super::sources::{crates, rust_files};
use crate::tree;
use anyhow::Result;
use std::fs;
use std::path::Path;

/// Floors whose crates are part of the kernel.
const KERNEL: [&str; 8] = [
    "abi", "pure", "base", "core", "service", "syscall", "capi", "image",
];
/// Pure crates that only the host's tools use.
const HOST: [&str; 2] = ["pure/frames", "pure/symtab"];
/// Types whose `from` and `from_iter` allocate.
const OWNERS: [&str; 8] = [
    "Vec", "String", "Box", "Arc", "Rc", "VecDeque", "BTreeMap", "BTreeSet",
];
/// Methods that allocate whatever they are called on.
const METHODS: [&str; 3] = ["extend", "to_vec", "concat"];

pub(super) fn check() -> Result<Findings> {
    let root = tree::root()?;
    let mut findings = Findings::new();
    let in_kernel = |krate: &Path| {
        KERNEL.iter().any(|floor| krate.starts_with(floor))
            && !HOST.iter().any(|host| krate.starts_with(host))
    };
    for krate in crates()?.into_iter().filter(|krate| in_kernel(krate)) {
        for file in rust_files(&root.join(&krate).join("src")) {
            let shown = file.strip_prefix(&root).unwrap_or(&file);
            if !is_of_host(shown) {
                let tokens = without_tests(&tokens(&fs::read_to_string(&file)?));
                findings.extend(
                    growing(&tokens)
                        .into_iter()
                        .map(|(line, what)| format!("{}:{line}: {what}", shown.display())),
                );
            }
        }
    }
    Ok(findings)
}

/// Files of tests, and stand-ins for the machine.
fn is_of_host(file: &Path) -> bool {
    file.iter().any(|part| {
        let part = part.to_string_lossy();
        let stem = part.strip_suffix(".rs").unwrap_or(&part);
        matches!(stem, "tests" | "hosted" | "model") || stem.ends_with("_tests")
    })
}

fn growing(tokens: &[Token]) -> Vec<(usize, String)> {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let word = token.text.as_str();
        if text(at + 1) == "(" && at > 0 && text(at - 1) == "." && METHODS.contains(&word) {
            found.push((token.line, format!(".{word}()")));
        }
        let path = text(at + 1) == ":" && text(at + 2) == ":";
        if path && OWNERS.contains(&word) && matches!(text(at + 3), "from" | "from_iter") {
            found.push((token.line, format!("{word}::{}", text(at + 3))));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_found_and_lookalikes_are_not() {
        let bad = "fn f() { v.extend(x); let s = String::from(\"a\");\na.to_vec() }";
        assert_eq!(
            growing(&tokens(bad)),
            [
                (1, ".extend()".to_owned()),
                (1, "String::from".to_owned()),
                (2, ".to_vec()".to_owned())
            ]
        );
        let good = "fn f() { Layout::extend(a, b); u64::from(x); extend(y); Path::join(a) } // v.extend(x)";
        assert!(growing(&tokens(good)).is_empty());
        assert!(is_of_host(Path::new("base/kmem/src/machine/hosted.rs")));
        assert!(!is_of_host(Path::new("core/vfs/src/file.rs")));
    }
}
