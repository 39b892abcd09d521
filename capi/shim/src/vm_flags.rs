//! `VM_*` of `linux/mm.h`: flags of areas as modules see them. The low byte is the same as that of [`VmFlags`].
use mm::VmFlags;

/// `VM_SHARED`, `VM_MAYSHARE`.
pub(crate) const SHARED: u64 = 8;
pub(crate) const MAY_WRITE: u64 = 0x20;
pub(crate) const PFN_MAP: u64 = 0x400;
pub(crate) const IO: u64 = 0x4000;
pub(crate) const DONT_EXPAND: u64 = 0x4_0000;
pub(crate) const DONT_DUMP: u64 = 0x400_0000;
pub(crate) const MIXED_MAP: u64 = 0x1000_0000;

/// `VM_READ` to `VM_MAYEXEC` without what tells how it is shared: a module may take these away.
const RIGHTS: u32 = 0x77;
const LOW: u32 = 0xff;

/// What stands at other places; a module may set the last six.
const OTHERS: [(u64, VmFlags); 11] = [
    (0x2000, VmFlags::LOCKED),
    (0x8000, VmFlags::SEQ_READ),
    (0x1_0000, VmFlags::RAND_READ),
    (0x10_0000, VmFlags::ACCOUNT),
    (0x20_0000, VmFlags::NO_RESERVE),
    (0x2_0000, VmFlags::DONT_FORK),
    (DONT_EXPAND, VmFlags::DONT_EXPAND),
    (DONT_DUMP, VmFlags::DONT_DUMP),
    (IO, VmFlags::IO),
    (PFN_MAP, VmFlags::PFN_MAP),
    (MIXED_MAP, VmFlags::MIXED_MAP),
];
const FIRST_SETTABLE: usize = 5;

/// As a module sees them.
pub(crate) fn shown(bits: u32) -> u64 {
    let flags = VmFlags::from_bits_truncate(bits);
    let mut all = u64::from(bits & LOW);
    // A shared mapping that can never be written to is not told as such.
    if !flags.contains(VmFlags::MAY_WRITE) {
        all &= !SHARED;
    }
    for (number, flag) in OTHERS {
        if flags.contains(flag) {
            all |= number;
        }
    }
    all
}

/// What becomes of flags that a module has changed to `now`.
pub(crate) fn taken(bits: u32, now: u64) -> u32 {
    let mut flags = VmFlags::from_bits_truncate(bits & (!RIGHTS | now as u32));
    for (number, flag) in &OTHERS[FIRST_SETTABLE..] {
        flags.set(*flag, now & number != 0);
    }
    flags.bits()
}
