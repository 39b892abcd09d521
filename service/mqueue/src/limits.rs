//! The limits of one set of queues (`/proc/sys/fs/mqueue`), and how many queues it has.
use crate::attr::{Attr, HARD_MESSAGES, HARD_SIZE};
use abi::{Errno, Result};
use core::sync::atomic::{AtomicI32, AtomicU32, Ordering};

/// Which limit; each is a file of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Knob {
    /// `msg_default`: messages of a queue that is made without attributes.
    MsgDefault,
    /// `msg_max`: most messages.
    MsgMax,
    /// `msgsize_default`: bytes of a message, without attributes.
    SizeDefault,
    /// `msgsize_max`: most bytes of a message.
    SizeMax,
    /// `queues_max`: most queues.
    QueuesMax,
}

/// Most messages and bytes at first, without attributes and with.
const MESSAGES: i32 = 10;
const SIZE: i32 = 8192;
const QUEUES: i32 = 256;
/// Nobody may set a limit on the size of a message below this.
const LEAST_SIZE: i64 = 128;

/// The limits and the count.
#[derive(Debug)]
pub struct Limits {
    values: [AtomicI32; 5],
    queues: AtomicU32,
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}

impl Limits {
    /// The usual ones.
    pub const fn new() -> Self {
        Self {
            values: [
                AtomicI32::new(MESSAGES),
                AtomicI32::new(MESSAGES),
                AtomicI32::new(SIZE),
                AtomicI32::new(SIZE),
                AtomicI32::new(QUEUES),
            ],
            queues: AtomicU32::new(0),
        }
    }

    /// A limit.
    pub fn get(&self, knob: Knob) -> i32 {
        self.values[knob as usize].load(Ordering::Relaxed)
    }

    /// Sets one. EINVAL: no value that it can have.
    pub fn set(&self, knob: Knob, value: i64) -> Result<()> {
        let range = match knob {
            Knob::MsgDefault | Knob::MsgMax => 1..=HARD_MESSAGES,
            Knob::SizeDefault | Knob::SizeMax => LEAST_SIZE..=HARD_SIZE,
            Knob::QueuesMax => i64::from(i32::MIN)..=i64::from(i32::MAX),
        };
        if !range.contains(&value) {
            return Err(Errno::EINVAL);
        }
        self.values[knob as usize].store(value as i32, Ordering::Relaxed);
        Ok(())
    }

    fn both(&self, messages: Knob, size: Knob) -> Attr {
        Attr {
            messages: self.get(messages).into(),
            size: self.get(size).into(),
        }
    }

    /// The most that who has no privilege may ask for.
    pub fn most(&self) -> Attr {
        self.both(Knob::MsgMax, Knob::SizeMax)
    }

    /// What a queue without attributes has.
    pub fn usual(&self) -> Attr {
        let (most, usual) = (self.most(), self.both(Knob::MsgDefault, Knob::SizeDefault));
        Attr {
            messages: usual.messages.min(most.messages),
            size: usual.size.min(most.size),
        }
    }

    /// Counts one more queue. ENOSPC: there are as many as may be, for who has no privilege.
    pub fn add(&self, privileged: bool) -> Result<()> {
        let most = self.get(Knob::QueuesMax) as u32;
        let more = |count: u32| (count < most || privileged).then(|| count + 1);
        self.queues
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .map(drop)
            .map_err(|_| Errno::ENOSPC)
    }

    /// One less.
    pub fn remove(&self) {
        self.queues.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_counts() {
        let limits = Limits::new();
        assert_eq!(limits.set(Knob::MsgMax, 0), Err(Errno::EINVAL));
        assert_eq!(limits.set(Knob::SizeMax, 127), Err(Errno::EINVAL));
        limits.set(Knob::MsgMax, 2).unwrap();
        assert_eq!((limits.usual().messages, limits.usual().size), (2, 8192));
        limits.set(Knob::QueuesMax, 1).unwrap();
        limits.add(false).unwrap();
        assert_eq!(limits.add(false), Err(Errno::ENOSPC));
        limits.add(true).unwrap();
        limits.remove();
        limits.remove();
        limits.add(false).unwrap();
    }
}
