//! `gaon module check`: what would stop a module from loading, found without booting.

use crate::verb::build;
use anyhow::{Context, Result};
use kmod::{Defect, Home, Layout, ModuleFile, Place, RelocError, relocate};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Where modules lie, and some place of the kernel's.
const MODULES: u64 = 0xffff_ffff_a000_0000;
const KERNEL: u64 = 0xffff_ffff_8100_0000;

/// Exported symbols, and whether they are for GPL-compatible modules only.
type Exports = HashMap<Vec<u8>, bool>;

pub(super) fn run(files: &[PathBuf]) -> Result<u8> {
    let kdir = build::module_folder()?;
    let mut exports = kernel_exports(&kdir)?;
    let release = std::fs::read_to_string(kdir.join("include/config/kernel.release"))?;
    let vermagic = format!("{} SMP preempt mod_unload ", release.trim());
    let mut failed = false;
    for path in files {
        let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
        let complaints = judge(&bytes, &exports, &vermagic);
        let name = path.display();
        for complaint in &complaints {
            println!("{name}: {complaint}");
        }
        if complaints.is_empty() {
            println!("{name}: would load");
        }
        failed |= !complaints.is_empty();
        if let Ok(file) = ModuleFile::parse(&bytes) {
            add_exports(&file, &mut exports);
        }
    }
    Ok(u8::from(failed))
}

/// What `Module.symvers` lists.
fn kernel_exports(kdir: &Path) -> Result<Exports> {
    let text = std::fs::read_to_string(kdir.join("Module.symvers"))?;
    let line = |line: &str| {
        let mut fields = line.split('\t').skip(1);
        let name = fields.next()?.as_bytes().to_vec();
        Some((name, fields.nth(1)?.ends_with("_GPL")))
    };
    Ok(text.lines().filter_map(line).collect())
}

/// What a module exports: Kbuild's entries are named after the symbols.
fn add_exports(file: &ModuleFile<'_>, exports: &mut Exports) {
    for symbol in file.symbols().iter() {
        for (prefix, gpl) in [(&b"__ksymtab_plain_"[..], false), (b"__ksymtab_gpl_", true)] {
            if let Some(name) = symbol.name.strip_prefix(prefix) {
                exports.insert(name.to_vec(), gpl);
            }
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// All that is wrong.
fn judge(bytes: &[u8], exports: &Exports, vermagic: &str) -> Vec<String> {
    let file = match ModuleFile::parse(bytes) {
        Ok(file) => file,
        Err(defect) => return vec![defect_text(defect)],
    };
    let mut all = Vec::new();
    let info = file.info();
    if info.get(b"name").is_none_or(<[u8]>::is_empty) {
        all.push(".modinfo gives no name".to_owned());
    }
    let magic = info.get(b"vermagic").map(text).unwrap_or_default();
    if magic != vermagic {
        all.push(format!(
            "version magic '{magic}' should be '{vermagic}': it was built for another kernel"
        ));
    }
    for symbol in file.symbols().iter() {
        let name = text(symbol.name);
        match symbol.home {
            Home::Common => all.push(format!(
                "{name} is a common symbol: compile with -fno-common"
            )),
            Home::Undefined if symbol.name.is_empty() => {}
            Home::Undefined => match exports.get(symbol.name) {
                None if !symbol.weak => all.push(format!("Unknown symbol {name}")),
                Some(true) if !info.gpl_compatible() => {
                    all.push(format!(
                        "{name} is for modules with a GPL-compatible licence only"
                    ));
                }
                _ => {}
            },
            _ => {}
        }
    }
    match Layout::new(&file) {
        Ok(layout) => check_relocations(&file, &layout, &mut all),
        Err(defect) => all.push(defect_text(defect)),
    }
    all
}

fn defect_text(defect: Defect) -> String {
    match defect {
        Defect::Stripped => "it has no symbols (stripped?)".to_owned(),
        Defect::ThisModule => {
            "it has no .gnu.linkonce.this_module: link it by make -C KDIR".to_owned()
        }
        Defect::NotRelocatable => "it is no relocatable object for x86-64".to_owned(),
        other => format!("it is no module: {other:?}"),
    }
}

/// Relocates as the kernel would, at addresses like those that it would choose.
fn check_relocations(file: &ModuleFile<'_>, layout: &Layout, all: &mut Vec<String>) {
    if layout.per_cpu().0 != 0 {
        all.push("it has per-CPU variables of its own, which are not supported".to_owned());
    }
    let starts = layout.parts(MODULES).map(|part| part.start);
    let address = |section: usize| match layout.of(section) {
        Place::At(part, offset) => Some(starts[part as usize] + offset),
        Place::None | Place::PerCpu(_) => None,
    };
    let value = |number: u32| {
        let symbol = file.symbols().get(number as usize)?;
        Some(match symbol.home {
            Home::Absolute => symbol.value,
            Home::Section(section) => address(section).unwrap_or(0).wrapping_add(symbol.value),
            Home::Common | Home::Undefined => KERNEL,
        })
    };
    let sections = file.sections();
    for (relocations, target) in file.relocations() {
        let (Some(base), Some(section)) = (address(target), sections.get(target)) else {
            continue;
        };
        let (Ok(entries), Ok(content)) = (sections.bytes(&relocations), sections.bytes(&section))
        else {
            continue;
        };
        let mut bytes = content.to_vec();
        if let Err(error) = relocate(entries, &mut bytes, base, &value) {
            let name = sections.name(&section).map(text).unwrap_or_default();
            all.push(format!("{name}: {}", relocation_text(&error)));
        }
    }
}

fn relocation_text(error: &RelocError) -> String {
    match error {
        RelocError::Overflow { kind, .. } => format!("overflow in relocation type {kind}"),
        RelocError::Type(kind) => format!("unknown relocation type {kind}"),
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_module_is_told() {
        let said = judge(b"no elf", &Exports::new(), "");
        assert_eq!(said.len(), 1);
        assert!(said[0].starts_with("it is no "), "{said:?}");
    }
}
