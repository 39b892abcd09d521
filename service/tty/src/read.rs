//! Reading, as `MIN`, `TIME` and lines say (termios(3)).
use crate::tty::{CHUNK, Tty};
use abi::{Errno, Result};
use kmem::user::UserBuf;
use ldisc::Events;
use sync::{WaitError, WaitMode};

/// A tenth of a second.
const DECISECOND_NS: u64 = 100_000_000;

/// What one look gave.
enum Look {
    /// Bytes in the chunk, and the line ended.
    Got(usize, bool),
    /// Nothing there.
    Empty,
}

impl Tty {
    /// Reads. `hung` answers whether the reader's file is dead; then the read ends.
    ///
    /// # Errors
    /// `EAGAIN` (`nonblock`), `ERESTARTSYS` (signal), `EIO` (the other side is gone), `EFAULT`.
    pub(crate) fn read(
        &self,
        dst: &mut UserBuf<'_>,
        nonblock: bool,
        hung: impl Fn() -> bool,
    ) -> Result<usize> {
        let _reading = if nonblock {
            self.read_lock.try_lock().ok_or(Errno::EAGAIN)?
        } else {
            self.read_lock.lock_interruptible()?
        };
        let policy = self.line.lock_irq().ldisc.read_policy();
        let deadline =
            |ds: Option<u8>| ds.map(|ds| hal::clock::now_ns() + u64::from(ds) * DECISECOND_NS);
        let mut wait_until = deadline(policy.first_ds);
        let at_once = policy.first_ds == Some(0);
        let mut done = 0;
        while !dst.is_empty() {
            let (n, ended) = match self.look(dst, &mut done) {
                Ok(Look::Got(n, ended)) => (n, ended),
                Ok(Look::Empty) => (0, false),
                Err(e) if done == 0 => return Err(e),
                Err(_) => break,
            };
            if ended || dst.is_empty() {
                break;
            }
            if n > 0 {
                if !self.line.lock_irq().ldisc.readable() {
                    if done >= policy.minimum {
                        break;
                    }
                    wait_until = deadline(policy.next_ds).or(wait_until);
                }
                continue;
            }
            if done >= policy.minimum || hung() {
                break;
            }
            let stop = if self.driver.peer_gone() {
                Some(Errno::EIO)
            } else if nonblock && !at_once {
                Some(Errno::EAGAIN)
            } else {
                None
            };
            if let Some(e) = stop {
                return if done > 0 { Ok(done) } else { Err(e) };
            }
            if at_once {
                break;
            }
            let ready = || {
                let over =
                    self.line.lock_irq().ldisc.readable() || hung() || self.driver.peer_gone();
                over.then_some(())
            };
            match self
                .read_wait
                .wait(WaitMode::Interruptible, wait_until, ready)
            {
                Ok(()) => {}
                Err(WaitError::TimedOut) => break,
                Err(WaitError::Interrupted) if done > 0 => break,
                Err(e) => return Err(e.into()),
            }
        }
        Ok(done)
    }

    /// Moves what is there to `dst`, at most a chunk or a line, and lets waiting input follow.
    fn look(&self, dst: &mut UserBuf<'_>, done: &mut usize) -> Result<Look> {
        let mut chunk = [0; CHUNK];
        let want = CHUNK.min(dst.remaining());
        let mut line = self.line.lock_irq();
        if !line.ldisc.readable() {
            return Ok(Look::Empty);
        }
        let got = line.ldisc.read(&mut chunk[..want]);
        if got.len == dst.remaining() && !got.line_end {
            line.ldisc.skip_eof();
        }
        let events = line.feed() - Events::INPUT;
        let unthrottle = line.take_unthrottle();
        drop(line);
        self.act(events);
        if unthrottle {
            self.driver.unthrottle(self);
        }
        let copied = dst.copy_to(&chunk[..got.len])?;
        *done += copied;
        if copied < got.len {
            return Err(Errno::EFAULT);
        }
        Ok(Look::Got(got.len, got.line_end))
    }
}
