//! What becomes of an instruction that stands elsewhere, or is not run at all.
use crate::decode::{Insn, Kind, Operand};

/// The registers and the memory that an instruction works on.
pub trait Machine {
    /// A general register by its number: rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8 to r15.
    fn register(&self, number: u8) -> u64;
    /// The flags.
    fn flags(&self) -> u64;
    /// A word of memory; none where nothing is.
    fn read(&self, address: u64) -> Option<u64>;
}

/// What a performed instruction leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// Where it goes on.
    pub next: u64,
    /// The stack pointer afterwards.
    pub stack: u64,
    /// A word that stands where `stack` points.
    pub pushed: Option<u64>,
}

const RSP: u8 = 4;
const INT3: u8 = 0xcc;
const CARRY: u64 = 1 << 0;
const PARITY: u64 = 1 << 2;
const ZERO: u64 = 1 << 6;
const SIGN: u64 = 1 << 7;
const OVERFLOW: u64 = 1 << 11;

/// Whether a condition holds.
fn holds(condition: u8, flags: u64) -> bool {
    let is = |flag: u64| flags & flag != 0;
    let less = is(SIGN) != is(OVERFLOW);
    let result = match condition >> 1 {
        0 => is(OVERFLOW),
        1 => is(CARRY),
        2 => is(ZERO),
        3 => is(CARRY | ZERO),
        4 => is(SIGN),
        5 => is(PARITY),
        6 => less,
        _ => is(ZERO) || less,
    };
    result != (condition & 1 != 0)
}

fn value(operand: Operand, machine: &dyn Machine, next: u64) -> Option<u64> {
    let address = match operand {
        Operand::Register(number) => return Some(machine.register(number)),
        Operand::Memory {
            base,
            index,
            displacement,
            next: from_next,
        } => {
            let base = base.map_or(0, |number| machine.register(number));
            let index = index.map_or(0, |(number, scale)| {
                machine.register(number).wrapping_mul(u64::from(scale))
            });
            base.wrapping_add(index)
                .wrapping_add(if from_next { next } else { 0 })
                .wrapping_add_signed(displacement.into())
        }
    };
    machine.read(address)
}

impl Insn {
    /// The bytes that do in place `to` what these do in place `from`, with a breakpoint behind them; how many. `None`: the
    /// instruction has to be [performed](Self::perform), or what it names is out of reach from there.
    #[must_use]
    pub fn moved(&self, from: u64, to: u64) -> Option<([u8; crate::MOST + 1], usize)> {
        if self.kind != Kind::Plain {
            return None;
        }
        let mut bytes = [0; crate::MOST + 1];
        bytes[..self.len].copy_from_slice(&self.bytes[..self.len]);
        bytes[self.len] = INT3;
        if let Some(at) = self.rip_at {
            let old = i32::from_le_bytes(bytes[at..at + 4].try_into().ok()?);
            let distance = from.wrapping_sub(to) as i64;
            let new = i32::try_from(i64::from(old).checked_add(distance)?).ok()?;
            bytes[at..at + 4].copy_from_slice(&new.to_le_bytes());
        }
        Some((bytes, self.len + 1))
    }

    /// Does what the instruction at `at` does, if it is one that steers or pushes. `None`: it is another, or there is no
    /// memory where it reads.
    #[must_use]
    pub fn perform(&self, at: u64, machine: &dyn Machine) -> Option<Done> {
        let next = at.wrapping_add(self.len as u64);
        let stack = machine.register(RSP);
        let to = |distance: i32| next.wrapping_add_signed(distance.into());
        let goes = |next: u64| Done {
            next,
            stack,
            pushed: None,
        };
        let pushes = |next: u64, word: u64| Done {
            next,
            stack: stack.wrapping_sub(8),
            pushed: Some(word),
        };
        Some(match self.kind {
            Kind::Plain | Kind::Refused => return None,
            Kind::Nop => goes(next),
            Kind::Push(number) => pushes(next, machine.register(number)),
            Kind::Call(distance) => pushes(to(distance), next),
            Kind::Jump(distance) => goes(to(distance)),
            Kind::JumpIf(condition, distance) if holds(condition, machine.flags()) => {
                goes(to(distance))
            }
            Kind::JumpIf(..) => goes(next),
            Kind::CallTo(operand) => pushes(value(operand, machine, next)?, next),
            Kind::JumpTo(operand) => goes(value(operand, machine, next)?),
            Kind::Return(extra) => Done {
                next: machine.read(stack)?,
                stack: stack.wrapping_add(8 + u64::from(extra)),
                pushed: None,
            },
        })
    }
}
