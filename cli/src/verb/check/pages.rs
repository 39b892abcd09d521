//! Every Rust file opens with what it is for: `//!` stands in its first line.

use super::{Findings, sources};
use crate::tree;
use anyhow::Result;
use std::fs;

pub(super) fn check() -> Result<Findings> {
    let root = tree::root()?;
    let mut findings = Findings::new();
    for krate in sources::crates()? {
        for file in sources::rust_files(&root.join(&krate)) {
            if !says_what_it_is_for(&fs::read_to_string(&file)?) {
                let file = file.strip_prefix(&root).unwrap_or(&file);
                findings.push(format!("{}: the first line is no `//!`", file.display()));
            }
        }
    }
    Ok(findings)
}

fn says_what_it_is_for(text: &str) -> bool {
    text.strip_prefix("//!")
        .and_then(|rest| rest.lines().next())
        .is_some_and(|line| line.trim().len() > 3)
}

#[cfg(test)]
mod tests {
    use super::says_what_it_is_for;

    #[test]
    fn a_file_without_a_front_page_is_found() {
        assert!(says_what_it_is_for("//! Pipes: bytes in order.\nuse x;"));
        assert!(!says_what_it_is_for("use x;\n//! late"));
        assert!(!says_what_it_is_for("//!\n//! late"));
        assert!(!says_what_it_is_for(""));
    }
}
