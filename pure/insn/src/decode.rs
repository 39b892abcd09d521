//! The length and the kind of an instruction.
use crate::MOST;
use crate::table::{self, Immediate, Reject, Sort};

/// An operand in a register or in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// A general register by its number.
    Register(u8),
    /// Memory at base + index * scale + displacement.
    Memory {
        /// A register's number; none.
        base: Option<u8>,
        /// A register's number and what it is multiplied by.
        index: Option<(u8, u8)>,
        /// The displacement; from the next instruction on where `next` says so.
        displacement: i32,
        /// It counts from the next instruction (RIP).
        next: bool,
    },
}

/// What an instruction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It does the same in any place, once a displacement from RIP is put right: [`Insn::moved`].
    Plain,
    /// It does nothing.
    Nop,
    /// Pushes a register.
    Push(u8),
    /// Calls what lies so far behind it.
    Call(i32),
    /// Jumps so far.
    Jump(i32),
    /// Jumps so far if the condition (the low half of the opcode) holds.
    JumpIf(u8, i32),
    /// Calls what an operand says.
    CallTo(Operand),
    /// Jumps where an operand says.
    JumpTo(Operand),
    /// Returns and drops so many bytes.
    Return(u16),
    /// It may not be replaced by a breakpoint.
    Refused,
}

/// An instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Insn {
    /// Its bytes; those behind its end are 0.
    pub bytes: [u8; MOST],
    /// How many there are.
    pub len: usize,
    /// What it is.
    pub kind: Kind,
    /// Where in it a displacement from RIP stands.
    pub(crate) rip_at: Option<usize>,
}

/// Takes bytes off the front.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Result<u8, Reject> {
        let byte = self.bytes.get(self.at).copied();
        byte.filter(|_| self.at < MOST).ok_or(Reject::Truncated)
    }

    fn next(&mut self) -> Result<u8, Reject> {
        let byte = self.peek()?;
        self.at += 1;
        Ok(byte)
    }

    /// A signed number of up to four bytes; of eight only the lower half is looked at, nobody needs more.
    fn number(&mut self, bytes: usize) -> Result<i32, Reject> {
        let mut value = [0; 8];
        for byte in &mut value[..bytes] {
            *byte = self.next()?;
        }
        let value = i64::from_le_bytes(value);
        let unused = 64 - 8 * bytes.min(8) as u32;
        Ok(if bytes == 0 {
            0
        } else {
            (value << unused >> unused) as i32
        })
    }
}

/// What stands before the opcode.
#[derive(Default)]
struct Prefixes {
    /// Operand size, address size, REP, a segment.
    short: bool,
    narrow: bool,
    repeat: Option<u8>,
    segment: bool,
    lock: bool,
    rex: u8,
}

impl Prefixes {
    fn read(from: &mut Reader<'_>) -> Result<Self, Reject> {
        let mut this = Self::default();
        loop {
            match from.peek()? {
                0x66 => this.short = true,
                0x67 => this.narrow = true,
                byte @ (0xf2 | 0xf3) => this.repeat = Some(byte),
                0xf0 => this.lock = true,
                // The first four mean nothing in 64-bit mode.
                0x26 | 0x2e | 0x36 | 0x3e => {}
                0x64 | 0x65 => this.segment = true,
                _ => break,
            }
            from.at += 1;
        }
        if from.peek()? & 0xf0 == 0x40 {
            this.rex = from.next()?;
        }
        Ok(this)
    }

    /// A register's number with its upper bit, which is bit `bit` of REX.
    fn register(&self, low: u8, bit: u8) -> u8 {
        low & 7 | (self.rex >> bit & 1) << 3
    }
}

/// A ModRM byte and what follows it; where a displacement from RIP stands.
fn operand(
    from: &mut Reader<'_>,
    prefixes: &Prefixes,
) -> Result<(u8, Operand, Option<usize>), Reject> {
    let modrm = from.next()?;
    let (mode, low) = (modrm >> 6, modrm & 7);
    if mode == 3 {
        let register = Operand::Register(prefixes.register(low, 0));
        return Ok((modrm, register, None));
    }
    let (mut base, mut index) = (Some(prefixes.register(low, 0)), None);
    let mut bytes = [0, 1, 4][usize::from(mode)];
    let next = mode == 0 && low == 5;
    if low == 4 {
        let sib = from.next()?;
        let register = prefixes.register(sib >> 3, 1);
        index = (register != 4).then_some((register, 1 << (sib >> 6)));
        base = Some(prefixes.register(sib, 0));
        if sib & 7 == 5 && mode == 0 {
            (base, bytes) = (None, 4);
        }
    } else if next {
        (base, bytes) = (None, 4);
    }
    let at = from.at;
    let displacement = from.number(bytes)?;
    let memory = Operand::Memory {
        base,
        index,
        displacement,
        next,
    };
    Ok((modrm, memory, next.then_some(at)))
}

/// The instruction at the front of `bytes`.
///
/// # Errors
/// See [`Reject`].
pub fn decode(bytes: &[u8]) -> Result<Insn, Reject> {
    let mut from = Reader { bytes, at: 0 };
    let prefixes = Prefixes::read(&mut from)?;
    let opcode = from.next()?;
    // The middle of a ModRM byte decides some lines; where there is none it is not looked at.
    let reg = |from: &Reader<'_>| from.peek().map_or(0, |modrm| modrm >> 3 & 7);
    let (opcode, line, two) = match opcode {
        0x0f => {
            let opcode = from.next()?;
            match opcode {
                0x38 | 0x3a => {
                    let _ = from.next()?;
                    let mut line = table::two(0x10, 0)?;
                    if opcode == 0x3a {
                        line.immediate = Immediate::One;
                    }
                    (opcode, line, true)
                }
                opcode => (opcode, table::two(opcode, reg(&from))?, true),
            }
        }
        opcode => (opcode, table::one(opcode, reg(&from))?, false),
    };
    let modrm = if line.modrm {
        Some(operand(&mut from, &prefixes)?)
    } else {
        None
    };
    let wide = prefixes.rex & 8 != 0;
    let immediate = from.number(match line.immediate {
        Immediate::None => 0,
        Immediate::One => 1,
        Immediate::Two => 2,
        Immediate::Word | Immediate::Full if prefixes.short && !wide => 2,
        Immediate::Word => 4,
        Immediate::Full => 4 << u8::from(wide),
        Immediate::Address => 8 >> u8::from(prefixes.narrow),
    })?;
    let mut insn = Insn {
        bytes: [0; MOST],
        len: from.at,
        kind: Kind::Plain,
        rip_at: modrm.and_then(|(_, _, at)| at),
    };
    insn.bytes[..from.at].copy_from_slice(&bytes[..from.at]);
    insn.kind = kind(&prefixes, (opcode, two), line.sort, modrm, immediate)?;
    Ok(insn)
}

fn kind(
    prefixes: &Prefixes,
    (opcode, two): (u8, bool),
    sort: Sort,
    modrm: Option<(u8, Operand, Option<usize>)>,
    immediate: i32,
) -> Result<Kind, Reject> {
    // By hand only what has no prefix that makes it something else: processors differ about some of them.
    let bare = !prefixes.short && !prefixes.narrow && !prefixes.segment && !prefixes.lock;
    let steers = !matches!(sort, Sort::Plain | Sort::Nop | Sort::Refused | Sort::Group5);
    if steers && !bare {
        return Err(Reject::Unknown);
    }
    Ok(match sort {
        // Of the state that it saves and loads, and of the bases of segments.
        Sort::Plain if two && opcode == 0xae => match modrm {
            Some((_, Operand::Register(_), _)) if prefixes.repeat.is_some() => Kind::Refused,
            _ => Kind::Plain,
        },
        Sort::Plain => Kind::Plain,
        // Of one byte: with REX.B an exchange, with REP a pause; of hints those that wait or load are none.
        Sort::Nop if !two && (prefixes.rex & 1 != 0 || prefixes.repeat.is_some()) => Kind::Plain,
        Sort::Nop if two && !matches!(opcode, 0x1e | 0x1f) => Kind::Plain,
        Sort::Nop => nop(prefixes, opcode, two, modrm),
        Sort::Push => Kind::Push(prefixes.register(opcode, 0)),
        Sort::Call => Kind::Call(immediate),
        Sort::Jump => Kind::Jump(immediate),
        Sort::JumpIf => Kind::JumpIf(opcode & 15, immediate),
        Sort::Return => Kind::Return(immediate as u16),
        Sort::Group5 => return group5(modrm, bare),
        Sort::Refused => Kind::Refused,
    })
}

/// A hint: 1E is none where it reads the shadow stack.
fn nop(
    prefixes: &Prefixes,
    opcode: u8,
    two: bool,
    modrm: Option<(u8, Operand, Option<usize>)>,
) -> Kind {
    let shadow = two && opcode == 0x1e && prefixes.repeat.is_some();
    let endbr = matches!(modrm, Some((0xfa | 0xfb, _, _)));
    if shadow && !endbr {
        Kind::Plain
    } else {
        Kind::Nop
    }
}

fn group5(modrm: Option<(u8, Operand, Option<usize>)>, bare: bool) -> Result<Kind, Reject> {
    let (modrm, operand, _) = modrm.ok_or(Reject::Unknown)?;
    match modrm >> 3 & 7 {
        2 | 4 if !bare => Err(Reject::Unknown),
        2 => Ok(Kind::CallTo(operand)),
        4 => Ok(Kind::JumpTo(operand)),
        3 | 5 => Ok(Kind::Refused),
        _ => Ok(Kind::Plain),
    }
}

/// Whether an instruction starts `offset` bytes into a function, going through it from its beginning. `read` gives what
/// stands at an offset: at most [`MOST`] bytes, and how many.
///
/// # Errors
/// See [`Reject`]: something before it is not known.
pub fn starts_at(
    offset: usize,
    mut read: impl FnMut(usize) -> ([u8; MOST], usize),
) -> Result<bool, Reject> {
    let mut at = 0;
    while at < offset {
        let (bytes, len) = read(at);
        at += decode(&bytes[..len.min(MOST)])?.len;
    }
    Ok(at == offset)
}
