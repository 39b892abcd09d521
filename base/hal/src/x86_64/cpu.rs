//! The CPU one runs on, and what it can do.

use core::arch::asm;
use core::arch::x86_64::{__cpuid_count, CpuidResult};
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::percpu;

mod flags;
pub use flags::flags;

pub(crate) static ONLINE: AtomicUsize = AtomicUsize::new(1);

/// This CPU's number, 0 to [`crate::MAX_CPUS`] - 1. Stable only while preemption is off.
#[inline]
#[must_use]
pub fn id() -> usize {
    percpu::read_u32!(id) as usize
}

/// How many CPUs are online; their numbers are 0 to this - 1.
#[inline]
#[must_use]
pub fn online() -> usize {
    ONLINE.load(Ordering::Relaxed)
}

/// Tells the CPU that this is a spin loop.
#[inline]
pub fn relax() {
    core::hint::spin_loop();
}

/// Waits for an interrupt, with interrupts on while it waits and after. Call it with interrupts off after a last look
/// for work: an interrupt that arrives in between ends the wait at once, so that no wake-up is lost.
#[inline]
pub fn halt() {
    // SAFETY: `sti` takes effect after the instruction that follows it, which is the `hlt`.
    unsafe { asm!("sti", "hlt", options(nostack, preserves_flags)) };
}

/// Stops this CPU for good.
pub fn halt_forever() -> ! {
    loop {
        // SAFETY: interrupts off, then wait: nothing but an NMI gets through, and that only comes back here.
        unsafe { asm!("cli", "hlt", options(nostack, preserves_flags)) };
    }
}

/// The CPUID instruction.
#[must_use]
pub fn cpuid(leaf: u32, subleaf: u32) -> CpuidResult {
    __cpuid_count(leaf, subleaf)
}

fn bit(register: u32, bit: u32) -> bool {
    register >> bit & 1 != 0
}

/// What the boot CPU can do, as far as the kernel asks. All CPUs are taken to be alike.
#[derive(Clone, Copy, Debug, Default)]
#[expect(missing_docs, reason = "CPUID's own names")]
pub struct Features {
    pub xsave: bool,
    pub fsgsbase: bool,
    pub smep: bool,
    pub smap: bool,
    pub umip: bool,
    pub erms: bool,
    pub fsrm: bool,
    pub x2apic: bool,
    pub tsc_deadline: bool,
    pub invariant_tsc: bool,
    pub pcid: bool,
    pub rdrand: bool,
    pub rdseed: bool,
    pub rdtscp: bool,
    pub hypervisor: bool,
}

impl Features {
    fn read() -> Self {
        let max = cpuid(0, 0).eax;
        let max_extended = cpuid(0x8000_0000, 0).eax;
        let one = cpuid(1, 0);
        let none = CpuidResult {
            eax: 0,
            ebx: 0,
            ecx: 0,
            edx: 0,
        };
        let seven = if max >= 7 { cpuid(7, 0) } else { none };
        let extended = if max_extended >= 0x8000_0001 {
            cpuid(0x8000_0001, 0)
        } else {
            none
        };
        let power = if max_extended >= 0x8000_0007 {
            cpuid(0x8000_0007, 0)
        } else {
            none
        };
        Self {
            xsave: bit(one.ecx, 26),
            fsgsbase: bit(seven.ebx, 0),
            smep: bit(seven.ebx, 7),
            smap: bit(seven.ebx, 20),
            umip: bit(seven.ecx, 2),
            erms: bit(seven.ebx, 9),
            fsrm: bit(seven.edx, 4),
            x2apic: bit(one.ecx, 21),
            tsc_deadline: bit(one.ecx, 24),
            invariant_tsc: bit(power.edx, 8),
            pcid: bit(one.ecx, 17),
            rdrand: bit(one.ecx, 30),
            rdseed: bit(seven.ebx, 18),
            rdtscp: bit(extended.edx, 27),
            hypervisor: bit(one.ecx, 31),
        }
    }
}

static FEATURES: super::Once<Features> = super::Once::new();

/// What the CPU can do.
#[must_use]
pub fn features() -> &'static Features {
    FEATURES.get_or_init(Features::read)
}

/// The vendor's name, as "GenuineIntel".
#[must_use]
pub fn vendor() -> &'static str {
    static NAME: super::Once<[u8; 12]> = super::Once::new();
    let bytes = NAME.get_or_init(|| {
        let leaf = cpuid(0, 0);
        let mut name = [0; 12];
        name[..4].copy_from_slice(&leaf.ebx.to_le_bytes());
        name[4..8].copy_from_slice(&leaf.edx.to_le_bytes());
        name[8..].copy_from_slice(&leaf.ecx.to_le_bytes());
        name
    });
    core::str::from_utf8(bytes).unwrap_or("unknown")
}

/// The model's name, as the CPU gives it.
#[must_use]
pub fn model_name() -> &'static str {
    static NAME: super::Once<[u8; 48]> = super::Once::new();
    let bytes = NAME.get_or_init(|| {
        let mut name = [0; 48];
        if cpuid(0x8000_0000, 0).eax >= 0x8000_0004 {
            for (leaf, chunk) in (0x8000_0002..).zip(name.chunks_exact_mut(16)) {
                let words = cpuid(leaf, 0);
                for (word, part) in [words.eax, words.ebx, words.ecx, words.edx]
                    .iter()
                    .zip(chunk.chunks_exact_mut(4))
                {
                    part.copy_from_slice(&word.to_le_bytes());
                }
            }
        }
        name
    });
    let end = bytes
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(bytes.len());
    core::str::from_utf8(&bytes[..end])
        .unwrap_or("unknown")
        .trim()
}

/// Family, model and stepping, with the extended fields added in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "CPUID's own names")]
pub struct Signature {
    pub family: u32,
    pub model: u32,
    pub stepping: u32,
}

/// The CPU's signature (CPUID leaf 1).
#[must_use]
pub fn signature() -> Signature {
    let eax = cpuid(1, 0).eax;
    let (family, model) = (eax >> 8 & 15, eax >> 4 & 15);
    Signature {
        family: if family == 15 {
            family + (eax >> 20 & 0xff)
        } else {
            family
        },
        model: if matches!(family, 6 | 15) {
            model | (eax >> 12 & 0xf0)
        } else {
            model
        },
        stepping: eax & 15,
    }
}

/// Physical and virtual address bits.
#[must_use]
pub fn address_bits() -> (u32, u32) {
    if cpuid(0x8000_0000, 0).eax < 0x8000_0008 {
        return (36, 48);
    }
    let eax = cpuid(0x8000_0008, 0).eax;
    (eax & 0xff, eax >> 8 & 0xff)
}

pub(crate) static TSC_HZ: AtomicU64 = AtomicU64::new(0);

/// The time-stamp counter's rate in kHz: `cpu MHz` in /proc/cpuinfo, times 1000.
#[must_use]
pub fn khz() -> u64 {
    TSC_HZ.load(Ordering::Relaxed) / 1000
}

/// The local APIC's number of a CPU.
#[must_use]
pub fn apic_id(cpu: usize) -> u32 {
    // SAFETY: written before the CPU is started.
    unsafe { (*percpu::header(cpu)).apic_id }
}

/// Where a CPU sits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The package's number.
    pub package: u32,
    /// The core's number within it.
    pub core: u32,
}

/// Where a CPU sits, by the shares that packages, cores and threads have of its APIC number (Intel SDM volume 2, CPUID leaf
/// 0BH). `None`: the CPU does not tell.
#[must_use]
pub fn place(cpu: usize) -> Option<Place> {
    const TOPOLOGY: u32 = 0xb;
    if cpuid(0, 0).eax < TOPOLOGY {
        return None;
    }
    let (threads, cores) = (cpuid(TOPOLOGY, 0), cpuid(TOPOLOGY, 1));
    if threads.ebx == 0 || cores.ebx == 0 {
        return None;
    }
    Some(place_of(apic_id(cpu), threads.eax & 0x1f, cores.eax & 0x1f))
}

/// Bits below `thread_bits` number a core's threads, those below `core_bits` a package's.
const fn place_of(apic_id: u32, thread_bits: u32, core_bits: u32) -> Place {
    Place {
        package: apic_id >> core_bits,
        core: (apic_id & ((1 << core_bits) - 1)) >> thread_bits,
    }
}
