//! The operation and comparison that `FUTEX_WAKE_OP` encodes in one word. Pure.
use abi::{Errno, Result};

/// A decoded `val3` of `FUTEX_WAKE_OP`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Op {
    op: u32,
    arg: u32,
    cmp: u32,
    cmp_arg: i32,
}

impl Op {
    /// Decodes. `ENOSYS`: unknown operation or comparison, as in Linux; `EINVAL`: a shift by 32 or more.
    pub fn decode(word: u32) -> Result<Self> {
        let sign_extend = |v: u32| ((v << 20) as i32) >> 20;
        let op = word >> 28 & 7;
        let cmp = word >> 24 & 15;
        let mut arg = sign_extend(word >> 12 & 0xfff) as u32;
        if word >> 31 != 0 {
            // Linux masks a shift count that is out of range.
            arg = 1 << (arg & 31);
        }
        if op > 4 || cmp > 5 {
            return Err(Errno::ENOSYS);
        }
        Ok(Self {
            op,
            arg,
            cmp,
            cmp_arg: sign_extend(word & 0xfff),
        })
    }

    /// The word's new value.
    pub const fn apply(&self, old: u32) -> u32 {
        match self.op {
            0 => self.arg,
            1 => old.wrapping_add(self.arg),
            2 => old | self.arg,
            3 => old & !self.arg,
            _ => old ^ self.arg,
        }
    }

    /// Whether the old value makes the second wake-up happen.
    pub const fn compare(&self, old: u32) -> bool {
        let (old, arg) = (old as i32, self.cmp_arg);
        match self.cmp {
            0 => old == arg,
            1 => old != arg,
            2 => old < arg,
            3 => old <= arg,
            4 => old > arg,
            _ => old >= arg,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn word(op: u32, cmp: u32, arg: u32, cmp_arg: u32) -> u32 {
        op << 28 | cmp << 24 | (arg & 0xfff) << 12 | cmp_arg & 0xfff
    }

    #[test]
    fn operations() {
        assert_eq!(Op::decode(word(0, 0, 7, 0)).unwrap().apply(3), 7);
        assert_eq!(
            Op::decode(word(1, 0, 0xfff, 0)).unwrap().apply(3),
            2,
            "-1 sign-extended"
        );
        assert_eq!(Op::decode(word(2, 0, 4, 0)).unwrap().apply(3), 7);
        assert_eq!(Op::decode(word(3, 0, 1, 0)).unwrap().apply(3), 2);
        assert_eq!(Op::decode(word(4, 0, 1, 0)).unwrap().apply(3), 2);
        assert_eq!(
            Op::decode(word(8, 0, 5, 0)).unwrap().apply(0),
            32,
            "shifted argument"
        );
        assert_eq!(Op::decode(word(5, 0, 0, 0)), Err(Errno::ENOSYS));
        assert_eq!(Op::decode(word(0, 6, 0, 0)), Err(Errno::ENOSYS));
    }

    #[test]
    fn comparisons() {
        let cmp = |cmp, arg, old| Op::decode(word(0, cmp, 0, arg)).unwrap().compare(old);
        assert!(
            cmp(0, 5, 5)
                && cmp(1, 5, 6)
                && cmp(2, 5, 4)
                && cmp(3, 5, 5)
                && cmp(4, 5, 6)
                && cmp(5, 5, 5)
        );
        assert!(cmp(4, 0xfff, 0), "0 is greater than -1");
    }
}
