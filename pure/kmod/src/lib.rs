//! Kernel modules as files: what a `.ko` says of itself, where its sections go, and what its relocations ask for. Bytes
//! are untrusted; nothing here touches a machine.
//!
//! Called by `service/module`, which owns memory and names, and by `gaon module check` on the host; calls `elf`.
//!
//! | file | holds |
//! |---|---|
//! | `file.rs` | [`ModuleFile`]: the sections a module must have, checked |
//! | `symbols.rs` | [`Symbols`]: the symbol table |
//! | `modinfo.rs` | [`ModInfo`]: `key=value` strings |
//! | `layout.rs` | [`Layout`]: which section goes to which part of the module's memory |
//! | `reloc.rs` | [`relocate`] |
//! | `lines.rs` | [`Lines`]: which source line an address is of |
//! | `signature.rs` | [`split_signature`]: what `sign-file` put behind it |
//! | `args.rs` | [`Args`]: the parameters that insmod(8) passes |
//!
//! Specification: System V ABI and its AMD64 supplement (relocation types); Documentation/kbuild/modules.rst;
//! init_module(2) for which defect is which error; DWARF.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;

mod args;
mod file;
#[cfg(test)]
mod garbled_tests;
mod layout;
mod lines;
mod modinfo;
mod reloc;
mod signature;
mod symbols;
#[cfg(test)]
mod tests;

pub use args::{Arg, Args};
pub use file::ModuleFile;
pub use layout::{Layout, PARTS, Part, Place};
pub use lines::{Lines, SourceLine};
pub use modinfo::ModInfo;
pub use reloc::{RelocError, relocate};
pub use signature::{SignatureError, split_signature};
pub use symbols::{Home, Symbol, Symbols};

/// What keeps a file from being a module. Each is `ENOEXEC`, but for `NoMemory`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// Not an ELF file, or headers out of bounds.
    Elf(elf::ElfError),
    /// Not a relocatable object.
    NotRelocatable,
    /// A section reaches past the end of the file, or its alignment or entry size is impossible.
    Section,
    /// There is no symbol table: "module has no symbols (stripped?)".
    Stripped,
    /// There is more than one symbol table, or a symbol in no section.
    Symbols,
    /// `.gnu.linkonce.this_module` is missing, too small or not writable data.
    ThisModule,
    /// `.modinfo` is not a list of terminated strings.
    ModInfo,
    /// All sections together are too large for the module area.
    TooLarge,
    /// The table of places did not fit into memory.
    NoMemory,
}

impl From<elf::ElfError> for Defect {
    fn from(error: elf::ElfError) -> Self {
        Self::Elf(error)
    }
}

/// A little-endian field of a record; `None` when the record ends before it.
pub(crate) fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// The bytes from `at` up to the next NUL; `None` when there is none.
pub(crate) fn string(table: &[u8], at: usize) -> Option<&[u8]> {
    let tail = table.get(at..)?;
    Some(&tail[..tail.iter().position(|byte| *byte == 0)?])
}
