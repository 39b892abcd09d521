//! What follows an opcode, and what sort of instruction it is.

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reject {
    /// The bytes end before it does, or it is longer than any may be.
    Truncated,
    /// Not an instruction that is known for certain.
    Unknown,
}

/// What stands behind the opcode, beside a ModRM byte and what belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Immediate {
    None,
    One,
    Two,
    /// Four bytes, two with the operand-size prefix.
    Word,
    /// As `Word`, eight bytes with REX.W.
    Full,
    /// An address: eight bytes, four with the address-size prefix.
    Address,
}

/// The sort of an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    /// It can be run anywhere.
    Plain,
    /// It does nothing.
    Nop,
    Push,
    Call,
    Jump,
    JumpIf,
    Return,
    /// Group 5: calls and jumps through an operand among it.
    Group5,
    /// It changes what a breakpoint needs: the flags, the stack's or the code's segment, the way of traps.
    Refused,
}

/// An opcode's line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub(crate) modrm: bool,
    pub(crate) immediate: Immediate,
    pub(crate) sort: Sort,
}

const fn line(modrm: bool, immediate: Immediate, sort: Sort) -> Result<Line, Reject> {
    Ok(Line {
        modrm,
        immediate,
        sort,
    })
}

const UNKNOWN: Result<Line, Reject> = Err(Reject::Unknown);

/// Opcodes of one byte. `reg` is the middle field of the ModRM byte that would follow.
pub(crate) fn one(opcode: u8, reg: u8) -> Result<Line, Reject> {
    use Immediate::{Address, Full, None, One, Two, Word};
    use Sort::{Call, Group5, Jump, JumpIf, Nop, Plain, Push, Refused, Return};
    match opcode {
        0x00..=0x3f => match opcode & 7 {
            0..=3 => line(true, None, Plain),
            4 => line(false, One, Plain),
            5 => line(false, Word, Plain),
            _ => UNKNOWN,
        },
        0x50..=0x57 => line(false, None, Push),
        0x58..=0x5f => line(false, None, Plain),
        0x63 | 0x84..=0x8b | 0x8d => line(true, None, Plain),
        0x68 => line(false, Word, Plain),
        0x69 | 0x81 => line(true, Word, Plain),
        0x6a => line(false, One, Plain),
        0x6b | 0x80 | 0x83 | 0xc0 | 0xc1 => line(true, One, Plain),
        0x6c..=0x6f => line(false, None, Plain),
        0x70..=0x7f => line(false, One, JumpIf),
        0x8c | 0x8e => line(true, None, Refused),
        0x8f if reg == 0 => line(true, None, Plain),
        0x90 => line(false, None, Nop),
        0x91..=0x99 | 0x9b | 0x9e | 0x9f => line(false, None, Plain),
        0x9c | 0x9d => line(false, None, Refused),
        0xa0..=0xa3 => line(false, Address, Plain),
        0xa4..=0xa7 | 0xaa..=0xaf => line(false, None, Plain),
        0xa8 => line(false, One, Plain),
        0xa9 => line(false, Word, Plain),
        0xb0..=0xb7 => line(false, One, Plain),
        0xb8..=0xbf => line(false, Full, Plain),
        0xc2 => line(false, Two, Return),
        0xc3 => line(false, None, Return),
        0xc6 if reg == 0 => line(true, One, Plain),
        0xc7 if reg == 0 => line(true, Word, Plain),
        0xc9 => line(false, None, Plain),
        0xca => line(false, Two, Refused),
        0xcb | 0xcc | 0xcf => line(false, None, Refused),
        0xcd => line(false, One, Refused),
        0xd0..=0xd3 | 0xd8..=0xdf => line(true, None, Plain),
        0xd7 => line(false, None, Plain),
        0xe0..=0xe3 => line(false, One, Refused),
        0xe4..=0xe7 => line(false, One, Plain),
        0xe8 => line(false, Word, Call),
        0xe9 => line(false, Word, Jump),
        0xeb => line(false, One, Jump),
        0xec..=0xef => line(false, None, Plain),
        0xf1 | 0xf4 | 0xfa | 0xfb => line(false, None, Refused),
        0xf5 | 0xf8 | 0xf9 | 0xfc | 0xfd => line(false, None, Plain),
        0xf6 => line(true, if reg < 2 { One } else { None }, Plain),
        0xf7 => line(true, if reg < 2 { Word } else { None }, Plain),
        0xfe if reg < 2 => line(true, None, Plain),
        0xff if reg < 7 => line(true, None, Group5),
        _ => UNKNOWN,
    }
}

/// Opcodes behind 0F.
pub(crate) fn two(opcode: u8, reg: u8) -> Result<Line, Reject> {
    use Immediate::{None, One, Word};
    use Sort::{JumpIf, Nop, Plain, Refused};
    match opcode {
        0x00..=0x03 | 0x20..=0x23 | 0xb9 | 0xff => line(true, None, Refused),
        0x05..=0x09 | 0x0b | 0x30 | 0x34 | 0x35 | 0x37 | 0xa1 | 0xa9 | 0xaa => {
            line(false, None, Refused)
        }
        0x0d | 0x10..=0x18 | 0x28..=0x2f | 0x40..=0x6f | 0x74..=0x76 | 0x7c..=0x7f => {
            line(true, None, Plain)
        }
        // Hints: endbr64 is one, and the long nops are.
        0x19..=0x1f => line(true, None, Nop),
        0x31..=0x33 | 0x77 | 0xa0 | 0xa2 | 0xa8 | 0xc8..=0xcf => line(false, None, Plain),
        0x70..=0x73 | 0xa4 | 0xac | 0xc2 | 0xc4..=0xc6 => line(true, One, Plain),
        0x80..=0x8f => line(false, Word, JumpIf),
        0x90..=0x9f | 0xa3 | 0xa5 | 0xab | 0xad..=0xaf | 0xb0..=0xb8 => line(true, None, Plain),
        0xba if reg >= 4 => line(true, One, Plain),
        0xbb..=0xbf | 0xc0 | 0xc1 | 0xc3 => line(true, None, Plain),
        // cmpxchg16b, rdrand and rdseed; the others of the group save and load states.
        0xc7 if matches!(reg, 1 | 6 | 7) => line(true, None, Plain),
        0xc7 => line(true, None, Refused),
        0xd0..=0xfe => line(true, None, Plain),
        _ => UNKNOWN,
    }
}
