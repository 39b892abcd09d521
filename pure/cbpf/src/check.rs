//! The checker.
use crate::MOST;
use crate::code::{BESIDE, From, Instruction, Op, Operand, Sum};
use alloc::vec::Vec;
use reserved::Reserved;

/// Words of memory that a program has.
pub(crate) const WORDS: usize = 16;

/// Why a program is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reject {
    /// It is empty or too long.
    Length,
    /// An instruction means nothing, or its constant is impossible; its number.
    Instruction(usize),
    /// A jump leaves the program; the number of the instruction.
    Jump(usize),
    /// The last instruction is no return.
    End,
    /// A word of memory is read that was not written on every way there; the number of the instruction.
    Memory(usize),
    /// The tables of the checker did not fit into memory.
    NoMemory,
}

/// A program that may run.
#[derive(Debug)]
pub struct Program {
    code: Vec<Instruction>,
    pub(crate) ops: Vec<(Op, Instruction)>,
}

impl Program {
    /// Checks a program as Linux does.
    ///
    /// # Errors
    /// The first [`Reject`] found.
    pub fn new(code: Vec<Instruction>) -> Result<Self, Reject> {
        if code.is_empty() || code.len() > MOST {
            return Err(Reject::Length);
        }
        let mut ops = Vec::new();
        ops.try_reserve_exact(code.len())
            .map_err(|_| Reject::NoMemory)?;
        for (at, instruction) in code.iter().enumerate() {
            let op = check(instruction).ok_or(Reject::Instruction(at))?;
            check_jump(op, instruction, code.len() - at).ok_or(Reject::Jump(at))?;
            ops.push_reserved((op, *instruction));
        }
        if !matches!(ops.last(), Some((Op::Return | Op::ReturnA, _))) {
            return Err(Reject::End);
        }
        check_memory(&ops)?;
        Ok(Self { code, ops })
    }

    /// The program as it was given.
    #[must_use]
    pub fn code(&self) -> &[Instruction] {
        &self.code
    }
}

/// The meaning of an instruction, if its constant is possible.
fn check(instruction: &Instruction) -> Option<Op> {
    let op = Op::of(instruction)?;
    let k = instruction.k;
    let possible = match op {
        Op::Sum(Sum::Div | Sum::Mod, Operand::K) => k != 0,
        Op::Sum(Sum::Left | Sum::Right, Operand::K) => k < 32,
        Op::LoadMemory | Op::XMemory | Op::Store | Op::StoreX => (k as usize) < WORDS,
        Op::Load(From::Absolute, _) => k < BESIDE,
        _ => true,
    };
    possible.then_some(op)
}

/// Whether where it jumps to is among the `left` instructions from it on.
fn check_jump(op: Op, instruction: &Instruction, left: usize) -> Option<()> {
    let inside = |distance: u32| (distance as usize) < left - 1;
    let fits = match op {
        Op::Jump => inside(instruction.k),
        Op::JumpIf(..) => inside(instruction.jt.into()) && inside(instruction.jf.into()),
        _ => true,
    };
    fits.then_some(())
}

/// No word of memory is read that may not have been written.
fn check_memory(ops: &[(Op, Instruction)]) -> Result<(), Reject> {
    let mut masks = Vec::new();
    masks
        .try_reserve_exact(ops.len())
        .map_err(|_| Reject::NoMemory)?;
    for _ in ops {
        masks.push_reserved(u16::MAX);
    }
    let mut written = 0_u16;
    for (at, (op, instruction)) in ops.iter().enumerate() {
        written &= masks[at];
        let k = instruction.k;
        match op {
            Op::Store | Op::StoreX => written |= 1 << k,
            Op::LoadMemory | Op::XMemory if written & 1 << k == 0 => {
                return Err(Reject::Memory(at));
            }
            Op::Jump => {
                masks[at + 1 + k as usize] &= written;
                written = u16::MAX;
            }
            Op::JumpIf(..) => {
                masks[at + 1 + usize::from(instruction.jt)] &= written;
                masks[at + 1 + usize::from(instruction.jf)] &= written;
                written = u16::MAX;
            }
            _ => {}
        }
    }
    Ok(())
}
