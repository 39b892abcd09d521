//! Random numbers from the machine; the second seam of a replay. Seeds only: a generator above stretches them.

use core::arch::asm;
use core::sync::atomic::{AtomicU64, Ordering};

use super::{cpu, registers};

static STATE: AtomicU64 = AtomicU64::new(0);

/// 64 bits of seed: RDSEED or RDRAND where the CPU has them, stirred with the time-stamp counter; on a CPU without
/// them the counter alone, which is weak.
#[must_use]
pub fn seed_u64() -> u64 {
    let features = cpu::features();
    let mut value = registers::rdtsc();
    if features.rdseed {
        value ^= hardware(true).unwrap_or(0);
    }
    if features.rdrand {
        value ^= hardware(false).unwrap_or(0).rotate_left(32);
    }
    let stirred = mix(STATE.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed) ^ value);
    STATE.fetch_xor(stirred, Ordering::Relaxed);
    mix(stirred ^ value)
}

/// Whether [`seed_u64`] has a hardware source.
#[must_use]
pub fn has_hardware_source() -> bool {
    cpu::features().rdrand || cpu::features().rdseed
}

fn hardware(seed: bool) -> Option<u64> {
    for _ in 0..10 {
        let value: u64;
        let ok: u8;
        // SAFETY: the caller has looked at CPUID.
        unsafe {
            if seed {
                asm!("rdseed {}", "setc {}", out(reg) value, out(reg_byte) ok, options(nomem, nostack));
            } else {
                asm!("rdrand {}", "setc {}", out(reg) value, out(reg_byte) ok, options(nomem, nostack));
            }
        }
        if ok != 0 {
            return Some(value);
        }
    }
    None
}

/// The finisher of splitmix64.
const fn mix(mut value: u64) -> u64 {
    value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}
