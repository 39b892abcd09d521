//! What callers hand in and get back: requests, faults, descriptions of areas, counters, the layout of a program.
use crate::flags::VmFlags;
use abi::Errno;
use alloc::sync::Arc;
use pagecache::MapObject;

/// What an access that trapped (or that the kernel wants to make) was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A data read.
    Read,
    /// A data write.
    Write,
    /// An instruction fetch.
    Exec,
}

/// Why a fault cannot be resolved; each maps to one signal (sigaction(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultError {
    /// No area there: `SIGSEGV`, `SEGV_MAPERR`.
    SegvMapErr,
    /// An area that does not allow the access: `SIGSEGV`, `SEGV_ACCERR`.
    SegvAccErr,
    /// Beyond the end of a mapped file, or its data could not be read: `SIGBUS`, `BUS_ADRERR`.
    BusAdrErr,
    /// No memory was left: the task is to be killed or the fault taken again after the OOM killer ran.
    Oom,
    /// A fatal signal came in while waiting, or the access is to be tried again: go back to the task's loop.
    Interrupted,
}

impl FaultError {
    /// The error of a system call that ran into this fault by itself (not through user memory access).
    pub fn errno(self) -> Errno {
        match self {
            Self::Oom => Errno::ENOMEM,
            Self::Interrupted => Errno::EINTR,
            _ => Errno::EFAULT,
        }
    }
}

/// The file side of a mapping. Whether the descriptor was open for reading (`EACCES` without) is checked by the caller;
/// what else it allows, the object says.
pub type Backing = Arc<dyn MapObject>;

/// mmap(2)'s arguments, decoded as far as the file goes.
pub struct MmapRequest {
    /// Hint, or the address with `MAP_FIXED`.
    pub addr: usize,
    /// Bytes, not yet rounded.
    pub len: usize,
    /// `PROT_*`.
    pub prot: u32,
    /// `MAP_*`.
    pub flags: u32,
    /// The file; `None` with `MAP_ANONYMOUS`.
    pub backing: Option<Backing>,
    /// Offset into the file in bytes, a multiple of the page size.
    pub offset: u64,
    /// The caller has `CAP_SYS_RAWIO`: may map below `mmap_min_addr`.
    pub low_allowed: bool,
}

/// The resource limits that bear on an address space, in bytes; `u64::MAX` is `RLIM_INFINITY`. Set by whoever owns the
/// process' limits: at exec and by prlimit(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `RLIMIT_AS`.
    pub address_space: u64,
    /// `RLIMIT_DATA`.
    pub data: u64,
    /// `RLIMIT_STACK`.
    pub stack: u64,
    /// `RLIMIT_MEMLOCK`; the caller passes `u64::MAX` for a task with `CAP_IPC_LOCK`.
    pub memlock: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            address_space: u64::MAX,
            data: u64::MAX,
            stack: 8 << 20,
            memlock: 8 << 20,
        }
    }
}

/// Addresses of the program's parts (prctl(2) `PR_SET_MM`, proc(5) `stat`), all 0 before exec.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Program text.
    pub start_code: usize,
    /// End of the program text.
    pub end_code: usize,
    /// Initialised data.
    pub start_data: usize,
    /// End of initialised data.
    pub end_data: usize,
    /// Where the heap begins.
    pub start_brk: usize,
    /// Where the heap ends now.
    pub brk: usize,
    /// The stack pointer a program starts with.
    pub start_stack: usize,
    /// The argument strings.
    pub arg_start: usize,
    /// Their end.
    pub arg_end: usize,
    /// The environment strings.
    pub env_start: usize,
    /// Their end.
    pub env_end: usize,
}

/// One area, for proc(5) `maps` and `smaps`.
pub struct VmaInfo<'a> {
    /// First address.
    pub start: usize,
    /// One past the last.
    pub end: usize,
    /// Protection and kind.
    pub flags: VmFlags,
    /// Byte offset into the file; 0 for private anonymous areas.
    pub offset: u64,
    /// What is mapped, if it is not private anonymous memory.
    pub object: Option<&'a Arc<dyn MapObject>>,
    /// Some of its pages are the space's own: written to.
    pub has_anon: bool,
    /// `[heap]` or `[stack]`, for areas without a file.
    pub name: Option<&'static str>,
}

/// A page that is in memory, for proc(5) `pagemap`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageInfo {
    /// Its number among all of the machine.
    pub frame_number: u64,
    /// The address space's own, not an object's.
    pub is_own: bool,
    /// How many places map it.
    pub mappers: usize,
}

/// Pages of one area, for proc(5) `smaps`; all counts in pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AreaPages {
    /// Present pages.
    pub rss: usize,
    /// Sum of the shares, times 4096 (a page mapped n times counts 4096 / n).
    pub pss_4096: usize,
    /// Of these shares, those of dirty pages.
    pub pss_dirty_4096: usize,
    /// Of these shares, those of anonymous pages.
    pub pss_anon_4096: usize,
    /// Shared and clean.
    pub shared_clean: usize,
    /// Shared and dirty.
    pub shared_dirty: usize,
    /// Private and clean.
    pub private_clean: usize,
    /// Private and dirty.
    pub private_dirty: usize,
    /// Accessed since mapped.
    pub referenced: usize,
    /// Anonymous.
    pub anonymous: usize,
    /// Of huge pages that are mapped elsewhere too; not resident.
    pub shared_huge: usize,
    /// Of huge pages that are mapped here alone; not resident.
    pub private_huge: usize,
}

/// Counters for proc(5) `status` and `statm`, all in pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// `VmSize`.
    pub total: usize,
    /// `VmPeak`.
    pub peak: usize,
    /// `VmRSS` = anon + file + shmem.
    pub rss: usize,
    /// `VmHWM`.
    pub rss_peak: usize,
    /// `RssAnon`.
    pub anon: usize,
    /// `RssFile`.
    pub file: usize,
    /// `RssShmem`.
    pub shmem: usize,
    /// `VmData`.
    pub data: usize,
    /// `VmStk`.
    pub stack: usize,
    /// Executable file mappings (`VmExe` + `VmLib`).
    pub exec: usize,
    /// `VmLck`.
    pub locked: usize,
    /// `HugetlbPages`.
    pub huge: usize,
    /// `VmPTE`: pages that hold page tables.
    pub page_tables: usize,
    /// Number of areas.
    pub areas: usize,
}

/// What a futex word is, so that two tasks that mean the same word meet (futex(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FutexKey {
    /// The address space's number, or the mapped object's.
    pub object: u64,
    /// Address within the address space, or byte offset within the object.
    pub offset: u64,
    /// Which of the two.
    pub shared: bool,
}
