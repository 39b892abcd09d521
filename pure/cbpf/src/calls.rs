//! Filters of system calls (seccomp(2)): of what a program may do, what makes sense on a call, and running it on one.
use crate::check::Program;
use crate::code::{From, Op, Sum};
use crate::run::{About, Packet};

/// Words of what a filter is told of a call (`struct seccomp_data`).
const CALL_WORDS: usize = 16;

/// A call as filters read it: aligned words of 32 bits, their bytes in the order in which a packet has them.
#[derive(Clone, Copy, Debug)]
pub struct Call([u8; 4 * CALL_WORDS]);

impl Call {
    /// A call: number, architecture (`AUDIT_ARCH_...`), where its instruction ends, and its arguments.
    #[must_use]
    pub fn new(number: u32, architecture: u32, instruction: u64, arguments: &[usize; 6]) -> Self {
        let mut bytes = [0; 4 * CALL_WORDS];
        let halves = |long: u64| [long as u32, (long >> 32) as u32];
        let first = [number, architecture].into_iter();
        let longs = core::iter::once(instruction).chain(arguments.iter().map(|a| *a as u64));
        let words = first.chain(longs.flat_map(halves));
        for (place, word) in bytes.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        Self(bytes)
    }
}

impl Program {
    /// Whether it may filter system calls: it reads nothing but whole aligned words of what stands there, nothing beside,
    /// and takes no remainders.
    #[must_use]
    pub fn fits_calls(&self) -> bool {
        self.ops.iter().all(|(op, instruction)| match op {
            Op::Load(from, size) => {
                let k = instruction.k as usize;
                *from == From::Absolute && *size == 4 && k < 4 * CALL_WORDS && k.is_multiple_of(4)
            }
            Op::LoadBeside(_) | Op::XHeader | Op::Sum(Sum::Mod, _) => false,
            _ => true,
        })
    }

    /// What it says of a call.
    #[must_use]
    pub fn run_on(&self, call: &Call) -> u32 {
        self.run(&Packet {
            data: &call.0,
            about: About::default(),
        })
    }
}
