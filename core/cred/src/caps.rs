//! Capability sets (capabilities(7)).
use core::ops::{BitAnd, BitOr, Not};

/// Capability numbers (`include/uapi/linux/capability.h`).
pub mod cap {
    pub const CHOWN: u32 = 0;
    pub const DAC_OVERRIDE: u32 = 1;
    pub const DAC_READ_SEARCH: u32 = 2;
    pub const FOWNER: u32 = 3;
    pub const FSETID: u32 = 4;
    pub const KILL: u32 = 5;
    pub const SETGID: u32 = 6;
    pub const SETUID: u32 = 7;
    pub const SETPCAP: u32 = 8;
    pub const LINUX_IMMUTABLE: u32 = 9;
    pub const NET_BIND_SERVICE: u32 = 10;
    pub const NET_BROADCAST: u32 = 11;
    pub const NET_ADMIN: u32 = 12;
    pub const NET_RAW: u32 = 13;
    pub const IPC_LOCK: u32 = 14;
    pub const IPC_OWNER: u32 = 15;
    pub const SYS_MODULE: u32 = 16;
    pub const SYS_RAWIO: u32 = 17;
    pub const SYS_CHROOT: u32 = 18;
    pub const SYS_PTRACE: u32 = 19;
    pub const SYS_PACCT: u32 = 20;
    pub const SYS_ADMIN: u32 = 21;
    pub const SYS_BOOT: u32 = 22;
    pub const SYS_NICE: u32 = 23;
    pub const SYS_RESOURCE: u32 = 24;
    pub const SYS_TIME: u32 = 25;
    pub const SYS_TTY_CONFIG: u32 = 26;
    pub const MKNOD: u32 = 27;
    pub const LEASE: u32 = 28;
    pub const AUDIT_WRITE: u32 = 29;
    pub const AUDIT_CONTROL: u32 = 30;
    pub const SETFCAP: u32 = 31;
    pub const MAC_OVERRIDE: u32 = 32;
    pub const MAC_ADMIN: u32 = 33;
    pub const SYSLOG: u32 = 34;
    pub const WAKE_ALARM: u32 = 35;
    pub const BLOCK_SUSPEND: u32 = 36;
    pub const AUDIT_READ: u32 = 37;
    pub const PERFMON: u32 = 38;
    pub const BPF: u32 = 39;
    pub const CHECKPOINT_RESTORE: u32 = 40;
    /// The highest of them; `/proc/sys/kernel/cap_last_cap`.
    pub const LAST: u32 = CHECKPOINT_RESTORE;
}

/// A set of capabilities, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct CapSet(pub u64);

impl CapSet {
    /// None.
    pub const EMPTY: Self = Self(0);
    /// All there are.
    pub const FULL: Self = Self((1 << (cap::LAST + 1)) - 1);
    /// Those about files: what changes with the file-system uid between root and others.
    pub const FS: Self = Self::of(&[
        cap::CHOWN,
        cap::DAC_OVERRIDE,
        cap::DAC_READ_SEARCH,
        cap::FOWNER,
        cap::FSETID,
        cap::LINUX_IMMUTABLE,
        cap::MKNOD,
        cap::MAC_OVERRIDE,
    ]);

    /// The set of these numbers.
    pub const fn of(caps: &[u32]) -> Self {
        let (mut bits, mut i) = (0, 0);
        while i < caps.len() {
            bits |= 1 << caps[i];
            i += 1;
        }
        Self(bits)
    }

    /// Whether `cap` is in it.
    #[inline]
    pub const fn has(self, cap: u32) -> bool {
        cap <= cap::LAST && self.0 >> cap & 1 != 0
    }

    /// Whether all of it is in `other`.
    #[inline]
    pub const fn is_subset(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// Puts `cap` in.
    pub const fn add(&mut self, cap: u32) {
        self.0 |= 1 << cap;
    }

    /// Takes `cap` out.
    pub const fn remove(&mut self, cap: u32) {
        self.0 &= !(1 << cap);
    }

    /// Whether it is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitAnd for CapSet {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for CapSet {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl Not for CapSet {
    type Output = Self;
    /// All that are not in it.
    fn not(self) -> Self {
        Self(!self.0 & Self::FULL.0)
    }
}
