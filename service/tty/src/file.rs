//! Open files: a terminal (line, slave, console) and the master of a pseudo-terminal.
use crate::caller;
use crate::ioctl::{Call, Side};
use crate::pty::Pty;
use crate::tty::Tty;
use abi::ioctl::{FIONREAD, TIOCGPKT, TIOCGPTLCK, TIOCGPTN, TIOCGPTPEER, TIOCPKT, TIOCSPGRP};
use abi::{Errno, Result};
use alloc::sync::Arc;
use cred::Cred;
use kmem::user::{self, UserAddr, UserBuf};
use pid::signals;
use vfs::{File, FileMode, FileOps, FileOpsRef, Inode, Io, OpenFlags, PollEvents, PollTable};

/// A file on a terminal.
pub struct TtyFile {
    tty: Arc<Tty>,
    side: Side,
    /// Hang-ups that had been when it was opened.
    generation: u32,
}

impl TtyFile {
    /// Opens `tty`; without `O_NOCTTY` it may become the caller's controlling terminal. EIO, EBUSY, ENOMEM.
    pub(crate) fn open(tty: &Arc<Tty>, side: Side, flags: OpenFlags) -> Result<FileOpsRef> {
        tty.open()?;
        let file = kmem::try_arc(Self {
            tty: tty.clone(),
            side,
            generation: tty.generation(),
        })
        .inspect_err(|_| tty.close())?;
        if side == Side::Terminal && !flags.contains(OpenFlags::NOCTTY) && flags.reads() {
            tty.acquire_on_open();
        }
        Ok(FileOpsRef::own(file))
    }

    /// The terminal.
    pub fn tty(&self) -> &Arc<Tty> {
        &self.tty
    }

    fn hung(&self) -> bool {
        // The console outlives a session that had its terminal: init and the kernel's helpers speak through it.
        self.side != Side::Console && self.tty.generation() != self.generation
    }
}

impl Drop for TtyFile {
    fn drop(&mut self) {
        self.tty.close();
    }
}

impl FileOps for TtyFile {
    fn splices(&self) -> (bool, bool) {
        (true, true)
    }

    fn read(&self, _file: &File, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        if self.hung() {
            return Ok(0);
        }
        if self.side != Side::Console {
            self.tty.check_background(signals::SIGTTIN)?;
        }
        self.tty.read(buf, io.nonblock, || self.hung())
    }

    fn write(&self, _file: &File, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        if self.hung() {
            return Err(Errno::EIO);
        }
        if self.side != Side::Console && self.tty.termios().tostop() {
            self.tty.check_background(signals::SIGTTOU)?;
        }
        self.tty.write(buf, io.nonblock, || self.hung())
    }

    fn is_stream(&self) -> bool {
        true
    }

    fn ioctl(&self, file: &File, cmd: u32, arg: usize) -> Result<usize> {
        if self.hung() {
            return Err(if cmd == TIOCSPGRP {
                Errno::ENOTTY
            } else {
                Errno::EIO
            });
        }
        let call = Call {
            tty: &self.tty,
            side: self.side,
            readable: file.mode().contains(FileMode::READ),
            hung: &|| self.hung(),
        };
        call.run(cmd, arg)
    }

    fn poll(&self, _file: &File, table: &mut PollTable<'_>) -> PollEvents {
        table.wait(&self.tty.read_wait);
        table.wait(&self.tty.write_wait);
        if self.hung() {
            return PollEvents::ALWAYS | PollEvents::ERR | PollEvents::HUP;
        }
        let mut events = PollEvents::empty();
        let line = self.tty.line.lock_irq();
        if line.ldisc.poll_readable() {
            events |= PollEvents::READABLE;
        }
        let ready = if self.tty.driver.is_pty() {
            line.writable()
        } else {
            line.low()
        };
        if ready {
            events |= PollEvents::WRITABLE;
        }
        drop(line);
        if self.tty.driver.peer_gone() {
            events |= PollEvents::HUP;
        }
        events
    }

    fn can_poll(&self) -> bool {
        true
    }
}

/// A file on the master of a pseudo-terminal.
pub struct MasterFile(Arc<Pty>);

impl MasterFile {
    /// Opens a new pseudo-terminal (`/dev/ptmx`). ENOSPC: there are `limit`; ENOMEM. `node` makes the slave's.
    pub(crate) fn open(
        limit: usize,
        node: impl FnOnce(u32) -> Result<Arc<Inode>>,
    ) -> Result<FileOpsRef> {
        let pty = Pty::create(limit, node)?;
        let file = kmem::try_arc(Self(pty.clone())).inspect_err(|_| pty.close_master())?;
        Ok(FileOpsRef::own(file))
    }
}

impl Drop for MasterFile {
    fn drop(&mut self) {
        self.0.close_master();
    }
}

impl FileOps for MasterFile {
    fn splices(&self) -> (bool, bool) {
        (true, true)
    }

    fn read(&self, _file: &File, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        self.0.read(buf, io.nonblock)
    }

    fn write(&self, _file: &File, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        self.0.write(buf, io.nonblock)
    }

    fn is_stream(&self) -> bool {
        true
    }

    fn ioctl(&self, _file: &File, cmd: u32, arg: usize) -> Result<usize> {
        let at = UserAddr(arg);
        match cmd {
            TIOCGPTN => user::write(at, &self.0.index())?,
            abi::ioctl::TIOCSPTLCK => self.0.set_locked(user::read::<i32>(at)? != 0),
            TIOCGPTLCK => user::write(at, &i32::from(self.0.is_locked()))?,
            TIOCPKT => self.0.set_packet(user::read::<i32>(at)? != 0),
            TIOCGPKT => user::write(at, &i32::from(self.0.is_packet()))?,
            abi::ioctl::TIOCSIG => self.signal(arg)?,
            FIONREAD => user::write(at, &(self.0.slave()?.output_len() as i32))?,
            _ => return self.as_terminal(cmd, arg),
        }
        Ok(0)
    }

    fn ioctl_open(&self, _: &File, cmd: u32, arg: usize, _: &Arc<Cred>) -> Result<Arc<File>> {
        match cmd {
            TIOCGPTPEER => caller::open_slave(self.0.index(), arg as u32),
            _ => Err(Errno::ENOTTY),
        }
    }

    fn poll(&self, _file: &File, table: &mut PollTable<'_>) -> PollEvents {
        for queue in self.0.queues() {
            table.wait(queue);
        }
        PollEvents::from_bits_retain(self.0.poll_events())
    }

    fn can_poll(&self) -> bool {
        true
    }
}

impl MasterFile {
    fn as_terminal(&self, cmd: u32, arg: usize) -> Result<usize> {
        let call = Call {
            tty: self.0.slave()?,
            side: Side::Master,
            readable: true,
            hung: &|| false,
        };
        call.run(cmd, arg)
    }

    /// `TIOCSIG`: a signal to the slave's foreground group. EINVAL.
    fn signal(&self, arg: usize) -> Result<()> {
        let signal = arg as i32;
        if !matches!(signal, 2 | 3 | 20) {
            return Err(Errno::EINVAL);
        }
        self.0
            .slave()?
            .signal_foreground(signal as pid::sigset::Signal);
        Ok(())
    }
}
