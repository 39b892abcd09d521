//! Which attributes a queue may have (mq_open(3), mq_overview(7)), and what it counts for its user.
use abi::{Errno, Result};

/// Most messages of a queue that anybody can make, and most bytes of a message (`HARD_MSGMAX`, `HARD_MSGSIZEMAX`).
pub(crate) const HARD_MESSAGES: i64 = 65_536;
pub(crate) const HARD_SIZE: i64 = 16 << 20;
/// Priorities are below this (`MQ_PRIO_MAX`).
pub const PRIORITIES: u32 = 32_768;
/// What Linux counts of its bookkeeping for a message, and for each priority that there can be (`RLIMIT_MSGQUEUE`).
const OVERHEAD: i64 = 48;

/// `mq_maxmsg` and `mq_msgsize`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attr {
    /// Most messages.
    pub messages: i64,
    /// Most bytes of a message.
    pub size: i64,
}

impl Attr {
    /// How many bytes a queue of these counts for its user; `most` is the limit for who has no privilege.
    ///
    /// # Errors
    /// `EINVAL`: none or more than may be. `EOVERFLOW`: more than can be counted.
    pub fn counted(&self, most: Self, privileged: bool) -> Result<u64> {
        let most = match privileged {
            true => Self {
                messages: HARD_MESSAGES,
                size: HARD_SIZE,
            },
            false => most,
        };
        if !(1..=most.messages).contains(&self.messages) || !(1..=most.size).contains(&self.size) {
            return Err(Errno::EINVAL);
        }
        let kept = self.messages + self.messages.min(i64::from(PRIORITIES));
        let data = self.messages.checked_mul(self.size);
        let total = data.and_then(|data| data.checked_add(kept * OVERHEAD));
        total
            .and_then(|total| u64::try_from(total).ok())
            .ok_or(Errno::EOVERFLOW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Attr = attr(10, 8192);

    const fn attr(messages: i64, size: i64) -> Attr {
        Attr { messages, size }
    }

    #[test]
    fn counts_as_linux_does() {
        assert_eq!(USUAL.counted(USUAL, false), Ok(10 * (8192 + 96)));
        // Above the number of priorities each further message counts once.
        let many = attr(40_000, 10);
        let bytes = 40_000 * (10 + 48) + 32_768 * 48;
        assert_eq!(many.counted(USUAL, true), Ok(bytes));
    }

    #[test]
    fn limits() {
        for bad in [attr(0, 1), attr(1, 0), attr(-1, 1), attr(1, -1)] {
            assert_eq!(bad.counted(USUAL, true), Err(Errno::EINVAL));
        }
        assert_eq!(attr(11, 1).counted(USUAL, false), Err(Errno::EINVAL));
        assert_eq!(attr(1, 8193).counted(USUAL, false), Err(Errno::EINVAL));
        assert!(attr(11, 8193).counted(USUAL, true).is_ok());
        assert!(attr(HARD_MESSAGES, HARD_SIZE).counted(USUAL, true).is_ok());
        for large in [attr(HARD_MESSAGES + 1, 1), attr(1, HARD_SIZE + 1)] {
            assert_eq!(large.counted(USUAL, true), Err(Errno::EINVAL));
        }
    }
}
