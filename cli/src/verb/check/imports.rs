//! Which module of a crate imports which, read from the tokens of its files.
//!
//! A module is a file. It imports what any of its paths leads to: paths that begin with `crate`, `self` or `super`, in a
//! `use` or in the code, and paths that begin with a name that a `use` of the file bound, or with a module inside it. A path
//! that goes by a re-export (also by one with `as` or `*`, also by several) leads to the module that has the item, and to
//! those that handed it on. To re-export a module inside itself is no import, unless the file uses that name as well.

use super::lexer::Token;
use std::collections::{BTreeMap, BTreeSet};

/// A module's names from the crate's root, which is empty: `["fs", "inode"]`.
pub(super) type Name = Vec<String>;
/// Modules of one crate, with their tokens.
pub(super) type Modules = BTreeMap<Name, Vec<Token>>;
/// Which module imports which.
pub(super) type Arrows = BTreeMap<Name, BTreeSet<Name>>;

/// What a file's `use` declarations say.
#[derive(Default)]
struct Uses {
    /// Each name with the path it stands for, from the root.
    names: BTreeMap<String, Name>,
    /// The modules all of whose names are taken.
    globs: Vec<Name>,
    /// All tokens that are not in a `use` or a `mod x;`, each with the inline modules that it stands in.
    rest: Vec<(Token, usize)>,
    /// Inline modules by number: their names below the file's module. The first is the file itself.
    inline: Vec<Name>,
}

struct Crate<'a> {
    modules: &'a Modules,
    uses: BTreeMap<&'a Name, Uses>,
}

pub(super) fn arrows(modules: &Modules) -> Arrows {
    let uses = modules
        .iter()
        .map(|(path, tokens)| (path, read(path, tokens)));
    let mut uses: BTreeMap<&Name, Uses> = uses.collect();
    if let Some(root) = uses.get_mut(&Name::new()) {
        for (path, tokens) in modules.iter().filter(|(path, _)| !path.is_empty()) {
            let exported = exported_macros(tokens).map(|name| {
                let at = [&path[..], &[name.to_owned()]].concat();
                (name.to_owned(), at)
            });
            root.names.extend(exported);
        }
    }
    let krate = Crate { modules, uses };
    modules
        .keys()
        .map(|path| (path.clone(), krate.imports(path)))
        .collect()
}

impl Crate<'_> {
    fn imports(&self, path: &Name) -> BTreeSet<Name> {
        let uses = &self.uses[path];
        let mut targets = BTreeSet::new();
        let words: BTreeSet<&str> = uses
            .rest
            .iter()
            .map(|(token, _)| token.text.as_str())
            .collect();
        for (name, to) in &uses.names {
            let inside = to.starts_with(path);
            if !inside || words.contains(name.as_str()) {
                self.resolve(to, &mut targets);
            }
        }
        for glob in &uses.globs {
            if !glob.starts_with(path) {
                self.resolve(glob, &mut targets);
                targets.extend(self.uses.get(glob).into_iter().flat_map(|uses| {
                    let origins = uses.names.values();
                    origins.filter_map(|to| self.module_of(to))
                }));
            }
        }
        for names in self.paths(path, uses) {
            self.resolve(&names, &mut targets);
        }
        targets.remove(path);
        targets
    }

    /// The paths in the code, from the root.
    fn paths(&self, path: &Name, uses: &Uses) -> Vec<Name> {
        let mut found = Vec::new();
        let text = |at: usize| uses.rest.get(at).map_or("", |(token, _)| &token.text);
        for (at, (token, inline)) in uses.rest.iter().enumerate() {
            let goes_on = text(at + 1) == ":" && text(at + 2) == ":";
            let inside = at > 1 && text(at - 1) == ":" && text(at - 2) == ":";
            if !goes_on || inside || !is_name(&token.text) {
                continue;
            }
            let tokens: Vec<&Token> = uses.rest[at..].iter().map(|(token, _)| token).collect();
            let names = straight(&tokens);
            let module: Name = [&path[..], &uses.inline[*inline]].concat();
            if let Some(names) = absolute(&module, &names) {
                found.push(names);
            } else if let Some(to) = uses.names.get(&token.text) {
                found.push([&to[..], &names[1..]].concat());
            } else {
                let inner = [&path[..], &names].concat();
                if self.modules.contains_key(&inner[..=path.len()]) {
                    found.push(inner);
                }
            }
        }
        found
    }

    fn module_of(&self, names: &[String]) -> Option<Name> {
        let depth = (0..=names.len())
            .rev()
            .find(|depth| self.modules.contains_key(&names[..*depth]))?;
        Some(names[..depth].to_vec())
    }

    /// The modules a path leads to: the one that has the item, and those that hand it on from outside themselves.
    fn resolve(&self, names: &[String], targets: &mut BTreeSet<Name>) {
        let mut names = names.to_vec();
        for _ in 0..8 {
            let Some(module) = self.module_of(&names) else {
                return;
            };
            let next = names.get(module.len()).and_then(|name| {
                let to = self.exported(&module, name)?;
                Some([&to[..], &names[module.len() + 1..]].concat())
            });
            match next {
                Some(next) if next != names => {
                    if !next.starts_with(&module) {
                        targets.insert(module);
                    }
                    names = next;
                }
                _ => {
                    targets.insert(module);
                    return;
                }
            }
        }
    }

    fn exported(&self, module: &Name, name: &str) -> Option<Name> {
        let uses = self.uses.get(module)?;
        if let Some(to) = uses.names.get(name) {
            return Some(to.clone());
        }
        let glob = uses.globs.iter().find(|glob| {
            let there = self.uses.get(*glob);
            there.is_some_and(|uses| uses.names.contains_key(name) || defines(&uses.rest, name))
        })?;
        Some([&glob[..], &[name.to_owned()]].concat())
    }
}

/// Macros with `#[macro_export]`: they stand at the root, wherever they are written.
fn exported_macros(tokens: &[Token]) -> impl Iterator<Item = &str> {
    let mut exported = false;
    tokens.windows(3).filter_map(move |window| {
        match window[0].text.as_str() {
            "macro_export" => exported = true,
            "macro_rules" => {
                return std::mem::take(&mut exported).then_some(window[2].text.as_str());
            }
            _ => {}
        }
        None
    })
}

fn defines(rest: &[(Token, usize)], name: &str) -> bool {
    const ITEMS: [&str; 10] = [
        "fn", "struct", "enum", "union", "trait", "type", "const", "static", "mod", "mut",
    ];
    rest.windows(2)
        .any(|pair| ITEMS.contains(&pair[0].0.text.as_str()) && pair[1].0.text == name)
}

/// Takes a file apart into its `use` declarations and the rest.
fn read(path: &Name, tokens: &[Token]) -> Uses {
    let mut uses = Uses {
        inline: vec![Name::new()],
        ..Uses::default()
    };
    // The inline modules that are open: number, and the depth of braces outside.
    let mut open: Vec<(usize, usize)> = Vec::new();
    let (mut depth, mut at) = (0, 0);
    let text = |at: usize| tokens.get(at).map_or("", |token: &Token| &token.text);
    while at < tokens.len() {
        let inline = open.last().map_or(0, |(number, _)| *number);
        let module: Name = [&path[..], &uses.inline[inline]].concat();
        match text(at) {
            "use" if text(at + 1) != "<" => {
                let len = tokens[at..].iter().take_while(|token| token.text != ";");
                let len = len.count();
                for (names, alias) in use_tree(&tokens[at + 1..at + len]) {
                    bind(&mut uses, &module, path, &names, alias);
                }
                at += len + 1;
                continue;
            }
            "mod" if text(at + 2) == ";" => {
                at += 3;
                continue;
            }
            "mod" if text(at + 2) == "{" => {
                let mut name = uses.inline[inline].clone();
                name.push(text(at + 1).to_owned());
                uses.inline.push(name);
                open.push((uses.inline.len() - 1, depth));
            }
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                open.pop_if(|(_, outside)| *outside == depth);
            }
            _ => {}
        }
        uses.rest.push((tokens[at].clone(), inline));
        at += 1;
    }
    uses
}

fn bind(uses: &mut Uses, module: &Name, file: &Name, names: &[String], alias: Option<String>) {
    let to = match absolute(module, names) {
        Some(to) => to,
        // A name that an earlier `use` bound, else a module inside this one; a crate's name leads nowhere here.
        None => match names.split_first() {
            Some((first, rest)) if uses.names.contains_key(first) => {
                [&uses.names[first][..], rest].concat()
            }
            Some(_) => [&module[..], names].concat(),
            None => return,
        },
    };
    match to.last() {
        Some(last) if last == "*" => uses.globs.push(to[..to.len() - 1].to_vec()),
        Some(last) => {
            let bound = alias.unwrap_or_else(|| last.clone());
            // A name that an inline module binds is that module's own; what it leads to counts all the same.
            let bound = if module == file {
                bound
            } else {
                format!("{}::{bound}", module.join("::"))
            };
            uses.names.insert(bound, to);
        }
        None => {}
    }
}

/// The names of the path that begins here, as far as it goes without braces.
fn straight(tokens: &[&Token]) -> Name {
    let mut names = Name::new();
    let mut at = 0;
    while tokens.get(at).is_some_and(|token| is_name(&token.text)) {
        names.push(tokens[at].text.clone());
        let colon = |at: usize| tokens.get(at).is_some_and(|token| token.text == ":");
        if !(colon(at + 1) && colon(at + 2)) {
            break;
        }
        at += 3;
    }
    names
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// The paths of a use tree, its braces multiplied out, each with the name that `as` gives it. `*` is a name, `self` none.
fn use_tree(tokens: &[Token]) -> Vec<(Name, Option<String>)> {
    let mut names = Name::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            ":" => {}
            "{" => {
                let mut all = Vec::new();
                for branch in branches(&tokens[at + 1..]) {
                    for (rest, alias) in use_tree(branch) {
                        all.push(([&names[..], &rest].concat(), alias));
                    }
                }
                return all;
            }
            "as" => {
                let alias = tokens.get(at + 1).map(|token| token.text.clone());
                return vec![(names, alias)];
            }
            "self" if at == 0 && tokens.len() == 1 => {}
            "self" if at == 0 && tokens.get(1).is_some_and(|next| next.text == "as") => {}
            word if is_name(word) || word == "*" => names.push(word.to_owned()),
            _ => break,
        }
        at += 1;
    }
    vec![(names, None)]
}

/// What stands between the commas of a brace that has been opened.
fn branches(tokens: &[Token]) -> Vec<&[Token]> {
    let (mut depth, mut from, mut found) = (0, 0, Vec::new());
    for (at, token) in tokens.iter().enumerate() {
        match token.text.as_str() {
            "{" => depth += 1,
            "}" if depth == 0 => {
                if from < at {
                    found.push(&tokens[from..at]);
                }
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

/// A path that begins with `crate`, `self` or `super` as one from the root. `None`: it begins elsewhere.
fn absolute(module: &[String], names: &[String]) -> Option<Name> {
    let (first, rest) = names.split_first()?;
    let mut base = match first.as_str() {
        "crate" => Name::new(),
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
