//! Flags of an area.

bitflags::bitflags! {
    /// What an area allows and is. The low bits are the same as `PROT_*`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct VmFlags: u32 {
        /// Readable.
        const READ = 1;
        /// Writable.
        const WRITE = 2;
        /// Executable.
        const EXEC = 4;
        /// `MAP_SHARED`.
        const SHARED = 8;
        /// mprotect(2) may make it readable.
        const MAY_READ = 0x10;
        /// mprotect(2) may make it writable.
        const MAY_WRITE = 0x20;
        /// mprotect(2) may make it executable.
        const MAY_EXEC = 0x40;
        /// Shared memory of a file that is open for writing (`VM_MAYSHARE` of a read-only descriptor lacks `SHARED`).
        const MAY_SHARE = 0x80;
        /// Grows towards lower addresses: a stack.
        const GROWS_DOWN = 0x100;
        /// Locked in memory.
        const LOCKED = 0x200;
        /// Locked as pages come in (`MLOCK_ONFAULT`).
        const LOCK_ON_FAULT = 0x400;
        /// Not charged against the commit limit.
        const NO_RESERVE = 0x800;
        /// Charged against the commit limit.
        const ACCOUNT = 0x1000;
        /// Not copied by fork(2).
        const DONT_FORK = 0x2000;
        /// Empty in the child.
        const WIPE_ON_FORK = 0x4000;
        /// Left out of core dumps.
        const DONT_DUMP = 0x8000;
        /// `MADV_SEQUENTIAL`.
        const SEQ_READ = 0x1_0000;
        /// `MADV_RANDOM`.
        const RAND_READ = 0x2_0000;
        /// `MADV_HUGEPAGE`.
        const HUGE = 0x4_0000;
        /// `MADV_NOHUGEPAGE`.
        const NO_HUGE = 0x8_0000;
        /// Cannot be made larger by mremap(2).
        const DONT_EXPAND = 0x20_0000;
        /// Made of huge pages.
        const HUGETLB = 0x40_0000;
        /// An anonymous object that no file name stands for (`MAP_SHARED|MAP_ANONYMOUS`).
        const SHMEM = 0x100_0000;
        /// Nobody wants the news that a page of it is dirty: writable at once.
        const EAGER = 0x200_0000;
        /// Each area has an object of its own, which is told where it lies ([`pagecache::PerArea`]).
        const PER_AREA = 0x400_0000;
        /// Memory of a device: what others do with memory they do not do with it.
        const IO = 0x800_0000;
        /// Its pages are nobody's but the driver's.
        const PFN_MAP = 0x1000_0000;
        /// Pages of both kinds.
        const MIXED_MAP = 0x2000_0000;
    }
}

impl VmFlags {
    /// `PROT_READ|PROT_WRITE|PROT_EXEC`.
    pub const PROT: Self = Self::READ.union(Self::WRITE).union(Self::EXEC);
    /// What may be asked for by mprotect(2).
    pub const MAY_ALL: Self = Self::MAY_READ.union(Self::MAY_WRITE).union(Self::MAY_EXEC);

    /// What only the process itself may look at, as it may not be memory.
    pub const FOREIGN: Self = Self::IO.union(Self::PFN_MAP);
    /// What is not locked in memory, as it is always there (`VM_SPECIAL`).
    pub const SPECIAL: Self = Self::FOREIGN
        .union(Self::MIXED_MAP)
        .union(Self::DONT_EXPAND);

    /// The flags of `PROT_*` bits; others are ignored.
    #[inline]
    pub const fn from_prot(prot: u32) -> Self {
        Self::from_bits_truncate(prot & 7)
    }
}
