//! Debug registers: the addresses at which user mode is to trap (SDM volume 3, 17.2).
//!
//! They are loaded before a watched program goes to user mode, and stay in the CPU when it leaves: what another program
//! runs into then is taken for nothing, and the registers are disarmed ([`Watch::disarm`]). So nobody else pays for them.

use super::paging::USER_END;
use super::registers::write_dr7;
use core::arch::asm;

/// What a program is watched for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    /// DR0 to DR3.
    pub addresses: [u64; 4],
    /// DR7: which of them are on (bits 0 to 7), and for what (from bit 16).
    pub control: u64,
}

/// DR7: enable bits of all four.
const ENABLES: u64 = 0xff;
/// DR7: what may be set beside what is always set. General detection (bit 13) would trap the kernel's own writes.
const ALLOWED: u64 = 0xffff_03ff;
/// DR7: always set.
const FIXED: u64 = 1 << 10;

impl Watch {
    /// Nothing.
    pub const NONE: Self = Self {
        addresses: [0; 4],
        control: 0,
    };

    /// Whether any of the addresses is on.
    #[inline]
    #[must_use]
    pub const fn is_armed(&self) -> bool {
        self.control & ENABLES != 0
    }

    /// The cause bits of a DR6 value that stand for addresses which are on.
    #[must_use]
    pub fn hits(&self, dr6: u64) -> u64 {
        let on = |slot: &u64| self.control >> (slot * 2) & 3 != 0;
        (0..4u64)
            .filter(on)
            .map(|slot| dr6 & 1 << slot)
            .fold(0, |all, bit| all | bit)
    }

    /// Puts it into this CPU. An address outside user space is taken as off.
    pub fn load(&self) {
        let mut control = self.control & ALLOWED;
        let mut addresses = self.addresses;
        for (slot, address) in addresses.iter_mut().enumerate() {
            if *address >= USER_END as u64 {
                *address = 0;
                control &= !(3 << (slot * 2));
            }
        }
        let [a, b, c, d] = addresses;
        // SAFETY: none of them is on while they change; then they trap on user addresses alone, and the kernel takes a
        // debug trap anywhere.
        unsafe {
            write_dr7(FIXED);
            asm!("mov dr0, {}", "mov dr1, {}", "mov dr2, {}", "mov dr3, {}",
                in(reg) a, in(reg) b, in(reg) c, in(reg) d, options(nostack, preserves_flags));
            write_dr7(control | FIXED);
        }
    }

    /// Turns all of this CPU's off.
    pub fn disarm() {
        // SAFETY: nothing traps that way.
        unsafe { write_dr7(FIXED) };
    }
}
