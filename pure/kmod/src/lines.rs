//! Source lines of a module's text, out of its `.debug_line`. The sections are kept as the compiler wrote them, and gone
//! through when a report wants a line: loading costs a copy, and only a module that fails pays for the search.
//!
//! Whatever the bytes, the work is bounded by their number, and all that can be lost is the line.
//!
//! Specification: DWARF 5, section 6.2; versions 2 to 4, which compilers of Rust still write, differ in their header.
mod bytes;
mod table;

use bytes::Bytes;
use core::fmt;
use table::Table;

/// Line number programs of all units, and the names that they refer to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lines<'a> {
    programs: Bytes<'a>,
    strings: &'a [u8],
}

/// A line of a source file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceLine<'a> {
    folder: &'a str,
    file: &'a str,
    /// Its number.
    pub line: u32,
}

impl fmt::Display for SourceLine<'_> {
    /// The file alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.folder.is_empty() && !self.file.starts_with('/') {
            write!(f, "{}/", self.folder)?;
        }
        f.write_str(self.file)
    }
}

impl<'a> Lines<'a> {
    /// `programs` is `.debug_line`, relocated; `strings` is `.debug_line_str`, which may be empty.
    #[must_use]
    pub fn new(programs: &'a [u8], strings: &'a [u8]) -> Self {
        Self {
            programs: Bytes(programs),
            strings,
        }
    }

    /// The line that the instruction at `address` was made of. For a return address ask for the byte before it.
    #[must_use]
    pub fn find(&self, address: u64) -> Option<SourceLine<'a>> {
        let mut rest = self.programs;
        while let Some((body, wide)) = rest.unit() {
            let unit = Unit::new(body, wide);
            if let Some((unit, row)) = unit.and_then(|unit| Some((unit, unit.find(address)?))) {
                // Line 0: the compiler says that it stands in no source.
                return (row.line != 0).then(|| unit.source(&row, self.strings))?;
            }
        }
        None
    }
}

/// The header of one unit.
#[derive(Clone, Copy)]
struct Unit<'a> {
    version: u64,
    wide: bool,
    /// Folders and files.
    tables: Bytes<'a>,
    program: Bytes<'a>,
    /// Bytes of the smallest instruction.
    unit: u64,
    line_base: i64,
    line_range: u8,
    opcode_base: u8,
    /// How many operands the opcodes below it have.
    operands: &'a [u8],
}

/// A row of the table that the program makes: from its address on, its line.
#[derive(Clone, Copy)]
struct Row {
    address: u64,
    file: u64,
    line: u32,
}

const START: Row = Row {
    address: 0,
    file: 1,
    line: 1,
};

/// What an instruction of the program did.
enum Step {
    /// Changed the row to come.
    Change,
    /// Finished a row.
    Row,
    /// Ended a sequence: the row has the first address behind it.
    End,
}

impl<'a> Unit<'a> {
    fn new(mut body: Bytes<'a>, wide: bool) -> Option<Self> {
        let version = body.number(2)?;
        let addresses = if version == 5 { body.number(2)? } else { 8 };
        // Eight bytes to an address, none to a segment.
        if !(2..=5).contains(&version) || addresses != 8 {
            return None;
        }
        let length = body.offset(wide)?;
        let mut header = Bytes(body.take(length)?);
        let unit = header.number(1)?;
        if version >= 4 && header.byte()? != 1 {
            return None;
        }
        let _is_statement = header.byte()?;
        let line_base = i64::from(header.byte()? as i8);
        let line_range = header.byte().filter(|range| *range != 0)?;
        let opcode_base = header.byte().filter(|base| *base != 0)?;
        let operands = header.take(u64::from(opcode_base) - 1)?;
        Some(Self {
            version,
            wide,
            tables: header,
            program: body,
            unit,
            line_base,
            line_range,
            opcode_base,
            operands,
        })
    }

    /// Runs the program until it made the row that `wanted` belongs to.
    fn find(&self, wanted: u64) -> Option<Row> {
        let (mut program, mut row) = (self.program, START);
        let mut before: Option<Row> = None;
        loop {
            let step = self.step(&mut program, &mut row)?;
            if let Step::Change = step {
                continue;
            }
            let range = before.map_or(0..0, |before| before.address..row.address);
            if range.contains(&wanted) {
                return before;
            }
            match step {
                Step::End => (before, row) = (None, START),
                _ => before = Some(row),
            }
        }
    }

    fn advance(&self, row: &mut Row, instructions: u64) {
        let bytes = self.unit.wrapping_mul(instructions);
        row.address = row.address.wrapping_add(bytes);
    }

    /// What an opcode that has no operands adds to the address.
    fn special(&self, row: &mut Row, opcode: u8) -> i64 {
        let adjusted = opcode.saturating_sub(self.opcode_base);
        self.advance(row, u64::from(adjusted / self.line_range));
        self.line_base + i64::from(adjusted % self.line_range)
    }

    /// Runs one instruction; `None` at the end.
    fn step(&self, program: &mut Bytes<'a>, row: &mut Row) -> Option<Step> {
        let opcode = program.byte()?;
        if opcode >= self.opcode_base {
            let lines = self.special(row, opcode);
            row.line = row.line.wrapping_add(lines as u32);
            return Some(Step::Row);
        }
        match opcode {
            0 => return self.extended(program, row),
            1 => return Some(Step::Row),
            2 => {
                let instructions = program.unsigned()?;
                self.advance(row, instructions);
            }
            3 => row.line = row.line.wrapping_add(program.signed()? as u32),
            4 => row.file = program.unsigned()?,
            8 => {
                self.special(row, u8::MAX);
            }
            9 => row.address = row.address.wrapping_add(program.number(2)?),
            // Columns, statements, blocks, and what is not known: nothing that matters here.
            other => {
                for _ in 0..*self.operands.get(usize::from(other) - 1)? {
                    program.unsigned()?;
                }
            }
        }
        Some(Step::Change)
    }

    fn extended(&self, program: &mut Bytes<'a>, row: &mut Row) -> Option<Step> {
        let length = program.unsigned()?;
        let mut body = Bytes(program.take(length)?);
        Some(match body.byte() {
            Some(1) => Step::End,
            Some(2) => {
                row.address = body.number(8)?;
                Step::Change
            }
            _ => Step::Change,
        })
    }

    /// Names the file of a row.
    fn source(&self, row: &Row, strings: &'a [u8]) -> Option<SourceLine<'a>> {
        let (folder, file) = if self.version >= 5 {
            self.described(row.file, strings)?
        } else {
            self.listed(row.file)?
        };
        Some(SourceLine {
            folder: core::str::from_utf8(folder).ok()?,
            file: core::str::from_utf8(file).ok()?,
            line: row.line,
        })
    }

    /// Folder and name out of the two lists of versions 2 to 4, each ended by an empty name. They count from 1; folder 0 is
    /// the compiler's own, which stands elsewhere.
    fn listed(&self, file: u64) -> Option<(&'a [u8], &'a [u8])> {
        let folders = self.tables;
        let mut files = folders;
        while !files.string()?.is_empty() {}
        for number in 1.. {
            let name = files.string().filter(|name| !name.is_empty())?;
            let folder = files.unsigned()?;
            let (_time, _size) = (files.unsigned()?, files.unsigned()?);
            if number == file {
                return Some((nth_string(folders, folder)?, name));
            }
        }
        None
    }

    /// The same out of the two tables of version 5, which say themselves what their columns are. They count from 0.
    fn described(&self, file: u64, strings: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        let mut tables = self.tables;
        let folders = Table::read(&mut tables)?;
        for _ in 0..folders.entries {
            folders.entry(&mut tables, self.wide, strings)?;
        }
        let files = Table::read(&mut tables)?;
        let (name, folder) = files.nth(file, tables, self.wide, strings)?;
        let (folder, _) = folders.nth(folder, folders.first, self.wide, strings)?;
        Some((folder, name))
    }
}

/// Number `wanted` of a list of strings that counts from 1; nothing for 0.
fn nth_string(mut list: Bytes<'_>, wanted: u64) -> Option<&[u8]> {
    let mut text: &[u8] = b"";
    for _ in 0..wanted {
        text = list.string().filter(|text| !text.is_empty())?;
    }
    Some(text)
}
