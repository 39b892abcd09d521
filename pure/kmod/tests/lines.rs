//! Source lines as binutils' addr2line finds them, for each version of DWARF that the C compiler writes; then garbled ones.
use elf::{Header, Sections};
use kmod::Lines;
use proptest::prelude::*;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

const HEADER: &str =
    "static inline int twice(int n)\n{\n\tif (n > 7)\n\t\treturn 7;\n\treturn n + n;\n}\n";
const SOURCE: &str = r#"#include "below/twice.h"
int number;
__attribute__((noinline)) int first(int n)
{
	number += twice(n);
	return number;
}

#line 7000 "elsewhere.c"
__attribute__((section(".text.second"))) int second(int n)
{
	return first(n) / twice(n - 1);
}
"#;

fn run(command: &mut Command) -> String {
    let output = command.output().expect("binutils and gcc are there");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text")
}

/// A linked program, so that nothing is left to relocate.
fn program(folder: &Path, version: u32) -> Vec<u8> {
    std::fs::create_dir_all(folder.join("below")).expect("writable");
    std::fs::write(folder.join("below/twice.h"), HEADER).expect("writable");
    std::fs::write(folder.join("source.c"), SOURCE).expect("writable");
    let version = format!("-gdwarf-{version}");
    run(Command::new("gcc").current_dir(folder).args([
        "-O2",
        &version,
        "-nostdlib",
        "-static",
        "-fno-asynchronous-unwind-tables",
        "-Wl,-Ttext=0x12340000,-esecond",
        "-oprogram",
        "source.c",
    ]));
    std::fs::read(folder.join("program")).expect("made")
}

fn section<'a>(file: &'a [u8], name: &[u8]) -> (u64, &'a [u8]) {
    let header = Header::parse(file).expect("an ELF file");
    let sections = Sections::new(file, &header).expect("has sections");
    let found = sections
        .iter()
        .find(|section| sections.name(section) == Ok(name));
    found.map_or((0, &[][..]), |section| {
        (section.addr, sections.bytes(&section).expect("whole"))
    })
}

#[test]
fn lines_are_those_that_addr2line_finds() {
    let folder = tempfile::tempdir().expect("room");
    for version in 2..=5 {
        let file = program(folder.path(), version);
        let (_, programs) = section(&file, b".debug_line");
        let (_, strings) = section(&file, b".debug_line_str");
        let (text, code) = section(&file, b".text");
        let lines = Lines::new(programs, strings);
        let addresses: Vec<u64> = (text..text + code.len() as u64).collect();
        let mut command = Command::new("addr2line");
        command.current_dir(folder.path()).args(["-e", "program"]);
        command.args(addresses.iter().map(|address| format!("{address:#x}")));
        let (mut all, mut own) = (String::new(), String::new());
        for (address, wanted) in addresses.iter().zip(run(&mut command).lines()) {
            // It may say more: which of several blocks of a line.
            let wanted = wanted.split(" (").next().unwrap_or_default();
            let wanted = wanted.rsplit('/').next().unwrap_or_default();
            // Between functions it names the file, without a line.
            let wanted = if wanted.ends_with(":?") {
                "??:?"
            } else {
                wanted
            };
            let found = lines.find(*address);
            let found = found.map_or("??:?".into(), |at| format!("{at}:{}", at.line));
            let found = found.rsplit('/').next().unwrap_or_default().to_owned();
            let _ = writeln!(all, "{address:#x} {wanted}");
            let _ = writeln!(own, "{address:#x} {found}");
        }
        assert_eq!(own, all, "version {version}");
        for line in ["source.c:5\n", "twice.h:5\n", "elsewhere.c:7002\n"] {
            assert!(own.contains(line), "version {version}: {own}");
        }
        assert!(lines.find(text - 1).is_none() && lines.find(0).is_none());
    }
}

#[test]
fn folders_are_shown() {
    let folder = tempfile::tempdir().expect("room");
    for (version, wanted) in [(4, "below/twice.h"), (5, "below/twice.h")] {
        let file = program(folder.path(), version);
        let lines = Lines::new(
            section(&file, b".debug_line").1,
            section(&file, b".debug_line_str").1,
        );
        let (text, code) = section(&file, b".text");
        let mut found = (text..text + code.len() as u64).filter_map(|at| lines.find(at));
        assert!(found.any(|at| at.to_string() == wanted));
    }
}

#[test]
fn nothing_is_found_in_nothing() {
    assert!(Lines::default().find(0x1000).is_none());
    assert!(Lines::new(&[0xff; 64], &[]).find(0x1000).is_none());
    assert!(Lines::new(&[0; 64], &[]).find(0x1000).is_none());
}

/// The two sections of a program.
static SECTIONS: LazyLock<(Vec<u8>, Vec<u8>)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("room");
    let file = program(folder.path(), 5);
    (
        section(&file, b".debug_line").1.to_vec(),
        section(&file, b".debug_line_str").1.to_vec(),
    )
});

proptest! {
    /// Any change costs the line at most, and ends.
    #[test]
    fn garbled_tables_do_no_harm(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
        cuts in any::<bool>(),
    ) {
        let (mut programs, strings) = SECTIONS.clone();
        for (at, byte) in changes {
            let at = at.index(programs.len());
            programs[at] = byte;
        }
        if cuts {
            programs.truncate(cut.index(programs.len()));
        }
        let lines = Lines::new(&programs, &strings);
        for address in (0..0x4000_0000).step_by(0x1234_0000) {
            if let Some(found) = lines.find(address) {
                prop_assert!(found.to_string().len() < 4096);
            }
        }
    }

    #[test]
    fn noise_does_no_harm(programs in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Lines::new(&programs, &programs).find(0x1234);
    }
}
