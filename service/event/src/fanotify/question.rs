//! A question: may this file be opened, or read? Who asks sleeps until somebody answers, the group closes, or he is killed.
use abi::{Errno, Result, fan};
use core::sync::atomic::{AtomicU32, Ordering};
use sync::{WaitMode, WaitQueue};
use vfs::Path;

/// What is asked.
pub(super) struct Question {
    pub(super) path: Path,
    /// `FAN_ALLOW` or `FAN_DENY`; 0: not answered.
    answer: AtomicU32,
}

impl Question {
    pub(super) const fn new(path: Path) -> Self {
        Self {
            path,
            answer: AtomicU32::new(0),
        }
    }

    /// Answers it; the caller wakes who waits.
    pub(super) fn settle(&self, answer: u32) {
        self.answer
            .store(answer & !fan::FAN_AUDIT, Ordering::Release);
    }

    /// Waits for the answer. EPERM: it is no; ERESTARTSYS: the caller is killed.
    pub(super) fn wait(&self, queue: &WaitQueue) -> Result<()> {
        let answered = || match self.answer.load(Ordering::Acquire) {
            0 => None,
            answer => Some(answer),
        };
        match queue.wait(WaitMode::Killable, None, answered)? {
            fan::FAN_ALLOW => Ok(()),
            _ => Err(Errno::EPERM),
        }
    }
}
