//! A module compiled by the C compiler, loaded; then each way to be no module. `garbled_tests.rs` garbles it.
extern crate std;

use super::*;
use std::process::Command;
use std::vec;
use std::vec::Vec;

const SOURCE: &str = r#"
extern int printed(const char *, ...);
int number = 7;
static int *pointer = &number;
static const char text[] = "hello";
const char *words[] = { text, "world" };
static char room[100];
__attribute__((section(".init.text"))) int init_module(void) { return printed(words[0], pointer, room); }
void cleanup_module(void) { number = 0; }
__attribute__((used, section(".modinfo"))) static const char licence[] = "license=GPL";
__attribute__((used, section(".modinfo"))) static const char depends[] = "depends=a,b";
struct module { char name[56]; int (*init)(void); void (*exit)(void); };
__attribute__((section(".gnu.linkonce.this_module"))) struct module this_module = { "hello", init_module, cleanup_module };
"#;

/// A module as the compiler makes it.
pub(super) fn object() -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let (source, object) = (dir.path().join("m.c"), dir.path().join("m.o"));
    std::fs::write(&source, SOURCE).unwrap();
    let status = Command::new("gcc")
        .args([
            "-c",
            "-O2",
            "-mcmodel=kernel",
            "-fno-pie",
            "-mno-red-zone",
            "-fno-common",
        ])
        .args([
            "-fno-asynchronous-unwind-tables",
            "-fcf-protection=none",
            "-o",
        ])
        .args([&object, &source])
        .status()
        .unwrap();
    assert!(status.success());
    std::fs::read(object).unwrap()
}

pub(super) const BASE: u64 = 0xffff_ffff_a000_0000;

/// What became of a file that is no good, or how far it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is no module.
    NoModule(Defect),
    /// Its sections have no place.
    NoPlace(Defect),
    /// It is larger than a test has memory for.
    Large,
    /// A relocation can't be done.
    Unrelocated(RelocError),
}

/// Does all that `service/module` does with a file, with every outside symbol at `outside`: reads it, places its sections,
/// copies and relocates them, and reads what it says of itself; the parts' bytes.
pub(super) fn load(bytes: &[u8], outside: u64) -> Result<Vec<Vec<u8>>, Fate> {
    let file = ModuleFile::parse(bytes).map_err(Fate::NoModule)?;
    let layout = Layout::new(&file).map_err(Fate::NoPlace)?;
    if PARTS.iter().any(|part| layout.size(*part) > 1 << 20) {
        return Err(Fate::Large);
    }
    let sections = file.sections();
    let bases = layout.parts(BASE).map(|part| part.start);
    let mut parts: Vec<Vec<u8>> = PARTS
        .iter()
        .map(|part| std::vec![0; layout.size(*part) as usize])
        .collect();
    for (index, section) in sections.iter().enumerate() {
        if let Place::At(part, offset) = layout.of(index) {
            let bytes = sections.bytes(&section).unwrap();
            parts[part as usize][offset as usize..][..bytes.len()].copy_from_slice(bytes);
        }
    }
    let address = |index: usize| match layout.of(index) {
        Place::At(part, offset) => Some(bases[part as usize] + offset),
        _ => None,
    };
    let value_of = |number: u32| {
        let symbol = file.symbols().get(number as usize)?;
        match symbol.home {
            Home::Undefined => Some(outside),
            Home::Absolute => Some(symbol.value),
            Home::Section(index) => Some(address(index)?.wrapping_add(symbol.value)),
            Home::Common => None,
        }
    };
    for (relocations, target) in file.relocations() {
        let Place::At(part, offset) = layout.of(target) else {
            continue;
        };
        let size = sections.get(target).unwrap().size as usize;
        let bytes = &mut parts[part as usize][offset as usize..][..size];
        let entries = sections.bytes(&relocations).unwrap();
        let at = address(target).unwrap();
        relocate(entries, bytes, at, &value_of).map_err(Fate::Unrelocated)?;
    }
    // What is read when it is in place can be anything by now, and is.
    assert!(file.info().iter().count() <= bytes.len());
    assert!(file.info().depends().count() <= bytes.len());
    assert!(matches!(
        layout.of(file.this_module()),
        Place::At(..) | Place::PerCpu(_)
    ));
    Ok(parts)
}

#[test]
fn a_compiled_module_loads() {
    let bytes = object();
    let file = ModuleFile::parse(&bytes).unwrap();
    assert!(file.info().gpl_compatible());
    assert!(file.info().depends().eq([&b"a"[..], b"b"]));
    let parts = load(&bytes, BASE + 0x10_0000).unwrap();
    let layout = Layout::new(&file).unwrap();
    assert!(layout.used(Part::InitText) > 0 && layout.used(Part::Data) > 100);
    // The record points at init, which is in the init part.
    let Place::At(part, offset) = layout.of(file.this_module()) else {
        panic!("the record has no place");
    };
    let record = &parts[part as usize][offset as usize..];
    let init = u64::from_le_bytes(record[56..64].try_into().unwrap());
    let start: u64 = BASE
        + [Part::Text, Part::Rodata, Part::Data]
            .map(|p| layout.size(p))
            .iter()
            .sum::<u64>();
    assert_eq!(init, start);
}

#[test]
fn a_symbol_out_of_reach_is_named() {
    let bytes = object();
    let file = ModuleFile::parse(&bytes).unwrap();
    let far = load(&bytes, 0x1000_0000_0000);
    let Err(Fate::Unrelocated(RelocError::Overflow { symbol, .. })) = far else {
        panic!("a call cannot reach that far");
    };
    assert_eq!(
        file.symbols().get(symbol as usize).unwrap().name,
        b"printed"
    );
}

#[test]
fn a_second_relocation_is_refused() {
    let mut target = [0u8; 8];
    let mut entry = [0u8; 24];
    entry[8] = 1;
    relocate(&entry, &mut target, BASE, &|_| Some(5)).unwrap();
    assert_eq!(target, 5u64.to_le_bytes());
    let again = relocate(&entry, &mut target, BASE, &|_| Some(5));
    assert_eq!(again, Err(RelocError::Nonzero { offset: 0 }));
}

/// What becomes of an instruction that reaches `BASE + 0x100` through a table, standing at `BASE`; its displacement is at
/// `offset`.
fn past_table(code: &[u8], offset: u8) -> Result<Vec<u8>, RelocError> {
    let mut code = code.to_vec();
    let mut entry = [0u8; 24];
    entry[0] = offset;
    entry[8] = 9;
    entry[16..].copy_from_slice(&(-4i64).to_le_bytes());
    relocate(&entry, &mut code, BASE, &|_| Some(BASE + 0x100))?;
    Ok(code)
}

#[test]
fn calls_through_a_table_become_direct() {
    // call: addr32 call, which ends at 6
    let call = past_table(&[0xff, 0x15, 0, 0, 0, 0], 2);
    assert_eq!(call, Ok(vec![0x67, 0xe8, 0xfa, 0, 0, 0]));
    // jmp, which ends at 5, and a nop
    let jump = past_table(&[0xff, 0x25, 0, 0, 0, 0], 2);
    assert_eq!(jump, Ok(vec![0xe9, 0xfb, 0, 0, 0, 0x90]));
    // mov to r9: lea
    let load = past_table(&[0x4c, 0x8b, 0x0d, 0, 0, 0, 0], 3);
    assert_eq!(load, Ok(vec![0x4c, 0x8d, 0x0d, 0xf9, 0, 0, 0]));
    for (code, offset) in [
        (&[0x90, 0x8b, 0x0d, 0, 0, 0, 0][..], 3), // 32 bits of an address
        (&[0x48, 0x8b, 0x4d, 0, 0, 0, 0], 3),     // relative to another register
        (&[0x48, 0x3b, 0x0d, 0, 0, 0, 0], 3),     // compares
        (&[0xff, 0x15, 1, 0, 0, 0], 2),           // has a displacement
        (&[0xff, 0x15, 0, 0, 0], 2),              // is cut off
        (&[0, 0, 0, 0], 0),
    ] {
        assert_eq!(
            past_table(code, offset),
            Err(RelocError::Type(9)),
            "{code:x?}"
        );
    }
}

#[test]
fn what_is_no_module_is_refused() {
    let bytes = object();
    assert!(matches!(ModuleFile::parse(b"no"), Err(Defect::Elf(_))));
    for end in 0..bytes.len() {
        assert!(ModuleFile::parse(&bytes[..end]).is_err(), "cut at {end}");
    }
    let mut program = bytes.clone();
    program[16] = 2;
    assert_eq!(
        ModuleFile::parse(&program).err(),
        Some(Defect::NotRelocatable)
    );
}

#[test]
fn parameters() {
    let args = |line: &'static str| -> Vec<(&str, Option<&str>)> {
        let text = |bytes| std::str::from_utf8(bytes).unwrap();
        Args::new(line.as_bytes())
            .map(|arg| (text(arg.name), arg.value.map(text)))
            .collect()
    };
    assert_eq!(args(" a=1  b \n"), [("a", Some("1")), ("b", None)]);
    assert_eq!(args("a=\"x y\" c="), [("a", Some("x y")), ("c", Some(""))]);
    assert_eq!(args("\"a=x y\" z"), [("a", Some("x y")), ("z", None)]);
    assert_eq!(args("a=1 -- b=2"), [("a", Some("1"))]);
    assert!(
        Arg {
            name: b"my-name",
            value: None
        }
        .is(b"my_name")
    );
}

#[test]
fn a_file_without_modinfo_is_a_module() {
    let mut bytes = object();
    let at = section_header(&bytes, b".modinfo");
    bytes[at..at + 4].fill(0);
    let file = ModuleFile::parse(&bytes).unwrap();
    assert!(!file.info().gpl_compatible() && file.info().iter().next().is_none());
}

#[test]
fn a_symbol_stands_in_a_section_that_there_is() {
    let mut bytes = object();
    let table = section_header(&bytes, b".symtab");
    let at = u64::from_le_bytes(bytes[table + 24..][..8].try_into().unwrap()) as usize;
    bytes[at + 24 + 6..][..2].copy_from_slice(&0xfe00_u16.to_le_bytes());
    assert_eq!(ModuleFile::parse(&bytes).err(), Some(Defect::Symbols));
}

/// Where the header of a section stands.
fn section_header(bytes: &[u8], name: &[u8]) -> usize {
    let file = ModuleFile::parse(bytes).unwrap();
    let (number, _) = file.find(name).unwrap();
    let start = u64::from_le_bytes(bytes[40..48].try_into().unwrap());
    start as usize + 64 * number
}
