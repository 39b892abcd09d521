//! The limits of a namespace: /proc/sys/kernel (proc(5)), as Linux has them by default.
use crate::ids::MOST;
use abi::{Errno, Result};
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};

/// See the module.
pub(crate) struct Limits {
    pub(crate) shm_max: AtomicU64,
    pub(crate) shm_all: AtomicU64,
    pub(crate) shm_most: AtomicU32,
    pub(crate) shm_rmid_forced: AtomicBool,
    pub(crate) msg_max: AtomicU32,
    pub(crate) msg_bytes: AtomicU32,
    pub(crate) msg_most: AtomicU32,
    /// `SEMMSL`, `SEMMNS`, `SEMOPM`, `SEMMNI`.
    pub(crate) sem: [AtomicU32; 4],
}

/// A limit that is one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// Bytes of a segment.
    ShmMax,
    /// Pages of all segments.
    ShmAll,
    /// Segments.
    ShmMost,
    /// Whether segments go when nobody has them and their maker is gone.
    ShmRmidForced,
    /// Bytes of a message.
    MsgMax,
    /// Bytes in a queue.
    MsgBytes,
    /// Queues.
    MsgMost,
}

impl Limits {
    pub(crate) fn new() -> Self {
        const ENORMOUS: u64 = u64::MAX - (1 << 24);
        Self {
            shm_max: AtomicU64::new(ENORMOUS),
            shm_all: AtomicU64::new(ENORMOUS),
            shm_most: AtomicU32::new(4096),
            shm_rmid_forced: AtomicBool::new(false),
            msg_max: AtomicU32::new(8192),
            msg_bytes: AtomicU32::new(16384),
            msg_most: AtomicU32::new(32000),
            sem: [32000, 1_024_000_000, 500, 32000].map(AtomicU32::new),
        }
    }

    pub(crate) fn get(&self, which: Number) -> u64 {
        match which {
            Number::ShmMax => self.shm_max.load(Relaxed),
            Number::ShmAll => self.shm_all.load(Relaxed),
            Number::ShmMost => self.shm_most.load(Relaxed).into(),
            Number::ShmRmidForced => self.shm_rmid_forced.load(Relaxed).into(),
            Number::MsgMax => self.msg_max.load(Relaxed).into(),
            Number::MsgBytes => self.msg_bytes.load(Relaxed).into(),
            Number::MsgMost => self.msg_most.load(Relaxed).into(),
        }
    }

    pub(crate) fn set(&self, which: Number, value: u64) -> Result<()> {
        let upto = |most: u32| {
            let value = u32::try_from(value).ok();
            value.filter(|value| *value <= most).ok_or(Errno::EINVAL)
        };
        match which {
            Number::ShmMax => self.shm_max.store(value, Relaxed),
            Number::ShmAll => self.shm_all.store(value, Relaxed),
            Number::ShmMost => self.shm_most.store(upto(MOST)?, Relaxed),
            Number::ShmRmidForced => self.shm_rmid_forced.store(upto(1)? == 1, Relaxed),
            Number::MsgMax => self.msg_max.store(upto(i32::MAX as u32)?, Relaxed),
            Number::MsgBytes => self.msg_bytes.store(upto(i32::MAX as u32)?, Relaxed),
            Number::MsgMost => self.msg_most.store(upto(MOST)?, Relaxed),
        }
        Ok(())
    }
}
