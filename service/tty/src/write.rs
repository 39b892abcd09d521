//! Writing.
use crate::tty::{CHUNK, Tty};
use abi::{Errno, Result};
use kmem::user::UserBuf;
use sync::WaitMode;

/// Hands `src` to `put` by chunks; `put` counts what it took. The error of the first chunk is the call's, that of a later
/// one ends it early.
pub(crate) fn in_chunks(
    src: &mut UserBuf<'_>,
    mut put: impl FnMut(&[u8], &mut usize) -> Result<()>,
) -> Result<usize> {
    let mut chunk = [0; CHUNK];
    let mut done = 0;
    while !src.is_empty() {
        let want = CHUNK.min(src.remaining());
        let result = match src.copy_from(&mut chunk[..want]) {
            Ok(n) if n < want => Err(Errno::EFAULT),
            Ok(_) => put(&chunk[..want], &mut done),
            Err(e) => Err(e),
        };
        match result {
            Ok(()) => {}
            Err(e) if done == 0 => return Err(e),
            Err(_) => break,
        }
    }
    Ok(done)
}

impl Tty {
    /// Writes all of `src` through output processing, waiting for room.
    ///
    /// # Errors
    /// `EIO` (hung up, or nobody at the other side), `EAGAIN` (`nonblock`), `ERESTARTSYS` (signal), `EFAULT`; all
    /// only if nothing was written.
    pub(crate) fn write(
        &self,
        src: &mut UserBuf<'_>,
        nonblock: bool,
        hung: impl Fn() -> bool,
    ) -> Result<usize> {
        let _writing = if nonblock {
            self.write_lock.try_lock().ok_or(Errno::EAGAIN)?
        } else {
            self.write_lock.lock_interruptible()?
        };
        in_chunks(src, |chunk, done| {
            self.write_chunk(chunk, nonblock, &hung, done)
        })
    }

    fn write_chunk(
        &self,
        mut bytes: &[u8],
        nonblock: bool,
        hung: &impl Fn() -> bool,
        done: &mut usize,
    ) -> Result<()> {
        while !bytes.is_empty() {
            if hung() || self.driver.peer_gone() {
                return Err(Errno::EIO);
            }
            let n = {
                let mut line = self.line.lock_irq();
                let line = &mut *line;
                line.ldisc.write(bytes, &mut line.out)
            };
            if n > 0 {
                self.driver.start(self);
                *done += n;
                bytes = &bytes[n..];
                continue;
            }
            if nonblock {
                return Err(Errno::EAGAIN);
            }
            self.write_wait.wait(WaitMode::Interruptible, None, || {
                let over = self.line.lock_irq().writable() || hung() || self.driver.peer_gone();
                over.then_some(())
            })?;
        }
        Ok(())
    }

    /// Waits until all output is sent (tcdrain(3)). ERESTARTSYS.
    pub(crate) fn drain(&self, hung: impl Fn() -> bool) -> Result<()> {
        if self.driver.is_pty() {
            return Ok(());
        }
        // The line does not wake at the very end, so look again from time to time.
        while !(hung() || (self.output_len() == 0 && self.driver.in_flight() == 0)) {
            let soon = hal::clock::now_ns() + 1_000_000;
            let empty = || (self.output_len() == 0 && self.driver.in_flight() == 0).then_some(());
            let waited = self
                .write_wait
                .wait(WaitMode::Interruptible, Some(soon), empty);
            if waited == Err(sync::WaitError::Interrupted) {
                return Err(Errno::ERESTARTSYS);
            }
        }
        Ok(())
    }
}
