//! What goes in comes out, for any table; and no blob, however damaged, makes the decoder panic.

use proptest::prelude::*;
use symtab::{LineRow, SymbolRow, Table, encode};

const BASE: u64 = 0xffff_ffff_8000_0000;

fn symbols() -> impl Strategy<Value = Vec<SymbolRow>> {
    let row = (
        0u64..1 << 20,
        "[a-z_:<>]{1,40}",
        prop::sample::select(b"tTdDbBrR".to_vec()),
    );
    prop::collection::vec(row, 1..120).prop_map(|mut rows| {
        rows.sort();
        rows.into_iter()
            .map(|(at, name, letter)| SymbolRow {
                address: BASE + at,
                letter,
                name,
            })
            .collect()
    })
}

fn lines() -> impl Strategy<Value = Vec<LineRow>> {
    prop::collection::vec((0u64..1 << 16, 0u32..3, 0u32..500), 0..400).prop_map(|mut rows| {
        rows.sort_unstable();
        rows.dedup_by_key(|row| row.0);
        rows.into_iter()
            .map(|(at, file, line)| LineRow {
                address: BASE + at,
                file,
                line,
            })
            .collect()
    })
}

fn files() -> Vec<String> {
    ["core/mm/src/fault.rs", "base/hal/src/lib.rs", ""]
        .map(str::to_owned)
        .to_vec()
}

proptest! {
    #[test]
    fn symbols_come_back(symbols in symbols()) {
        let blob = encode(BASE, &symbols, &[], &[]);
        let table = Table::new(&blob).unwrap();
        prop_assert_eq!(table.symbols().count(), symbols.len());
        for (got, put) in table.symbols().zip(&symbols) {
            prop_assert_eq!(got.address, put.address);
            prop_assert_eq!(got.letter, put.letter);
            prop_assert_eq!(got.name.to_string(), put.name.clone());
        }
        for probe in symbols.iter().flat_map(|row| [row.address, row.address + 1]) {
            let best = symbols.iter().rev().find(|row| row.address <= probe).unwrap().address;
            let place = table.find(probe).unwrap();
            prop_assert_eq!(place.symbol.address, best);
            prop_assert_eq!(place.offset, probe - best);
            let next = symbols.iter().find(|row| row.address > best).map_or(0, |row| row.address - best);
            prop_assert_eq!(place.size, next);
        }
    }

    #[test]
    fn lines_come_back(lines in lines()) {
        let blob = encode(BASE, &[], &lines, &files());
        let table = Table::new(&blob).unwrap();
        for probe in lines.iter().flat_map(|row| [row.address, row.address + 1, row.address.max(BASE + 1) - 1]) {
            let put = lines.iter().rev().find(|row| row.address <= probe).filter(|row| row.line > 0);
            let want = put.map(|row| (files()[row.file as usize].clone(), row.line));
            prop_assert_eq!(table.line(probe).map(|(file, line)| (file.to_owned(), line)), want);
        }
    }

    #[test]
    fn damage_never_panics(symbols in symbols(), lines in lines(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut blob = encode(BASE, &symbols, &lines, &files());
        let at = at.index(blob.len());
        blob[at] = byte;
        if let Some(table) = Table::new(&blob) {
            for probe in [0, 1, 77, 1 << 15, 1 << 20] {
                let _ = table.find(BASE + probe).map(|place| place.to_string());
                let _ = table.line(BASE + probe);
            }
            for symbol in table.symbols().take(500) {
                let _ = symbol.name.to_string();
            }
        }
        let _ = Table::new(&blob[..at]);
    }
}

#[test]
fn names_are_found_and_shown_as_in_an_oops() {
    let row = |at, name: &str| SymbolRow {
        address: BASE + at,
        letter: b'T',
        name: name.to_owned(),
    };
    let blob = encode(
        BASE,
        &[
            row(0, "_text"),
            row(0x100, "mm::fault::handle"),
            row(0x340, "next"),
        ],
        &[],
        &[],
    );
    let table = Table::new(&blob).unwrap();
    assert_eq!(table.address_of("mm::fault::handle"), Some(BASE + 0x100));
    assert_eq!(table.address_of("mm::fault"), None);
    assert_eq!(
        table.find(BASE + 0x112).unwrap().to_string(),
        "mm::fault::handle+0x12/0x240"
    );
    assert!(table.find(BASE - 1).is_none());
    assert!(Table::new(&[0; 100]).is_none());
}
