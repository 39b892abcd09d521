//! Options of `IPPROTO_TCP` (tcp(7)).
use abi::net::{
    TCP_CORK, TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_LINGER2, TCP_MAXSEG, TCP_NODELAY,
    TCP_QUICKACK, TCP_SYNCNT, TCP_USER_TIMEOUT,
};
use abi::{Errno, Result};
use core::sync::atomic::{AtomicI32, Ordering};
use socket::OptionIn;

/// Seconds that a keep-alive may wait, and keep-alives and SYNs that may go unanswered.
const MOST_SECONDS: i32 = 32_767;
const MOST_TRIES: i32 = 127;

/// Those of a socket that are numbers.
pub(crate) struct TcpOptions {
    nodelay: AtomicI32,
    cork: AtomicI32,
    keep_idle: AtomicI32,
    keep_interval: AtomicI32,
    keep_count: AtomicI32,
    syn_count: AtomicI32,
    user_timeout: AtomicI32,
    pub(super) segment: AtomicI32,
    linger: AtomicI32,
    quick: AtomicI32,
}

impl TcpOptions {
    pub(crate) const fn new() -> Self {
        Self {
            nodelay: AtomicI32::new(0),
            cork: AtomicI32::new(0),
            keep_idle: AtomicI32::new(7200),
            keep_interval: AtomicI32::new(75),
            keep_count: AtomicI32::new(9),
            syn_count: AtomicI32::new(6),
            user_timeout: AtomicI32::new(0),
            segment: AtomicI32::new(0),
            linger: AtomicI32::new(60),
            quick: AtomicI32::new(1),
        }
    }

    fn all(&self) -> [(u32, &AtomicI32); 10] {
        [
            (TCP_NODELAY, &self.nodelay),
            (TCP_CORK, &self.cork),
            (TCP_KEEPIDLE, &self.keep_idle),
            (TCP_KEEPINTVL, &self.keep_interval),
            (TCP_KEEPCNT, &self.keep_count),
            (TCP_SYNCNT, &self.syn_count),
            (TCP_USER_TIMEOUT, &self.user_timeout),
            (TCP_MAXSEG, &self.segment),
            (TCP_LINGER2, &self.linger),
            (TCP_QUICKACK, &self.quick),
        ]
    }

    /// Takes over what another socket has.
    pub(crate) fn inherit(&self, from: &Self) {
        for ((_, own), (_, theirs)) in self.all().into_iter().zip(from.all()) {
            own.store(theirs.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }

    /// What an option of these is, if it is one.
    pub(crate) fn get(&self, name: u32) -> Option<i32> {
        let all = self.all();
        let found = all.iter().find(|(known, _)| *known == name)?;
        Some(found.1.load(Ordering::Relaxed))
    }

    /// ENOPROTOOPT: there is no such; EINVAL, EFAULT.
    pub(crate) fn set(&self, name: u32, value: &OptionIn) -> Result<()> {
        let number: i32 = value.read()?;
        let all = self.all();
        let found = all.iter().find(|(known, _)| *known == name);
        let (_, place) = found.ok_or(Errno::ENOPROTOOPT)?;
        let number = match (name, number) {
            (TCP_NODELAY | TCP_CORK | TCP_QUICKACK, _) => i32::from(number != 0),
            (TCP_KEEPIDLE | TCP_KEEPINTVL, 1..=MOST_SECONDS)
            | (TCP_KEEPCNT | TCP_SYNCNT, 1..=MOST_TRIES)
            | (TCP_USER_TIMEOUT, 0..)
            | (TCP_MAXSEG, 0 | 88..=32_767) => number,
            // Less than none are none at all, none is the usual minute, and two minutes are the most.
            (TCP_LINGER2, ..=-1) => -1,
            (TCP_LINGER2, 0) => 60,
            (TCP_LINGER2, 1..) => number.min(120),
            _ => return Err(Errno::EINVAL),
        };
        place.store(number, Ordering::Relaxed);
        Ok(())
    }
}
