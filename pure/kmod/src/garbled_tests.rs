//! Garbled modules: a compiled one with anything in the place of anything goes all the way that a module goes, and ends in an
//! error or in memory, never in a panic. One test says how deep they come.
extern crate std;

use super::tests::{BASE, Fate, load, object};
use super::*;
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::vec::Vec;

/// The module that is garbled.
fn original() -> &'static [u8] {
    static OBJECT: OnceLock<Vec<u8>> = OnceLock::new();
    OBJECT.get_or_init(object)
}

/// A table of the file: where it begins, how many entries it has, and their fields: offset and width.
struct Table {
    start: usize,
    count: usize,
    size: usize,
    fields: &'static [(usize, usize)],
}

/// Type, machine, version, entry, tables, flags, sizes and counts.
const HEADER: &[(usize, usize)] = &[
    (0, 4),
    (4, 1),
    (5, 1),
    (6, 1),
    (16, 2),
    (18, 2),
    (20, 4),
    (40, 8),
    (52, 2),
    (58, 2),
    (60, 2),
    (62, 2),
];
/// Name, type, flags, address, offset, size, link, info, alignment, size of an entry.
const SECTION: &[(usize, usize)] = &[
    (0, 4),
    (4, 4),
    (8, 8),
    (16, 8),
    (24, 8),
    (32, 8),
    (40, 4),
    (44, 4),
    (48, 8),
    (56, 8),
];
/// Name, kind, visibility, section, value, size.
const SYMBOL: &[(usize, usize)] = &[(0, 4), (4, 1), (5, 1), (6, 2), (8, 8), (16, 8)];
/// Offset, type, symbol, addend.
const RELOCATION: &[(usize, usize)] = &[(0, 8), (8, 4), (12, 4), (16, 8)];

fn tables() -> Vec<Table> {
    let bytes = original();
    let file = ModuleFile::parse(bytes).unwrap();
    let at = u64::from_le_bytes(bytes[40..48].try_into().unwrap()) as usize;
    let table = |start: usize, len: usize, size: usize, fields| Table {
        start,
        count: len / size,
        size,
        fields,
    };
    let mut all = std::vec![
        table(0, 64, 64, HEADER),
        table(at, 64 * file.sections().len(), 64, SECTION),
    ];
    for section in file.sections().iter() {
        let (start, len) = (section.offset as usize, section.size as usize);
        match section.kind {
            2 => all.push(table(start, len, 24, SYMBOL)),
            4 => all.push(table(start, len, 24, RELOCATION)),
            // Names, what the module says of itself, its record, text and data.
            1 | 3 if len != 0 => all.push(table(start, len, 1, &[(0, 1)])),
            _ => {}
        }
    }
    all
}

/// Writes a value to a field of an entry of a table.
fn change(bytes: &mut [u8], all: &[Table], pick: impl Fn(usize, usize) -> usize, value: u64) {
    let table = &all[pick(0, all.len())];
    let (at, wide) = table.fields[pick(1, table.fields.len())];
    let at = table.start + table.size * pick(2, table.count) + at;
    bytes[at..at + wide].copy_from_slice(&value.to_le_bytes()[..wide]);
}

/// What is often a limit, and what is none.
fn values() -> impl Strategy<Value = u64> {
    prop_oneof![
        any::<u64>(),
        0..64_u64,
        0..100_000_u64,
        (0..64_u32).prop_map(|bit| 1 << bit),
        (0..64_u64).prop_map(|less| u64::MAX - less),
    ]
}

proptest! {
    #[test]
    fn relocations_stay_inside(
        entries in proptest::collection::vec(any::<u8>(), 0..24 * 12),
        small in proptest::collection::vec((0..40_u64, 0..30_u32, 0..4_u32), 0..12),
        size in 0..64_usize,
    ) {
        // What is not zero may not be written: all that is written was inside and free.
        let mut target = std::vec![0; size];
        let _ = relocate(&entries, &mut target, BASE, &|number| Some(number.into()));
        let mut target = std::vec![0; size];
        let mut table = Vec::new();
        for (offset, kind, symbol) in &small {
            table.extend(offset.to_le_bytes());
            table.extend((u64::from(*symbol) << 32 | u64::from(*kind)).to_le_bytes());
            table.extend(1_u64.to_le_bytes());
        }
        let known = |number: u32| (number < 3).then_some(BASE + u64::from(number));
        if relocate(&table, &mut target, BASE, &known).is_ok() {
            for (offset, kind, symbol) in small {
                prop_assert!(kind == 0 || symbol < 3 && offset + 4 <= size as u64);
            }
        }
    }

    #[test]
    fn texts_of_any_kind_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for arg in Args::new(&bytes) {
            prop_assert!(arg.name.len() + arg.value.map_or(0, <[u8]>::len) <= bytes.len());
        }
        let (module, message) = split_signature(&bytes);
        prop_assert!(module.len() <= bytes.len() && message.is_ok_and(|m| m.is_none()));
    }

    #[test]
    fn anything_in_any_field_is_judged(
        changes in proptest::collection::vec((any::<[Index; 3]>(), values()), 1..4),
    ) {
        let mut bytes = original().to_vec();
        let all = tables();
        for (indices, value) in changes {
            change(&mut bytes, &all, |which, count| indices[which].index(count), value);
        }
        let _ = load(&bytes, BASE + 0x10_0000);
    }

    #[test]
    fn garbled_files_never_panic(
        changes in proptest::collection::vec((any::<Index>(), any::<u8>()), 1..20),
        cut in any::<Index>(),
    ) {
        let mut bytes = original().to_vec();
        let length = bytes.len();
        for (index, value) in changes {
            bytes[index.index(length)] = value;
        }
        let _ = load(&bytes, BASE + 0x10_0000);
        let _ = load(&bytes[..cut.index(length)], BASE + 0x10_0000);
    }
}

/// What became of it, in a word.
fn word(fate: Result<(), Fate>) -> &'static str {
    match fate {
        Ok(()) => "loaded",
        Err(Fate::Large) => "large",
        Err(Fate::NoModule(Defect::Elf(_))) => "no ELF",
        Err(Fate::NoModule(Defect::NotRelocatable)) => "not relocatable",
        Err(Fate::NoModule(Defect::Section)) => "a section",
        Err(Fate::NoModule(Defect::Stripped)) => "stripped",
        Err(Fate::NoModule(Defect::Symbols)) => "symbols",
        Err(Fate::NoModule(Defect::ThisModule)) => "no record",
        Err(Fate::NoModule(Defect::ModInfo)) => "modinfo",
        Err(Fate::NoModule(_)) => "another defect",
        Err(Fate::NoPlace(_)) => "no place",
        Err(Fate::Unrelocated(RelocError::Outside { .. })) => "relocated outside",
        Err(Fate::Unrelocated(RelocError::Symbol(_))) => "relocated by no symbol",
        Err(Fate::Unrelocated(RelocError::Type(_))) => "relocated in no way",
        Err(Fate::Unrelocated(RelocError::Overflow { .. })) => "relocated too far",
        Err(Fate::Unrelocated(RelocError::Nonzero { .. })) => "relocated twice",
    }
}

/// The same changes in every run: enough of them come all the way, and there is no end that none of them meets.
#[test]
fn garbled_modules_come_to_every_end() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let all = tables();
    let mut ends: BTreeMap<&str, usize> = BTreeMap::new();
    const TRIES: usize = 100_000;
    for _ in 0..TRIES {
        let mut bytes = original().to_vec();
        for _ in 0..=next() % 3 {
            let picks = [next(), next(), next()];
            let value = match next() % 4 {
                0 => next(),
                1 => next() % 64,
                2 => next() % (1 << 17),
                _ => 1 << (next() % 64),
            };
            let pick = |which: usize, count: usize| (picks[which] % count as u64) as usize;
            change(&mut bytes, &all, pick, value);
        }
        let fate = load(&bytes, BASE + 0x10_0000).map(drop);
        *ends.entry(word(fate)).or_default() += 1;
    }
    for end in [
        "no ELF",
        "not relocatable",
        "a section",
        "stripped",
        "symbols",
        "no record",
        "modinfo",
        "no place",
        "relocated outside",
        "relocated by no symbol",
        "relocated in no way",
        "relocated too far",
        "relocated twice",
    ] {
        assert!(ends.contains_key(end), "none is {end}: {ends:?}");
    }
    assert!(ends["loaded"] > TRIES / 10, "{ends:?}");
}
