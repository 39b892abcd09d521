//! Pseudo-terminals (pty(7)): a terminal whose line is a file, the master.
//!
//! Both ends share the slave's lock. What the slave sends, echo included, waits in its output ring until the master
//! reads it; what the master writes is the slave's input.
use crate::tty::{CHUNK, Driver, Tty};
use crate::write::in_chunks;
use abi::{Errno, Result, raw};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use kmem::TryVec;
use kmem::user::UserBuf;
use ldisc::{Events, Termios};
use sync::{LockClass, Mutex, Once, WaitMode, WaitQueue, rank};
use vfs::Inode;

static TABLE: LockClass = LockClass::new("pty.table", rank::TTY_TABLE);

/// Major number of slaves.
pub const SLAVE_MAJOR: u32 = 136;
/// Most pseudo-terminals at a time (`/proc/sys/kernel/pty/max`).
pub const MAX: usize = 4096;

/// What both ends share apart from the slave itself.
struct Shared {
    locked: AtomicBool,
    master_open: AtomicBool,
    /// The slave was open and is not any more.
    slave_closed: AtomicBool,
    /// Packet mode (`TIOCPKT`) and what it has to tell.
    packet: AtomicBool,
    status: AtomicU8,
    read_wait: WaitQueue,
    write_wait: WaitQueue,
}

/// A pseudo-terminal; the file of its master holds it.
pub struct Pty {
    index: u32,
    shared: Arc<Shared>,
    slave: Once<Arc<Tty>>,
    /// The slave's node in devpts.
    node: Once<Arc<Inode>>,
}

/// The slave's line.
struct SlaveLine(Arc<Shared>);

impl Driver for SlaveLine {
    fn start(&self, _tty: &Tty) {
        self.0.wake_reader();
    }

    fn unthrottle(&self, _tty: &Tty) {
        self.0
            .write_wait
            .wake_all_key(raw::POLLOUT | raw::POLLWRNORM);
    }

    fn set_termios(&self, new: &mut Termios) {
        // Eight bits without parity is all that a pseudo-terminal has.
        new.c_cflag &= !(raw::CSIZE | raw::PARENB);
        new.c_cflag |= raw::CS8 | raw::CREAD;
    }

    fn opened(&self, _tty: &Tty) -> Result<()> {
        if !self.0.master_open.load(Ordering::Acquire) || self.0.locked.load(Ordering::Relaxed) {
            return Err(Errno::EIO);
        }
        self.0.slave_closed.store(false, Ordering::Release);
        Ok(())
    }

    fn closed(&self, _tty: &Tty) {
        self.0.slave_closed.store(true, Ordering::Release);
        self.0.read_wait.wake_all_key(
            raw::POLLIN | raw::POLLRDNORM | raw::POLLHUP | raw::POLLOUT | raw::POLLWRNORM,
        );
    }

    fn event(&self, events: Events) {
        if !self.0.packet.load(Ordering::Relaxed) {
            return;
        }
        let mut tell = 0;
        for (event, status) in [
            (Events::FLUSHED_INPUT, raw::TIOCPKT_FLUSHREAD),
            (Events::FLUSHED_OUTPUT, raw::TIOCPKT_FLUSHWRITE),
            (Events::STOPPED, raw::TIOCPKT_STOP),
            (Events::STARTED, raw::TIOCPKT_START),
        ] {
            if events.contains(event) {
                tell |= status as u8;
            }
        }
        self.0.tell(tell, raw::TIOCPKT_STOP | raw::TIOCPKT_START);
    }

    fn flow_rule(&self, active: bool) {
        let rule = if active {
            raw::TIOCPKT_DOSTOP
        } else {
            raw::TIOCPKT_NOSTOP
        };
        self.0
            .tell(rule as u8, raw::TIOCPKT_DOSTOP | raw::TIOCPKT_NOSTOP);
    }

    fn peer_gone(&self) -> bool {
        !self.0.master_open.load(Ordering::Acquire)
    }

    fn is_pty(&self) -> bool {
        true
    }
}

impl Shared {
    fn wake_reader(&self) {
        self.read_wait.wake_all_key(raw::POLLIN | raw::POLLRDNORM);
    }

    /// Puts bits of packet mode's status byte; of `either` only the latest stays.
    fn tell(&self, bits: u8, either: u32) {
        if bits == 0 || !self.packet.load(Ordering::Relaxed) {
            return;
        }
        let either = either as u8;
        let _ = self
            .status
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |old| {
                let kept = if bits & either != 0 {
                    old & !either
                } else {
                    old
                };
                Some(kept | bits)
            });
        self.read_wait
            .wake_all_key(raw::POLLIN | raw::POLLRDNORM | raw::POLLPRI);
    }
}

/// All pseudo-terminals, by index.
static PTYS: Mutex<Vec<Option<Arc<Pty>>>> = Mutex::new(&TABLE, Vec::new());

/// How many there are (`/proc/sys/kernel/pty/nr`).
pub fn count() -> usize {
    PTYS.lock().iter().flatten().count()
}

/// The pseudo-terminal of an index.
pub(crate) fn find(index: u32) -> Option<Arc<Pty>> {
    PTYS.lock().get(index as usize)?.clone()
}

/// The first index in use from `from` on.
pub(crate) fn first_from(from: u32) -> Option<u32> {
    let ptys = PTYS.lock();
    let mut used = ptys.iter().enumerate().skip(from as usize);
    used.find(|(_, pty)| pty.is_some())
        .map(|(index, _)| index as u32)
}

impl Pty {
    /// A new pseudo-terminal with its master open and its slave locked; `node` makes the slave's node by number. ENOSPC:
    /// there are `limit`; ENOMEM.
    pub(crate) fn create(
        limit: usize,
        node: impl FnOnce(u32) -> Result<Arc<Inode>>,
    ) -> Result<Arc<Self>> {
        let mut ptys = PTYS.lock();
        let index = ptys.iter().position(Option::is_none).unwrap_or(ptys.len());
        if index >= limit {
            return Err(Errno::ENOSPC);
        }
        let shared = kmem::try_arc(Shared {
            locked: AtomicBool::new(true),
            master_open: AtomicBool::new(true),
            slave_closed: AtomicBool::new(false),
            packet: AtomicBool::new(false),
            status: AtomicU8::new(0),
            read_wait: WaitQueue::new(),
            write_wait: WaitQueue::new(),
        })?;
        let line: Box<dyn Driver> = kmem::try_box(SlaveLine(shared.clone()))?;
        let device = vfs::makedev(SLAVE_MAJOR, index as u32);
        let pty = kmem::try_arc(Self {
            index: index as u32,
            shared,
            slave: Once::new(),
            node: Once::new(),
        })?;
        let _ = pty.slave.set(Tty::new(device, Termios::pty_slave(), line)?);
        let _ = pty.node.set(node(index as u32)?);
        if index == ptys.len() {
            ptys.try_push(Some(pty.clone()))?;
        } else {
            ptys[index] = Some(pty.clone());
        }
        Ok(pty)
    }

    /// Its number: the slave is `/dev/pts/N`.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// The slave. Set before anybody can see `self`; ENXIO never comes.
    pub(crate) fn slave(&self) -> Result<&Arc<Tty>> {
        self.slave.get().ok_or(Errno::ENXIO)
    }

    /// The slave's node in devpts.
    pub(crate) fn node(&self) -> Option<&Arc<Inode>> {
        self.node.get()
    }

    /// The master closes: the slave hangs up, its name goes.
    pub(crate) fn close_master(&self) {
        self.shared.master_open.store(false, Ordering::Release);
        let gone = PTYS.lock()[self.index as usize].take();
        if let Ok(slave) = self.slave() {
            slave.hangup(false);
        }
        drop(gone);
    }

    pub(crate) fn set_locked(&self, locked: bool) {
        self.shared.locked.store(locked, Ordering::Relaxed);
    }

    pub(crate) fn is_locked(&self) -> bool {
        self.shared.locked.load(Ordering::Relaxed)
    }

    pub(crate) fn set_packet(&self, on: bool) {
        if on && !self.is_packet() {
            self.shared.status.store(0, Ordering::Relaxed);
        }
        self.shared.packet.store(on, Ordering::Release);
    }

    pub(crate) fn is_packet(&self) -> bool {
        self.shared.packet.load(Ordering::Relaxed)
    }

    fn has_status(&self) -> bool {
        self.is_packet() && self.shared.status.load(Ordering::Acquire) != 0
    }

    /// Reads what the slave sent.
    ///
    /// # Errors
    /// `EIO`: the slave was closed and all is read. `EAGAIN`, `ERESTARTSYS`, `EFAULT`.
    pub(crate) fn read(&self, dst: &mut UserBuf<'_>, nonblock: bool) -> Result<usize> {
        if dst.is_empty() {
            return Ok(0);
        }
        let slave = self.slave()?;
        let _reading = if nonblock {
            slave.master_lock.try_lock().ok_or(Errno::EAGAIN)?
        } else {
            slave.master_lock.lock_interruptible()?
        };
        loop {
            if self.has_status() {
                let status = self.shared.status.swap(0, Ordering::AcqRel);
                return dst.copy_to(&[status]);
            }
            let done = self.read_now(slave, dst)?;
            if done > 0 {
                return Ok(done);
            }
            if self.shared.slave_closed.load(Ordering::Acquire) {
                return Err(Errno::EIO);
            }
            if nonblock {
                return Err(Errno::EAGAIN);
            }
            let ready = || {
                let over = slave.output_len() > 0
                    || self.has_status()
                    || self.shared.slave_closed.load(Ordering::Acquire);
                over.then_some(())
            };
            self.shared
                .read_wait
                .wait(WaitMode::Interruptible, None, ready)?;
        }
    }

    fn read_now(&self, slave: &Tty, dst: &mut UserBuf<'_>) -> Result<usize> {
        let mut chunk = [0; CHUNK];
        let mut done = 0;
        while !dst.is_empty() {
            // Packet mode puts a byte before the data: "this is data".
            let prefix = usize::from(self.is_packet() && done == 0);
            let want = CHUNK.min(dst.remaining());
            let n = slave.take_sent(&mut chunk[prefix..want.max(prefix)]);
            if n == 0 {
                break;
            }
            chunk[0] = if prefix == 1 { 0 } else { chunk[0] };
            match dst.copy_to(&chunk[..prefix + n]) {
                Ok(copied) => done += copied,
                Err(e) if done == 0 => return Err(e),
                Err(_) => break,
            }
        }
        Ok(done)
    }

    /// Writes input to the slave. EAGAIN, ERESTARTSYS, EFAULT.
    pub(crate) fn write(&self, src: &mut UserBuf<'_>, nonblock: bool) -> Result<usize> {
        let slave = self.slave()?;
        in_chunks(src, |chunk, done| {
            self.write_chunk(slave, chunk, nonblock, done)
        })
    }

    fn write_chunk(
        &self,
        slave: &Tty,
        mut bytes: &[u8],
        nonblock: bool,
        done: &mut usize,
    ) -> Result<()> {
        loop {
            let n = slave.receive(bytes);
            *done += n;
            bytes = &bytes[n..];
            if bytes.is_empty() {
                return Ok(());
            }
            if nonblock {
                return Err(Errno::EAGAIN);
            }
            let room = || (slave.input_room() > 0).then_some(());
            self.shared
                .write_wait
                .wait(WaitMode::Interruptible, None, room)?;
        }
    }

    /// Poll events of the master.
    pub(crate) fn poll_events(&self) -> u32 {
        let Ok(slave) = self.slave() else {
            return raw::POLLERR;
        };
        let mut events = 0;
        if slave.output_len() > 0 {
            events |= raw::POLLIN | raw::POLLRDNORM;
        }
        if self.has_status() {
            events |= raw::POLLPRI | raw::POLLIN | raw::POLLRDNORM;
        }
        if self.shared.slave_closed.load(Ordering::Acquire) {
            events |= raw::POLLHUP;
        }
        if slave.input_room() > 0 {
            events |= raw::POLLOUT | raw::POLLWRNORM;
        }
        events
    }

    pub(crate) fn queues(&self) -> [&WaitQueue; 2] {
        [&self.shared.read_wait, &self.shared.write_wait]
    }
}
