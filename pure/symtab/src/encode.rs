//! The encoder. Host only: it allocates as it likes.

extern crate std;

use crate::{HEADER, LINES, MAGIC, SYMBOLS};
use std::collections::HashMap;
use std::string::{String, ToString};
use std::vec::Vec;

/// Longest name kept; what is longer is cut.
const MAX_NAME: usize = 200;

/// One symbol to encode.
#[derive(Clone, Debug)]
pub struct SymbolRow {
    pub address: u64,
    pub letter: u8,
    /// ASCII without white space.
    pub name: String,
}

/// From `address` on the source is `file` (a number) and `line`; line 0: no source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LineRow {
    pub address: u64,
    pub file: u32,
    pub line: u32,
}

/// Encodes symbols and lines, both sorted by address, none below `base` or 4 GiB above it.
#[must_use]
pub fn encode(base: u64, symbols: &[SymbolRow], lines: &[LineRow], files: &[String]) -> Vec<u8> {
    let names: Vec<Vec<u8>> = symbols.iter().map(|row| clip(&row.name)).collect();
    let (tokens, packed) = compress(names);
    let (mut symbol_index, mut symbol_stream) = (Vec::new(), Vec::new());
    let mut before = 0;
    for (number, (row, packed)) in symbols.iter().zip(&packed).enumerate() {
        let distance = row.address - base;
        if number % SYMBOLS == 0 {
            index(&mut symbol_index, distance, symbol_stream.len());
            before = distance;
        }
        uleb(&mut symbol_stream, distance - before);
        before = distance;
        symbol_stream.extend_from_slice(&[row.letter, packed.len() as u8]);
        symbol_stream.extend_from_slice(packed);
    }
    let (line_index, line_stream) = line_table(base, &merge(lines));
    assemble(
        base,
        &[
            &symbol_index,
            &symbol_stream,
            &line_index,
            &line_stream,
            &texts32(files),
            &texts16(&tokens),
        ],
        [symbols.len(), line_index.len() / 8, files.len()],
    )
}

fn assemble(
    base: u64,
    parts: &[&Vec<u8>; 6],
    [symbols, line_blocks, files]: [usize; 3],
) -> Vec<u8> {
    let total = HEADER + parts.iter().map(|part| part.len()).sum::<usize>();
    let mut blob = MAGIC.to_vec();
    blob.extend_from_slice(&(total as u32).to_le_bytes());
    blob.extend_from_slice(&base.to_le_bytes());
    blob.extend_from_slice(&(symbols as u32).to_le_bytes());
    let mut at = HEADER;
    for part in parts {
        blob.extend_from_slice(&(at as u32).to_le_bytes());
        at += part.len();
    }
    blob.extend_from_slice(&(line_blocks as u32).to_le_bytes());
    blob.extend_from_slice(&(files as u32).to_le_bytes());
    parts.iter().for_each(|part| blob.extend_from_slice(part));
    blob
}

fn line_table(base: u64, rows: &[LineRow]) -> (Vec<u8>, Vec<u8>) {
    let (mut line_index, mut stream) = (Vec::new(), Vec::new());
    let (mut before, mut file) = (0, 0);
    for (number, row) in rows.iter().enumerate() {
        let distance = row.address - base;
        let first = number % LINES == 0;
        if first {
            index(&mut line_index, distance, stream.len());
            before = distance;
        }
        let change = first || row.file != file;
        uleb(&mut stream, ((distance - before) << 1) | u64::from(change));
        if change {
            uleb(&mut stream, u64::from(row.file));
        }
        uleb(&mut stream, u64::from(row.line));
        (before, file) = (distance, row.file);
    }
    (line_index, stream)
}

/// Rows that say nothing new left out; of several at one address the last counts.
fn merge(rows: &[LineRow]) -> Vec<LineRow> {
    let mut merged: Vec<LineRow> = Vec::with_capacity(rows.len());
    for row in rows {
        if merged
            .last()
            .is_some_and(|last| last.address == row.address)
        {
            merged.pop();
        }
        let same =
            |last: &LineRow| last.line == row.line && (last.file == row.file || row.line == 0);
        if !merged.last().is_some_and(same) {
            merged.push(*row);
        }
    }
    merged
}

fn index(index: &mut Vec<u8>, distance: u64, offset: usize) {
    index.extend_from_slice(&(distance as u32).to_le_bytes());
    index.extend_from_slice(&(offset as u32).to_le_bytes());
}

fn uleb(stream: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        stream.push(value as u8 | 0x80);
        value >>= 7;
    }
    stream.push(value as u8);
}

fn texts32(texts: &[String]) -> Vec<u8> {
    let (mut table, mut at) = (Vec::new(), 0u32);
    for text in texts {
        table.extend_from_slice(&at.to_le_bytes());
        at += text.len() as u32;
    }
    table.extend_from_slice(&at.to_le_bytes());
    texts
        .iter()
        .for_each(|text| table.extend_from_slice(text.as_bytes()));
    table
}

fn texts16(texts: &[String]) -> Vec<u8> {
    let (mut table, mut at) = (Vec::new(), 0u16);
    for number in 0..=256 {
        table.extend_from_slice(&at.to_le_bytes());
        at += texts.get(number).map_or(0, |text| text.len() as u16);
    }
    texts
        .iter()
        .for_each(|text| table.extend_from_slice(text.as_bytes()));
    table
}

fn clip(name: &str) -> Vec<u8> {
    let kept = name
        .bytes()
        .map(|byte| if byte.is_ascii_graphic() { byte } else { b'_' });
    kept.take(MAX_NAME).collect()
}

/// Byte pair encoding: bytes that no name uses come to stand for the commonest pair, again and again. Gives what each byte
/// stands for, and the packed names.
fn compress(mut names: Vec<Vec<u8>>) -> (Vec<String>, Vec<Vec<u8>>) {
    let mut tokens: Vec<String> = (0..=255u8).map(|_| String::new()).collect();
    let mut used = [false; 256];
    names
        .iter()
        .flatten()
        .for_each(|byte| used[usize::from(*byte)] = true);
    for (byte, used) in used.iter().enumerate() {
        if *used {
            tokens[byte] = char::from(byte as u8).to_string();
        }
    }
    for code in (0..=255u8).filter(|code| !used[usize::from(*code)]) {
        let mut counts: HashMap<[u8; 2], usize> = HashMap::new();
        for pair in names.iter().flat_map(|name| name.windows(2)) {
            *counts.entry([pair[0], pair[1]]).or_default() += 1;
        }
        let Some((pair, count)) = counts
            .into_iter()
            .max_by_key(|(pair, count)| (*count, *pair))
        else {
            break;
        };
        if count < 4 {
            break;
        }
        tokens[usize::from(code)] = [
            tokens[usize::from(pair[0])].as_str(),
            tokens[usize::from(pair[1])].as_str(),
        ]
        .concat();
        names.iter_mut().for_each(|name| replace(name, pair, code));
    }
    (tokens, names)
}

fn replace(name: &mut Vec<u8>, pair: [u8; 2], code: u8) {
    let mut to = 0;
    let mut from = 0;
    while from < name.len() {
        let hit = name[from..].starts_with(&pair);
        name[to] = if hit { code } else { name[from] };
        from += if hit { 2 } else { 1 };
        to += 1;
    }
    name.truncate(to);
}
