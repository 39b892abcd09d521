//! The kernel's own symbols and source lines as one blob, which the host tool writes into the linked image and the kernel
//! reads when it has something to report: an oops, `/proc/kallsyms`.
//!
//! Job: the format, its encoder (feature `encode`, host only, allocates) and its decoder (no allocation, no lock, safe in
//! any context, bounded work: a binary search and at most one block). Called by `cli` and by the kernel's reports; calls
//! nobody. Every read is checked: a damaged blob gives `None`, never a panic.
//!
//! # Format
//! Numbers are little endian; `uleb` is LEB128 as in DWARF. Addresses are kept as distances from `base`.
//! ```text
//! header   magic "GAONSYM1", u32 total length, u64 base,
//!          u32 × 7: symbols, symbol index, symbol stream, line index, line stream, files, tokens (offsets from the start;
//!          the first is a count), u32 number of line blocks, u32 number of files
//! symbol index   per block of 16 symbols: u32 address, u32 offset into the symbol stream
//! symbol stream  per symbol: uleb distance from the one before (block: from its index entry), type letter, u8 length,
//!                that many bytes, each standing for a token
//! line index     per block of 64 rows: u32 address, u32 offset into the line stream
//! line stream    per row: uleb (distance << 1 | file changes), [uleb file], uleb line (0: no source from here on)
//!                a block's first row always names its file
//! files          u32 offsets into the texts behind them, one more than there are files
//! tokens         256 × u16 offsets, one more than there are tokens, into the texts behind them
//! ```
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "encode")]
mod encode;
mod read;

#[cfg(feature = "encode")]
pub use encode::{LineRow, SymbolRow, encode};

use core::fmt;
use read::Bytes;

/// First bytes of a blob.
const MAGIC: &[u8; 8] = b"GAONSYM1";
/// Bytes of the header.
#[cfg(feature = "encode")]
const HEADER: usize = 8 + 4 + 8 + 7 * 4 + 2 * 4;
/// Symbols of one block.
const SYMBOLS: usize = 16;
/// Line rows of one block.
const LINES: usize = 64;

/// A blob that has been looked at once.
#[derive(Clone, Copy)]
pub struct Table<'a> {
    blob: Bytes<'a>,
    base: u64,
    symbols: usize,
    line_blocks: usize,
    files: usize,
    at: Places,
}

/// Offsets of the parts.
#[derive(Clone, Copy)]
struct Places {
    symbol_index: usize,
    symbol_stream: usize,
    line_index: usize,
    line_stream: usize,
    files: usize,
    tokens: usize,
}

/// A name, still packed; `Display` unpacks it.
#[derive(Clone, Copy)]
pub struct Name<'a> {
    table: Table<'a>,
    packed: &'a [u8],
}

/// One symbol.
#[derive(Clone, Copy)]
pub struct Symbol<'a> {
    pub address: u64,
    /// As nm(1) prints it: `t`, `T`, `d`, `D`, `b`, `B`, `r`, `R`.
    pub letter: u8,
    pub name: Name<'a>,
}

/// Where an address belongs.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub symbol: Symbol<'a>,
    /// Distance of the address from the symbol.
    pub offset: u64,
    /// Distance to the next symbol with another address; 0 for the last symbol.
    pub size: u64,
}

impl<'a> Table<'a> {
    /// The table in `blob`, which may be longer. `None` when there is none.
    #[must_use]
    pub fn new(blob: &'a [u8]) -> Option<Self> {
        let all = Bytes(blob);
        if blob.get(..8)? != MAGIC {
            return None;
        }
        let word = |n: usize| all.u32(8 + 4 + 8 + 4 * n);
        let total = all.u32(8)?;
        Some(Self {
            blob: Bytes(blob.get(..total)?),
            base: all.u64(12)?,
            symbols: word(0)?,
            line_blocks: word(7)?,
            files: word(8)?,
            at: Places {
                symbol_index: word(1)?,
                symbol_stream: word(2)?,
                line_index: word(3)?,
                line_stream: word(4)?,
                files: word(5)?,
                tokens: word(6)?,
            },
        })
    }

    /// Bytes of the blob that are in use.
    #[must_use]
    pub fn len(&self) -> usize {
        self.blob.0.len()
    }

    /// True when the table has no symbol.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.symbols == 0
    }

    /// All symbols by address.
    #[must_use]
    pub fn symbols(&self) -> Symbols<'a> {
        self.block(0)
    }

    /// The symbol that `address` lies in or behind, the first of several at one address.
    #[must_use]
    pub fn find(&self, address: u64) -> Option<Place<'a>> {
        let distance = address.checked_sub(self.base)?;
        let blocks = self.symbols.div_ceil(SYMBOLS);
        let block = self
            .blob
            .last_not_above(self.at.symbol_index, blocks, distance)?;
        // Several symbols of one address may straddle two blocks; the first of them is meant.
        let mut best: Option<Symbol<'a>> = None;
        for symbol in self.block(block.saturating_sub(1)) {
            if symbol.address > address {
                let best = best?;
                let (offset, size) = (address - best.address, symbol.address - best.address);
                return Some(Place {
                    symbol: best,
                    offset,
                    size,
                });
            }
            if best.is_none_or(|best| best.address < symbol.address) {
                best = Some(symbol);
            }
        }
        best.map(|symbol| Place {
            symbol,
            offset: address - symbol.address,
            size: 0,
        })
    }

    /// The address of the symbol called `name`.
    #[must_use]
    pub fn address_of(&self, name: &str) -> Option<u64> {
        self.symbols()
            .find(|symbol| symbol.name == *name)
            .map(|symbol| symbol.address)
    }

    /// Source file and line of the instruction at `address`. For a return address ask for the byte before it.
    #[must_use]
    pub fn line(&self, address: u64) -> Option<(&'a str, u32)> {
        let distance = address.checked_sub(self.base)?;
        let block = self
            .blob
            .last_not_above(self.at.line_index, self.line_blocks, distance)?;
        let (mut here, offset) = self.blob.index_entry(self.at.line_index, block)?;
        let mut at = self.at.line_stream + offset;
        let (mut file, mut line) = (0, 0);
        for row in 0..LINES {
            let step = self.blob.uleb(&mut at)?;
            here += if row == 0 { 0 } else { step >> 1 };
            if here > distance {
                break;
            }
            if step & 1 != 0 {
                file = self.blob.uleb(&mut at)?;
            }
            line = self.blob.uleb(&mut at)?;
            if at >= self.at.files {
                break;
            }
        }
        if line == 0 {
            return None;
        }
        Some((
            self.file(usize::try_from(file).ok()?)?,
            u32::try_from(line).ok()?,
        ))
    }

    fn file(&self, number: usize) -> Option<&'a str> {
        if number >= self.files {
            return None;
        }
        let texts = self.at.files + 4 * (self.files + 1);
        let from = self.blob.u32(self.at.files + 4 * number)?;
        let to = self.blob.u32(self.at.files + 4 * number + 4)?;
        core::str::from_utf8(self.blob.0.get(texts + from..texts + to)?).ok()
    }

    fn token(&self, number: u8) -> Option<&'a str> {
        let texts = self.at.tokens + 2 * 257;
        let from = self.blob.u16(self.at.tokens + 2 * usize::from(number))?;
        let to = self
            .blob
            .u16(self.at.tokens + 2 * usize::from(number) + 2)?;
        core::str::from_utf8(self.blob.0.get(texts + from..texts + to)?).ok()
    }

    fn block(&self, block: usize) -> Symbols<'a> {
        Symbols {
            table: *self,
            next: block * SYMBOLS,
            at: 0,
            distance: 0,
        }
    }
}

/// Walks symbols in the order of their addresses.
#[derive(Clone)]
pub struct Symbols<'a> {
    table: Table<'a>,
    next: usize,
    at: usize,
    distance: u64,
}

impl<'a> Iterator for Symbols<'a> {
    type Item = Symbol<'a>;

    fn next(&mut self) -> Option<Symbol<'a>> {
        let table = self.table;
        if self.next >= table.symbols {
            return None;
        }
        if self.next.is_multiple_of(SYMBOLS) {
            let (distance, offset) = table
                .blob
                .index_entry(table.at.symbol_index, self.next / SYMBOLS)?;
            (self.distance, self.at) = (distance, table.at.symbol_stream + offset);
        }
        self.next += 1;
        self.distance = self.distance.checked_add(table.blob.uleb(&mut self.at)?)?;
        let &[letter, len] = table.blob.0.get(self.at..self.at + 2)? else {
            return None;
        };
        let packed = table
            .blob
            .0
            .get(self.at + 2..self.at + 2 + usize::from(len))?;
        self.at += 2 + usize::from(len);
        let address = table.base.wrapping_add(self.distance);
        Some(Symbol {
            address,
            letter,
            name: Name { table, packed },
        })
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.packed
            .iter()
            .filter_map(|token| self.table.token(*token))
            .try_for_each(|text| f.write_str(text))
    }
}

impl PartialEq<str> for Name<'_> {
    fn eq(&self, other: &str) -> bool {
        let mut rest = other;
        for token in self.packed {
            match self
                .table
                .token(*token)
                .and_then(|text| rest.strip_prefix(text))
            {
                Some(after) => rest = after,
                None => return false,
            }
        }
        rest.is_empty()
    }
}

impl fmt::Display for Place<'_> {
    /// `name+0x12/0x340`, as in a Linux oops.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}+{:#x}/{:#x}",
            self.symbol.name, self.offset, self.size
        )
    }
}
