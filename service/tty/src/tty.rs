//! The terminal itself.
use crate::caller;
use crate::line::Line;
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use ldisc::{Events, Termios};
use pid::{ProcessGroup, Session, SigInfo, signals};
use sync::{LockClass, Mutex, SpinLock, WaitQueue, rank};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

static LINE: LockClass = LockClass::new("tty.line", rank::TTY_LINE);
static CONTROL: LockClass = LockClass::new("tty.control", rank::TTY_CONTROL);
static READ: LockClass = LockClass::new("tty.read", rank::TTY);
static WRITE: LockClass = LockClass::new("tty.write", rank::TTY);

/// Bytes that one look under the terminal's lock moves.
pub(crate) const CHUNK: usize = 512;

/// `struct winsize` (ioctl_tty(2)).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Winsize {
    pub rows: u16,
    pub columns: u16,
    pub x_pixels: u16,
    pub y_pixels: u16,
}

/// The line beneath a terminal. No method is called with the terminal's lock held; none may sleep unless it says so.
pub trait Driver: Send + Sync {
    /// There is output, or it may go on: see [`Tty::take_output`].
    fn start(&self, _tty: &Tty) {}
    /// There is room for input again.
    fn unthrottle(&self, _tty: &Tty) {}
    /// New settings are in force. The driver takes back in `new` what the line cannot do. May sleep.
    fn set_termios(&self, _new: &mut Termios) {}
    /// Bytes taken from the terminal and not yet sent.
    fn in_flight(&self) -> usize {
        0
    }
    /// The terminal was opened for the first time. May sleep.
    fn opened(&self, _tty: &Tty) -> Result<()> {
        Ok(())
    }
    /// The last file on the terminal was closed. May sleep.
    fn closed(&self, _tty: &Tty) {}
    /// What happened, for the other side of a pseudo-terminal.
    fn event(&self, _events: Events) {}
    /// Whether ^S and ^Q stop and start output changed.
    fn flow_rule(&self, _active: bool) {}
    /// Sends a break of `ms` milliseconds. May sleep. ENOTTY where the line has none.
    fn send_break(&self, _ms: u64) -> Result<()> {
        Ok(())
    }
    /// The other side of a pseudo-terminal is gone for good, or not there yet.
    fn peer_gone(&self) -> bool {
        false
    }
    /// A pseudo-terminal: an exiting session leader does not hang it up, and draining it waits for nobody.
    fn is_pty(&self) -> bool {
        false
    }
}

/// Session, foreground and size.
#[derive(Default)]
pub(crate) struct Control {
    pub(crate) session: Option<Arc<Session>>,
    pub(crate) foreground: Option<Arc<ProcessGroup>>,
    pub(crate) winsize: Winsize,
}

/// A terminal.
pub struct Tty {
    /// Device number as `stat(2)` encodes it.
    device: u64,
    /// Settings that a hang-up restores.
    initial: Termios,
    pub(crate) line: SpinLock<Line>,
    pub(crate) control: SpinLock<Control>,
    pub(crate) read_lock: Mutex<()>,
    /// Readers of a pseudo-terminal's master exclude each other too.
    pub(crate) master_lock: Mutex<()>,
    pub(crate) write_lock: Mutex<()>,
    pub(crate) read_wait: WaitQueue,
    pub(crate) write_wait: WaitQueue,
    pub(crate) driver: Box<dyn Driver>,
    /// Counts hang-ups: a file opened before the last one is dead.
    generation: AtomicU32,
    opens: AtomicU32,
    exclusive: AtomicBool,
}

impl Tty {
    /// A terminal on a line. ENOMEM.
    pub fn new(device: u64, termios: Termios, driver: Box<dyn Driver>) -> Result<Arc<Self>> {
        // What a slave sends reaches the master at once, as far as that one's own queue holds it.
        let received = if driver.is_pty() {
            ldisc::CAPACITY - 1
        } else {
            0
        };
        kmem::try_arc(Self {
            device,
            initial: termios,
            line: SpinLock::new(&LINE, Line::new(termios, received)?),
            control: SpinLock::new(&CONTROL, Control::default()),
            read_lock: Mutex::new(&READ, ()),
            master_lock: Mutex::new(&READ, ()),
            write_lock: Mutex::new(&WRITE, ()),
            read_wait: WaitQueue::new(),
            write_wait: WaitQueue::new(),
            driver,
            generation: AtomicU32::new(0),
            opens: AtomicU32::new(0),
            exclusive: AtomicBool::new(false),
        })
    }

    /// Device number.
    pub fn device_number(&self) -> u64 {
        self.device
    }

    /// The line beneath.
    pub fn driver(&self) -> &dyn Driver {
        &*self.driver
    }

    /// Takes bytes from the line; from any context. Answers how many there was room for: the rest is to be offered
    /// again after [`Driver::unthrottle`].
    pub fn receive(&self, bytes: &[u8]) -> usize {
        let mut line = self.line.lock_irq();
        let (taken, events) = line.receive(bytes);
        drop(line);
        self.act(events);
        taken
    }

    /// Takes a break or a damaged byte from the line; from any context.
    pub fn receive_fault(&self, fault: ldisc::Fault) {
        let mut line = self.line.lock_irq();
        let line = &mut *line;
        let events = line.ldisc.receive_fault(fault, &mut line.out);
        self.act(events);
    }

    /// Moves output to `dst`, for the line to send; from any context. Wakes writers when little is left.
    pub fn take_output(&self, dst: &mut [u8]) -> usize {
        if self.line.lock_irq().ldisc.stopped() {
            return 0;
        }
        self.take_sent(dst)
    }

    /// As [`Tty::take_output`], for the master of a pseudo-terminal: what was sent can be read though the terminal is
    /// stopped since.
    pub(crate) fn take_sent(&self, dst: &mut [u8]) -> usize {
        let mut line = self.line.lock_irq();
        let n = line.out.pop(dst);
        if n > 0 {
            // What it says ("there is output") the caller knows.
            let line = &mut *line;
            line.ldisc.flush_echo(&mut line.out);
        }
        let low = n > 0 && line.low();
        drop(line);
        if low {
            self.wake_writers();
        }
        n
    }

    /// Says that the line holds input back from now on; false if there is room again already.
    pub fn throttle(&self) -> bool {
        self.line.lock_irq().throttle()
    }

    /// Bytes of input that [`Tty::receive`] takes at least.
    pub fn input_room(&self) -> usize {
        self.line.lock_irq().input_room()
    }

    /// Bytes of output that wait.
    pub fn output_len(&self) -> usize {
        self.line.lock_irq().out.len()
    }

    pub(crate) fn wake_readers(&self) {
        self.read_wait
            .wake_all_key(abi::raw::POLLIN | abi::raw::POLLRDNORM);
    }

    pub(crate) fn wake_writers(&self) {
        self.write_wait
            .wake_all_key(abi::raw::POLLOUT | abi::raw::POLLWRNORM);
    }

    /// Does what the discipline asked for. Not under the terminal's lock.
    pub(crate) fn act(&self, events: Events) {
        if events.is_empty() {
            return;
        }
        for (event, signal) in [
            (Events::SIGINT, signals::SIGINT),
            (Events::SIGQUIT, signals::SIGQUIT),
            (Events::SIGTSTP, signals::SIGTSTP),
        ] {
            if events.contains(event) {
                self.signal_foreground(signal);
            }
        }
        if events.contains(Events::INPUT) {
            self.wake_readers();
        }
        if events.intersects(Events::STARTED | Events::FLUSHED_OUTPUT | Events::CHANGED) {
            self.wake_writers();
        }
        if events.intersects(Events::STARTED | Events::OUTPUT) {
            self.driver.start(self);
        }
        self.driver.event(events);
    }

    /// Sends a signal to the foreground group.
    pub(crate) fn signal_foreground(&self, signal: pid::sigset::Signal) {
        if let Some(group) = self.foreground_group() {
            group.signal(&SigInfo::kernel(signal));
        }
    }

    pub(crate) fn foreground_group(&self) -> Option<Arc<ProcessGroup>> {
        self.control.lock_irq().foreground.clone()
    }

    /// Settings in force.
    pub fn termios(&self) -> Termios {
        *self.line.lock_irq().ldisc.termios()
    }

    /// Puts settings in force, after the driver has had its say. May sleep.
    pub fn set_termios(&self, mut new: Termios) {
        self.driver.set_termios(&mut new);
        let mut line = self.line.lock_irq();
        let events = {
            let line = &mut *line;
            let flow = line.ldisc.termios().default_flow_control();
            let events = line.ldisc.set_termios(new, &mut line.out);
            (events, flow != new.default_flow_control())
        };
        drop(line);
        self.act(events.0);
        if events.1 {
            self.driver.flow_rule(new.default_flow_control());
        }
    }

    /// The generation that a file opened now belongs to.
    pub(crate) fn generation(&self) -> u32 {
        self.generation.load(Ordering::Acquire)
    }

    /// Counts a file that opens. EIO: the other side of a pseudo-terminal is gone or locked. EBUSY: `TIOCEXCL`.
    pub(crate) fn open(&self) -> Result<()> {
        if self.exclusive.load(Ordering::Relaxed)
            && self.opens.load(Ordering::Relaxed) > 0
            && !caller::is_admin()
        {
            return Err(Errno::EBUSY);
        }
        if self.opens.fetch_add(1, Ordering::AcqRel) == 0
            && let Err(e) = self.driver.opened(self)
        {
            self.opens.fetch_sub(1, Ordering::AcqRel);
            return Err(e);
        }
        Ok(())
    }

    /// A file closes.
    pub(crate) fn close(&self) {
        if self.opens.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.exclusive.store(false, Ordering::Relaxed);
            self.driver.closed(self);
        }
    }

    pub(crate) fn set_exclusive(&self, on: bool) {
        self.exclusive.store(on, Ordering::Relaxed);
    }

    pub(crate) fn is_exclusive(&self) -> bool {
        self.exclusive.load(Ordering::Relaxed)
    }

    /// The line is gone (or vhangup(2)): files open on it are dead, the session loses its terminal and its leader gets
    /// SIGHUP and SIGCONT. `leader_exits`: so does the foreground group. May sleep.
    pub fn hangup(&self, leader_exits: bool) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        let (session, foreground) = {
            let mut control = self.control.lock_irq();
            (control.session.take(), control.foreground.take())
        };
        if let Some(session) = session {
            drop(session.release_tty());
            if let Some(leader) = session.pid().process() {
                let _ = leader.signal(&SigInfo::kernel(signals::SIGHUP));
                let _ = leader.signal(&SigInfo::kernel(signals::SIGCONT));
            }
        }
        if leader_exits && let Some(group) = foreground {
            group.signal(&SigInfo::kernel(signals::SIGHUP));
        }
        let mut line = self.line.lock_irq();
        line.flush_input();
        line.flush_output();
        line.ldisc.reset();
        drop(line);
        self.set_termios(self.initial);
        let all = abi::raw::POLLIN
            | abi::raw::POLLRDNORM
            | abi::raw::POLLOUT
            | abi::raw::POLLWRNORM
            | abi::raw::POLLERR
            | abi::raw::POLLHUP;
        self.read_wait.wake_all_key(all);
        self.write_wait.wake_all_key(all);
    }
}
