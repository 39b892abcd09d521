//! The second pass over a linked kernel: its symbols and its line table go into the room that the linker script left
//! (`.gaon_symtab`), in the form `pure/symtab` defines, and its symbols into a System.map.

use anyhow::{Context, Result, bail};
use gimli::{EndianSlice, LittleEndian};
use object::{Object, ObjectSection, ObjectSymbol, SectionKind, SymbolKind};
use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;
use symtab::{LineRow, SymbolRow};

/// The section in the image that takes the table.
const SECTION: &str = ".gaon_symtab";

/// What the pass found, for a word at the end of a build.
pub(crate) struct Summary {
    pub(crate) symbols: usize,
    pub(crate) lines: usize,
    pub(crate) bytes: usize,
}

/// Writes the table into the kernel at `image` and the map to `map`. `root` is left out of the names of source files.
pub(crate) fn embed(image: &Path, map: &Path, root: &Path) -> Result<Summary> {
    let mut data = std::fs::read(image).with_context(|| format!("{}", image.display()))?;
    let elf = object::File::parse(&*data).with_context(|| format!("{}", image.display()))?;
    let symbols = symbols(&elf);
    let base = symbols
        .iter()
        .find(|row| row.name == "_text")
        .context("the kernel has no symbol _text")?
        .address;
    let symbols: Vec<SymbolRow> = symbols
        .into_iter()
        .filter(|row| row.address >= base)
        .collect();
    let mut lines = Lines {
        base,
        root: root.to_string_lossy().into_owned(),
        ..Lines::default()
    };
    lines.collect(&elf)?;
    let blob = symtab::encode(base, &symbols, &lines.rows, &lines.files);
    let room = elf
        .section_by_name(SECTION)
        .with_context(|| format!("the kernel has no section {SECTION}"))?;
    let (offset, size) = room
        .file_range()
        .with_context(|| format!("{SECTION} holds no bytes"))?;
    if blob.len() as u64 > size {
        bail!(
            "{} bytes of symbols do not fit the {size} of {SECTION}: widen it in base/hal/link.ld",
            blob.len()
        );
    }
    let summary = Summary {
        symbols: symbols.len(),
        lines: lines.rows.len(),
        bytes: blob.len(),
    };
    let at = usize::try_from(offset)?;
    data[at..at + blob.len()].copy_from_slice(&blob);
    std::fs::write(image, &data).with_context(|| format!("{}", image.display()))?;
    let mut text = String::new();
    for row in &symbols {
        let _ = writeln!(
            text,
            "{:016x} {} {}",
            row.address,
            char::from(row.letter),
            row.name
        );
    }
    std::fs::write(map, text).with_context(|| format!("{}", map.display()))?;
    Ok(summary)
}

/// The symbols worth naming, by address; functions before marks at the same address.
fn symbols(elf: &object::File<'_>) -> Vec<SymbolRow> {
    let mut rows: Vec<(u64, bool, SymbolRow)> = Vec::new();
    for symbol in elf.symbols() {
        let (Ok(name), Some(section)) = (symbol.name(), symbol.section_index()) else {
            continue;
        };
        let Ok(section) = elf.section_by_index(section) else {
            continue;
        };
        let local_label = name.is_empty() || name.starts_with(".L") || name.starts_with("anon.");
        if local_label || matches!(symbol.kind(), SymbolKind::Section | SymbolKind::File) {
            continue;
        }
        let letter = match section.kind() {
            SectionKind::Text => b't',
            SectionKind::ReadOnlyData | SectionKind::ReadOnlyString | SectionKind::Note => b'r',
            SectionKind::UninitializedData => b'b',
            _ => b'd',
        };
        let letter = if symbol.is_global() {
            letter.to_ascii_uppercase()
        } else {
            letter
        };
        let row = SymbolRow {
            address: symbol.address(),
            letter,
            name: readable(name),
        };
        for alias in call_names(&row.name) {
            let row = SymbolRow {
                address: row.address,
                letter: b'T',
                name: alias,
            };
            rows.push((symbol.address(), true, row));
        }
        rows.push((symbol.address(), symbol.kind() != SymbolKind::Text, row));
    }
    rows.sort_by(|a, b| (a.0, a.1, &a.2.name).cmp(&(b.0, b.1, &b.2.name)));
    rows.dedup_by(|a, b| a.0 == b.0 && a.2.name == b.2.name);
    rows.into_iter().map(|(_, _, row)| row).collect()
}

/// Functions that Linux has under a second name beside `__x64_sys_NAME`.
const KSYS: [&str; 7] = [
    "read", "write", "lseek", "pread64", "pwrite64", "dup3", "setsid",
];

/// Functions that do what one of Linux' does, for all who call it: never inlined.
const SAME: [(&str, &str); 2] = [
    ("task::clone::clone", "kernel_clone"),
    ("syscall::fs::open_at", "do_sys_openat2"),
];

/// The names that a reader of Linux knows for a function: one of the system call table (`syscall::FAMILY::sys_NAME`), or of
/// [`SAME`].
fn call_names(name: &str) -> Vec<String> {
    if let Some((_, linux)) = SAME.iter().find(|(own, _)| *own == name) {
        return vec![(*linux).to_owned()];
    }
    let call = name
        .strip_prefix("syscall::")
        .and_then(|rest| rest.rsplit_once("::sys_"));
    let Some((_, call)) = call.filter(|(_, call)| !call.contains(':')) else {
        return Vec::new();
    };
    let mut names = vec![format!("__x64_sys_{call}")];
    if KSYS.contains(&call) {
        names.push(format!("ksys_{call}"));
    }
    names
}

/// The name a reader of the source knows, as one word.
fn readable(name: &str) -> String {
    let plain = format!("{:#}", rustc_demangle::demangle(name));
    plain.replace(" as ", "_as_").replace(' ', "")
}

/// The line tables of all units, as one.
#[derive(Default)]
struct Lines {
    base: u64,
    root: String,
    rows: Vec<LineRow>,
    files: Vec<String>,
    numbers: HashMap<String, u32>,
}

type Slice<'a> = EndianSlice<'a, LittleEndian>;

impl Lines {
    fn collect(&mut self, elf: &object::File<'_>) -> Result<()> {
        let load = |id: gimli::SectionId| -> Result<Slice<'_>, gimli::Error> {
            let data = elf
                .section_by_name(id.name())
                .and_then(|section| section.data().ok());
            Ok(EndianSlice::new(data.unwrap_or(&[]), LittleEndian))
        };
        let dwarf = gimli::Dwarf::load(load)?;
        let mut units = dwarf.units();
        while let Some(header) = units.next()? {
            let unit = dwarf.unit(header)?;
            self.unit(&dwarf, &unit)?;
        }
        // Ends of sequences (line 0) before the starts that stand at the same address.
        self.rows.sort_by_key(|row| (row.address, row.line != 0));
        Ok(())
    }

    fn unit(
        &mut self,
        dwarf: &gimli::Dwarf<Slice<'_>>,
        unit: &gimli::Unit<Slice<'_>>,
    ) -> Result<()> {
        let Some(program) = unit.line_program.clone() else {
            return Ok(());
        };
        let mut known: HashMap<u64, u32> = HashMap::new();
        let mut rows = program.rows();
        while let Some((header, row)) = rows.next_row()? {
            // Code that the linker dropped has its rows at address 0.
            if row.address() < self.base {
                continue;
            }
            let line = row
                .line()
                .map_or(0, |line| u32::try_from(line.get()).unwrap_or(0));
            let line = if row.end_sequence() { 0 } else { line };
            let file = match known.get(&row.file_index()) {
                Some(file) => *file,
                None => {
                    let path = row
                        .file(header)
                        .map(|file| path_of(dwarf, unit, header, file))
                        .transpose()?;
                    let number = self.number(&path.unwrap_or_default());
                    known.insert(row.file_index(), number);
                    number
                }
            };
            self.rows.push(LineRow {
                address: row.address(),
                file,
                line,
            });
        }
        Ok(())
    }

    fn number(&mut self, path: &str) -> u32 {
        let short = shorten(path, &self.root);
        if let Some(number) = self.numbers.get(&short) {
            return *number;
        }
        let number = self.files.len() as u32;
        self.files.push(short.clone());
        self.numbers.insert(short, number);
        number
    }
}

fn path_of(
    dwarf: &gimli::Dwarf<Slice<'_>>,
    unit: &gimli::Unit<Slice<'_>>,
    header: &gimli::LineProgramHeader<Slice<'_>>,
    file: &gimli::FileEntry<Slice<'_>>,
) -> Result<String> {
    let text = |value| -> Result<String> {
        Ok(dwarf
            .attr_string(unit, value)?
            .to_string_lossy()
            .into_owned())
    };
    let mut path = unit.comp_dir.map_or(String::new(), |folder| {
        folder.to_string_lossy().into_owned()
    });
    let mut join = |part: String| {
        if part.starts_with('/') {
            path = part;
        } else {
            path.push('/');
            path.push_str(&part);
        }
    };
    if let Some(folder) = file.directory(header)
        && file.directory_index() != 0
    {
        join(text(folder)?);
    }
    join(text(file.path_name())?);
    Ok(path)
}

/// A source file's name as someone in the tree would say it: ours relative to the root, others from their crate's name on.
fn shorten(path: &str, root: &str) -> String {
    if let Some(ours) = path
        .strip_prefix(root)
        .and_then(|rest| rest.strip_prefix('/'))
    {
        return ours.to_owned();
    }
    if let Some(at) = path.find("/registry/src/") {
        let rest = &path[at + "/registry/src/".len()..];
        return rest
            .split_once('/')
            .map_or(rest, |(_, rest)| rest)
            .to_owned();
    }
    if let Some((_, library)) = path.split_once("/library/") {
        return library.to_owned();
    }
    path.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_named_from_their_crate_on() {
        assert_eq!(
            shorten("/home/me/gaon/core/mm/src/lib.rs", "/home/me/gaon"),
            "core/mm/src/lib.rs"
        );
        assert_eq!(
            shorten("/x/registry/src/index-12/hashbrown-0.15.2/src/map.rs", "/r"),
            "hashbrown-0.15.2/src/map.rs"
        );
        assert_eq!(
            shorten("/rustc/abc/library/core/src/fmt/mod.rs", "/r"),
            "core/src/fmt/mod.rs"
        );
    }

    #[test]
    fn functions_have_the_names_that_linux_has() {
        let names = ["__x64_sys_read", "ksys_read"];
        assert_eq!(call_names("syscall::fdio::sys_read"), names);
        assert_eq!(call_names("task::clone::clone"), ["kernel_clone"]);
        assert!(call_names("task::clone::clone::{{closure}}").is_empty());
    }

    #[test]
    fn names_are_one_word() {
        assert_eq!(
            readable("_ZN4core3fmt5write17h01e0d8df5a4ecdd9E"),
            "core::fmt::write"
        );
        assert_eq!(readable("__x64_sys_read"), "__x64_sys_read");
        let method = "_ZN41_$LT$x..Y$u20$as$u20$core..fmt..Debug$GT$3fmt17h0123456789abcdefE";
        assert_eq!(readable(method), "<x::Y_as_core::fmt::Debug>::fmt");
    }
}
