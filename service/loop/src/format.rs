//! The structures and numbers of loop(4).
use abi::zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};
use abi::{Errno, Result};

pub(crate) const LOOP_SET_FD: u32 = 0x4c00;
pub(crate) const LOOP_CLR_FD: u32 = 0x4c01;
pub(crate) const LOOP_SET_STATUS: u32 = 0x4c02;
pub(crate) const LOOP_GET_STATUS: u32 = 0x4c03;
pub(crate) const LOOP_SET_STATUS64: u32 = 0x4c04;
pub(crate) const LOOP_GET_STATUS64: u32 = 0x4c05;
pub(crate) const LOOP_CHANGE_FD: u32 = 0x4c06;
pub(crate) const LOOP_SET_CAPACITY: u32 = 0x4c07;
pub(crate) const LOOP_SET_DIRECT_IO: u32 = 0x4c08;
pub(crate) const LOOP_SET_BLOCK_SIZE: u32 = 0x4c09;
pub(crate) const LOOP_CONFIGURE: u32 = 0x4c0a;
pub(crate) const LOOP_CTL_ADD: u32 = 0x4c80;
pub(crate) const LOOP_CTL_REMOVE: u32 = 0x4c81;
pub(crate) const LOOP_CTL_GET_FREE: u32 = 0x4c82;

pub(crate) const LO_FLAGS_READ_ONLY: u32 = 1;
pub(crate) const LO_FLAGS_AUTOCLEAR: u32 = 4;
pub(crate) const LO_FLAGS_PARTSCAN: u32 = 8;
pub(crate) const LO_FLAGS_DIRECT_IO: u32 = 16;

/// Longest name of the file, with its NUL.
pub(crate) const NAME_SIZE: usize = 64;
/// Longest key.
pub(crate) const KEY_SIZE: u32 = 32;

/// `struct loop_info64`.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct Info64 {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) rdevice: u64,
    pub(crate) offset: u64,
    pub(crate) size_limit: u64,
    pub(crate) number: u32,
    pub(crate) encrypt_type: u32,
    pub(crate) encrypt_key_size: u32,
    pub(crate) flags: u32,
    pub(crate) file_name: [u8; NAME_SIZE],
    pub(crate) crypt_name: [u8; NAME_SIZE],
    pub(crate) encrypt_key: [u8; KEY_SIZE as usize],
    pub(crate) init: [u64; 2],
}

/// `struct loop_info`, which came before it.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct Info {
    number: i32,
    pad: u32,
    device: u64,
    inode: u64,
    rdevice: u64,
    offset: i32,
    encrypt_type: i32,
    encrypt_key_size: i32,
    flags: i32,
    name: [u8; NAME_SIZE],
    encrypt_key: [u8; KEY_SIZE as usize],
    init: [u64; 2],
    reserved: [u8; 4],
    pad_end: u32,
}

/// `struct loop_config`.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct Config {
    pub(crate) fd: u32,
    pub(crate) block_size: u32,
    pub(crate) info: Info64,
    reserved: [u64; 8],
}

const _: () = assert!(size_of::<Info64>() == 232);
const _: () = assert!(size_of::<Info>() == 168);
const _: () = assert!(size_of::<Config>() == 304);

impl Config {
    /// What `LOOP_SET_FD` stands for.
    pub(crate) fn of_fd(fd: u32) -> Self {
        Self {
            fd,
            ..Self::new_zeroed()
        }
    }
}

impl From<&Info> for Info64 {
    fn from(old: &Info) -> Self {
        Self {
            device: old.device,
            inode: old.inode,
            rdevice: old.rdevice,
            offset: i64::from(old.offset) as u64,
            size_limit: 0,
            number: old.number as u32,
            encrypt_type: old.encrypt_type as u32,
            encrypt_key_size: old.encrypt_key_size as u32,
            flags: old.flags as u32,
            file_name: old.name,
            crypt_name: [0; NAME_SIZE],
            encrypt_key: old.encrypt_key,
            init: old.init,
        }
    }
}

impl TryFrom<&Info64> for Info {
    type Error = Errno;

    /// EOVERFLOW: the offset has no place in it.
    fn try_from(info: &Info64) -> Result<Self> {
        Ok(Self {
            number: info.number as i32,
            device: info.device,
            inode: info.inode,
            rdevice: info.rdevice,
            offset: i32::try_from(info.offset).map_err(|_| Errno::EOVERFLOW)?,
            flags: info.flags as i32,
            name: info.file_name,
            ..Self::new_zeroed()
        })
    }
}
