//! The file header and the program headers.
use crate::{ElfError, Record};

/// Bytes of the file header.
pub const HEADER_SIZE: usize = 64;
/// Bytes of one program header.
pub const PHDR_SIZE: usize = 56;
/// Bytes of one section header.
pub(crate) const SHDR_SIZE: usize = 64;

const MAGIC: &[u8; 4] = b"\x7fELF";
const MACHINE_X86_64: u16 = 62;
/// The table must fit in one page, as Linux demands.
const MAX_TABLE: usize = 4096;

/// Types of program headers.
pub mod pt {
    /// To be loaded.
    pub const LOAD: u32 = 1;
    /// For the dynamic linker.
    pub const DYNAMIC: u32 = 2;
    /// Path of the interpreter.
    pub const INTERP: u32 = 3;
    /// Notes.
    pub const NOTE: u32 = 4;
    /// The program header table itself.
    pub const PHDR: u32 = 6;
    /// Thread-local storage: the C library's business.
    pub const TLS: u32 = 7;
    /// Flags of the stack.
    pub const GNU_STACK: u32 = 0x6474_e551;
    /// Properties in note form.
    pub const GNU_PROPERTY: u32 = 0x6474_e553;
}

/// Flags of program headers.
pub mod pf {
    /// Executable.
    pub const X: u32 = 1;
    /// Writable.
    pub const W: u32 = 2;
    /// Readable.
    pub const R: u32 = 4;
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `ET_REL`: a relocatable object.
    Relocatable,
    /// `ET_EXEC`: a program at fixed addresses.
    Executable,
    /// `ET_DYN`: a position-independent program or a shared object.
    Dynamic,
}

/// The file header, checked for type and machine. As on Linux, which programs are packed against, nobody looks at
/// class, byte order and version of the identification: the machine implies them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the file is.
    pub kind: Kind,
    /// Where it starts to run, before relocation.
    pub entry: u64,
    /// File offset of the program headers.
    pub phoff: u64,
    /// Size of one, as the file says.
    pub phentsize: u16,
    /// How many.
    pub phnum: u16,
    /// File offset of the section headers.
    pub shoff: u64,
    /// Size of one, as the file says.
    pub shentsize: u16,
    /// How many.
    pub shnum: u16,
    /// Which one holds the names.
    pub shstrndx: u16,
    /// Processor-specific flags.
    pub flags: u32,
}

impl Header {
    /// Reads the first 64 bytes of a file. [`ElfError::NotElf`], `Truncated`, `Kind`, `Machine`.
    pub fn parse(bytes: &[u8]) -> Result<Self, ElfError> {
        if bytes.get(..4) != Some(MAGIC) {
            return Err(ElfError::NotElf);
        }
        let bytes = bytes.get(..HEADER_SIZE).ok_or(ElfError::Truncated)?;
        let r = Record(bytes);
        if r.u16(18)? != MACHINE_X86_64 {
            return Err(ElfError::Machine);
        }
        let kind = match r.u16(16)? {
            1 => Kind::Relocatable,
            2 => Kind::Executable,
            3 => Kind::Dynamic,
            _ => return Err(ElfError::Kind),
        };
        Ok(Self {
            kind,
            entry: r.u64(24)?,
            phoff: r.u64(32)?,
            shoff: r.u64(40)?,
            flags: r.u32(48)?,
            phentsize: r.u16(54)?,
            phnum: r.u16(56)?,
            shentsize: r.u16(58)?,
            shnum: r.u16(60)?,
            shstrndx: r.u16(62)?,
        })
    }

    /// Where the program headers lie: offset and length in bytes, at most one page.
    /// [`ElfError::ProgramHeaders`] if there are none, too many, or of a wrong size.
    pub fn table(&self) -> Result<(u64, usize), ElfError> {
        let len = usize::from(self.phnum) * PHDR_SIZE;
        let sound = usize::from(self.phentsize) == PHDR_SIZE && len != 0 && len <= MAX_TABLE;
        if !sound || self.phoff.checked_add(len as u64).is_none() {
            return Err(ElfError::ProgramHeaders);
        }
        Ok((self.phoff, len))
    }
}

/// One program header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgramHeader {
    /// Its type, see [`pt`].
    pub kind: u32,
    /// See [`pf`].
    pub flags: u32,
    /// Where its bytes are in the file.
    pub offset: u64,
    /// Where they go, before relocation.
    pub vaddr: u64,
    /// How many are in the file.
    pub filesz: u64,
    /// How many it takes in memory.
    pub memsz: u64,
    /// Alignment asked for.
    pub align: u64,
}

/// The program headers of a table.
#[derive(Clone, Copy)]
pub struct Segments<'a>(&'a [u8]);

impl<'a> Segments<'a> {
    /// From the bytes that [`Header::table`] names.
    pub const fn new(table: &'a [u8]) -> Self {
        Self(table)
    }

    /// All of them in order of the file.
    pub fn iter(self) -> impl Iterator<Item = ProgramHeader> + 'a {
        self.0
            .chunks_exact(PHDR_SIZE)
            .filter_map(|b| parse_phdr(Record(b)).ok())
    }

    /// The first of a type.
    pub fn find(self, kind: u32) -> Option<ProgramHeader> {
        self.iter().find(|p| p.kind == kind)
    }

    /// Those to be loaded.
    pub fn loads(self) -> impl Iterator<Item = ProgramHeader> + 'a {
        self.iter().filter(|p| p.kind == pt::LOAD)
    }
}

fn parse_phdr(r: Record<'_>) -> Result<ProgramHeader, ElfError> {
    Ok(ProgramHeader {
        kind: r.u32(0)?,
        flags: r.u32(4)?,
        offset: r.u64(8)?,
        vaddr: r.u64(16)?,
        filesz: r.u64(32)?,
        memsz: r.u64(40)?,
        align: r.u64(48)?,
    })
}
