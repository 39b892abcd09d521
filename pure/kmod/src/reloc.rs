//! Relocations of x86-64 relocatable objects.
use crate::field;

/// Bytes of one entry of an `SHT_RELA` section.
const ENTRY: usize = 24;

/// Relocation types that the compilers emit in sections that are loaded.
mod kind {
    pub(super) const NONE: u32 = 0;
    pub(super) const ABS64: u32 = 1;
    pub(super) const PC32: u32 = 2;
    pub(super) const PLT32: u32 = 4;
    pub(super) const GOTPCREL: u32 = 9;
    pub(super) const ABS32: u32 = 10;
    pub(super) const ABS32S: u32 = 11;
    pub(super) const PC64: u32 = 24;
    pub(super) const GOTPCRELX: u32 = 41;
    pub(super) const REX_GOTPCRELX: u32 = 42;
}

/// Why a relocation can't be done. All are `ENOEXEC`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelocError {
    /// The place lies outside its section.
    Outside {
        /// Offset in the section.
        offset: u64,
    },
    /// There is no symbol of that number.
    Symbol(u32),
    /// A type that has no meaning here.
    Type(u32),
    /// The value does not fit; the symbol's number.
    Overflow {
        /// The relocation's type.
        kind: u32,
        /// The symbol's number.
        symbol: u32,
        /// What should have been written.
        value: u64,
    },
    /// There is something at the place already: the section was relocated before.
    Nonzero {
        /// Offset in the section.
        offset: u64,
    },
}

/// Applies the entries of `relocations` to `target`, the content of the section that will stand at `address`. `value_of`
/// gives the address of the symbol of a number.
///
/// # Errors
/// The first [`RelocError`]; `target` is half changed then.
pub fn relocate(
    relocations: &[u8],
    target: &mut [u8],
    address: u64,
    value_of: &dyn Fn(u32) -> Option<u64>,
) -> Result<(), RelocError> {
    for entry in relocations.chunks_exact(ENTRY) {
        let word = |at| field(entry, at).map_or(0, u64::from_le_bytes);
        let (offset, info, addend) = (word(0), word(8), word(16));
        let (kind, number) = (info as u32, (info >> 32) as u32);
        if kind == kind::NONE {
            continue;
        }
        let symbol = value_of(number).ok_or(RelocError::Symbol(number))?;
        let absolute = symbol.wrapping_add(addend);
        let relative = absolute.wrapping_sub(address.wrapping_add(offset));
        let overflow = |value| RelocError::Overflow {
            kind,
            symbol: number,
            value,
        };
        let signed = |value: u64| i32::try_from(value as i64).map_err(|_| overflow(value));
        match kind {
            kind::ABS64 => put(target, offset, absolute.to_le_bytes())?,
            kind::PC64 => put(target, offset, relative.to_le_bytes())?,
            kind::ABS32 => {
                let value = u32::try_from(absolute).map_err(|_| overflow(absolute))?;
                put(target, offset, value.to_le_bytes())?;
            }
            kind::ABS32S => put(target, offset, signed(absolute)?.to_le_bytes())?,
            kind::PC32 | kind::PLT32 => put(target, offset, signed(relative)?.to_le_bytes())?,
            kind::GOTPCREL | kind::GOTPCRELX | kind::REX_GOTPCRELX => {
                let place = past_table(target, offset).ok_or(RelocError::Type(kind))?;
                let moved = relative.wrapping_add(offset - place);
                put(target, place, signed(moved)?.to_le_bytes())?;
            }
            other => return Err(RelocError::Type(other)),
        }
    }
    Ok(())
}

/// Compilers of Rust reach what other objects define through a table of addresses (`-Zplt=no`); everything lies within
/// reach here, so there is no table. Changes the instruction whose displacement stands at `offset` to one that needs none, and
/// gives the place of its displacement; nothing when it is no such instruction. As linkers do: psABI, B.2.
fn past_table(target: &mut [u8], offset: u64) -> Option<u64> {
    let at = usize::try_from(offset).ok()?;
    let start = at.checked_sub(2)?;
    let rex = start.checked_sub(1).and_then(|at| target.get(at)).copied();
    let instruction = target.get_mut(start..at.checked_add(4)?)?;
    let (&mut opcode, displacement) = instruction.split_first_chunk_mut::<2>()?;
    if displacement != [0; 4] {
        return None;
    }
    match opcode {
        // call *table(%rip): addr32 call
        [0xff, 0x15] => instruction[..2].copy_from_slice(&[0x67, 0xe8]),
        // jmp *table(%rip): jmp, and a nop behind its displacement
        [0xff, 0x25] => {
            instruction.copy_from_slice(&[0xe9, 0, 0, 0, 0, 0x90]);
            return Some(offset - 1);
        }
        // mov table(%rip), %reg: lea. The operand is relative to the instruction pointer: mod 00, r/m 101.
        [0x8b, operand] if operand & 0xc7 == 0x05 && matches!(rex, Some(0x48..=0x4f)) => {
            instruction[0] = 0x8d;
        }
        _ => return None,
    }
    Some(offset)
}

fn put<const N: usize>(target: &mut [u8], offset: u64, value: [u8; N]) -> Result<(), RelocError> {
    let outside = RelocError::Outside { offset };
    let start = usize::try_from(offset).map_err(|_| outside)?;
    let end = start.checked_add(N).ok_or(outside)?;
    let place = target.get_mut(start..end).ok_or(outside)?;
    if place.iter().any(|byte| *byte != 0) {
        return Err(RelocError::Nonzero { offset });
    }
    place.copy_from_slice(&value);
    Ok(())
}
