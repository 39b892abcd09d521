//! Plain-data structures of the interface that `linux-raw-sys` lacks or whose types here must be [`zerocopy`]-safe
//! (any bit pattern valid, no padding) so that safe code may copy them to and from user memory.
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct timespec` (and `__kernel_timespec`): seconds and nanoseconds.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Timespec {
    /// Whole seconds.
    pub tv_sec: i64,
    /// Nanoseconds, 0 to 999,999,999 when valid.
    pub tv_nsec: i64,
}

/// `struct timeval`: seconds and microseconds.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Timeval {
    /// Whole seconds.
    pub tv_sec: i64,
    /// Microseconds, 0 to 999,999 when valid.
    pub tv_usec: i64,
}

/// `struct stat` of x86-64 (stat(2)).
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Stat {
    pub st_dev: u64,
    pub st_ino: u64,
    pub st_nlink: u64,
    pub st_mode: u32,
    pub st_uid: u32,
    pub st_gid: u32,
    pub __pad0: u32,
    pub st_rdev: u64,
    pub st_size: i64,
    pub st_blksize: i64,
    pub st_blocks: i64,
    pub st_atime: Timespec,
    pub st_mtime: Timespec,
    pub st_ctime: Timespec,
    pub __unused: [i64; 3],
}
const _: () = assert!(size_of::<Stat>() == 144);

/// `struct iovec` (readv(2)).
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Iovec {
    pub iov_base: usize,
    pub iov_len: usize,
}
