//! One port.
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use hal::serial::{
    FIFO_SIZE, IER_LINE, IER_RECEIVE, IER_TRANSMIT, IIR_NONE, LSR_BREAK, LSR_DATA_READY,
    LSR_FRAMING, LSR_PARITY, Port, Uart16550,
};
use irq::{IrqHandler, IrqReturn};
use sync::{LockClass, Once, SpinLock, WaitMode, WaitQueue, rank};
use tty::ldisc::{Fault, Termios};
use tty::{Driver, Tty};

static REGISTERS: LockClass = LockClass::new("serial", rank::SERIAL);

/// Line status: the transmitter's shift register is empty too.
const LSR_ALL_SENT: u8 = 1 << 6;
/// Interrupt identification: the cause, and the transmitter as one.
const IIR_CAUSE: u8 = 0x0e;
const IIR_TRANSMIT: u8 = 0x02;
/// Line control: send a break.
const LCR_BREAK: u8 = 1 << 6;
/// FIFO control: on, a receive interrupt for 14 bytes; fewer come with the FIFO's own timeout of four characters. A
/// lower level costs an interrupt for each byte, and an emulated UART hands out no more than the level at a time.
const FIFO_ON: u8 = 0xc1;
/// Chunks that the transmitter gets in one go, as long as it says at once that it wants more.
const BURST: usize = 32;
/// Bytes taken from the receiver before the terminal gets them.
const RECEIVE_CHUNK: usize = 64;
/// Rounds of one interrupt: a line that keeps asking for more has failed.
const MAX_ROUNDS: usize = 1024;

/// What the port's lock protects.
struct Registers {
    /// Interrupts that are on.
    enabled: u8,
    /// Bytes taken from the terminal that found the transmitter busy.
    pending: [u8; FIFO_SIZE],
    pending_len: usize,
    baud: u32,
}

/// A UART with its terminal.
pub(crate) struct SerialPort {
    uart: Uart16550,
    state: SpinLock<Registers>,
    tty: Once<Arc<Tty>>,
    /// A CPU feeds the transmitter.
    pumping: AtomicBool,
    /// Somebody found it doing so and wants it to look again.
    look_again: AtomicBool,
    /// Bytes lost because the receiver's FIFO was full.
    overruns: AtomicU32,
}

impl SerialPort {
    /// The UART of `port`, not touched yet.
    pub(crate) const fn new(port: Port) -> Self {
        Self {
            uart: Uart16550::new(port),
            state: SpinLock::new(
                &REGISTERS,
                Registers {
                    enabled: 0,
                    pending: [0; FIFO_SIZE],
                    pending_len: 0,
                    baud: 115_200,
                },
            ),
            tty: Once::new(),
            pumping: AtomicBool::new(false),
            look_again: AtomicBool::new(false),
            overruns: AtomicU32::new(0),
        }
    }

    pub(crate) fn is_present(&self) -> bool {
        self.uart.is_present()
    }

    /// Sets the UART up for `baud`, interrupts off.
    pub(crate) fn set_up(&self, baud: u32) {
        let mut state = self.state.lock_irq();
        state.baud = baud;
        self.uart.set_up(baud);
        self.uart.set_interrupt_enable(state.enabled);
    }

    /// Takes over a UART that the early console has set up and may still be sending on: nothing is emptied.
    pub(crate) fn keep_speed(&self) {
        self.uart.set_fifo(FIFO_ON);
        self.uart.set_interrupt_enable(0);
        self.uart.set_modem_control(hal::serial::MCR_ON);
    }

    /// Ties the terminal to the port, once, before interrupts come.
    pub(crate) fn attach(&self, tty: Arc<Tty>) {
        let _ = self.tty.set(tty);
    }

    fn enable(&self, state: &mut Registers, bits: u8, on: bool) {
        let new = if on {
            state.enabled | bits
        } else {
            state.enabled & !bits
        };
        if new != state.enabled {
            state.enabled = new;
            self.uart.set_interrupt_enable(new);
        }
    }

    /// Lets received bytes interrupt.
    pub(crate) fn start_receiving(&self) {
        self.enable(&mut self.state.lock_irq(), IER_RECEIVE | IER_LINE, true);
    }

    fn stop_receiving(&self) {
        self.enable(&mut self.state.lock_irq(), IER_RECEIVE | IER_LINE, false);
    }

    /// Feeds the transmitter, or sees to it that whoever does looks again.
    fn pump(&self) {
        let Some(tty) = self.tty.get() else {
            return;
        };
        self.look_again.store(true, Ordering::SeqCst);
        while self.look_again.load(Ordering::SeqCst) && !self.pumping.swap(true, Ordering::SeqCst) {
            self.look_again.store(false, Ordering::SeqCst);
            for _ in 0..BURST {
                if !self.feed(tty) {
                    break;
                }
            }
            self.pumping.store(false, Ordering::SeqCst);
        }
    }

    /// Gives the transmitter what it takes; true if there may be more to give at once. Called by one CPU at a time.
    fn feed(&self, tty: &Tty) -> bool {
        let mut chunk = [0; FIFO_SIZE];
        {
            let mut state = self.state.lock_irq();
            if !self.uart.can_transmit() {
                self.enable(&mut state, IER_TRANSMIT, true);
                return false;
            }
            if state.pending_len > 0 {
                self.flush_pending(&mut state);
                return true;
            }
        }
        let n = tty.take_output(&mut chunk);
        let mut state = self.state.lock_irq();
        if n == 0 {
            self.enable(&mut state, IER_TRANSMIT, false);
            return false;
        }
        state.pending[..n].copy_from_slice(&chunk[..n]);
        state.pending_len = n;
        // A kernel message may have come between; then the bytes wait for the interrupt.
        if self.uart.can_transmit() {
            self.flush_pending(&mut state);
        }
        self.enable(&mut state, IER_TRANSMIT, true);
        true
    }

    fn flush_pending(&self, state: &mut Registers) {
        for byte in &state.pending[..state.pending_len] {
            self.uart.transmit(*byte);
        }
        state.pending_len = 0;
    }

    /// Takes what was received to the terminal.
    fn receive(&self, tty: &Tty, mut status: u8) {
        let mut chunk = [0; RECEIVE_CHUNK];
        loop {
            let room = tty.input_room().min(RECEIVE_CHUNK);
            if room == 0 {
                // The interrupt stays off; the UART, and what is behind it, hold the rest.
                self.stop_receiving();
                if !tty.throttle() {
                    self.start_receiving();
                }
                return;
            }
            let mut n = 0;
            let mut fault = None;
            while n < room && status & LSR_DATA_READY != 0 && fault.is_none() {
                let byte = self.uart.receive();
                fault = self.fault(status, byte);
                if fault.is_none() {
                    chunk[n] = byte;
                    n += 1;
                }
                status = self.uart.line_status();
            }
            if n > 0 {
                tty.receive(&chunk[..n]);
            }
            if let Some(fault) = fault {
                tty.receive_fault(fault);
            }
            if status & LSR_DATA_READY == 0 {
                return;
            }
        }
    }

    fn fault(&self, status: u8, byte: u8) -> Option<Fault> {
        if status & hal::serial::LSR_OVERRUN != 0 {
            self.overruns.fetch_add(1, Ordering::Relaxed);
        }
        if status & LSR_BREAK != 0 {
            Some(Fault::Break)
        } else if status & (LSR_PARITY | LSR_FRAMING) != 0 {
            Some(Fault::Parity(byte))
        } else {
            None
        }
    }

    /// Shows a kernel message: at once, by polling, in one piece. From any context.
    pub(crate) fn write_polled(&self, bytes: &[u8]) {
        // Whoever holds the lock holds it shortly, unless it died with it: then the message goes out all the same.
        let mut guard = None;
        for _ in 0..1_000_000 {
            guard = self.state.try_lock_irq();
            if guard.is_some() {
                break;
            }
            core::hint::spin_loop();
        }
        let mut room = 0;
        for &byte in bytes {
            if byte == b'\n' {
                self.put_polled(b'\r', &mut room);
            }
            self.put_polled(byte, &mut room);
        }
        drop(guard);
    }

    fn put_polled(&self, byte: u8, room: &mut usize) {
        if *room == 0 {
            for _ in 0..100_000 {
                if self.uart.can_transmit() {
                    break;
                }
                core::hint::spin_loop();
            }
            *room = FIFO_SIZE;
        }
        self.uart.transmit(byte);
        *room -= 1;
    }
}

/// The port as its terminal's line.
pub(crate) struct Line(pub(crate) &'static SerialPort);

impl Driver for Line {
    fn start(&self, _tty: &Tty) {
        self.0.pump();
    }

    fn unthrottle(&self, _tty: &Tty) {
        self.0.start_receiving();
    }

    fn set_termios(&self, new: &mut Termios) {
        use abi::raw;
        // Eight bits, no parity, no hardware flow control is what this driver does.
        new.c_cflag &= !(raw::CSIZE | raw::PARENB | raw::PARODD | raw::CSTOPB | raw::CRTSCTS);
        new.c_cflag |= raw::CS8;
        let baud = new.c_ospeed;
        let known = self.0.state.lock_irq().baud;
        if baud != known && (50..=115_200).contains(&baud) {
            self.0.set_up(baud);
        }
    }

    fn in_flight(&self) -> usize {
        let state = self.0.state.lock_irq();
        let sending = self.0.uart.line_status() & LSR_ALL_SENT == 0;
        state.pending_len + usize::from(sending)
    }

    fn send_break(&self, ms: u64) -> abi::Result<()> {
        let uart = &self.0.uart;
        let control = uart.line_control();
        uart.set_line_control(control | LCR_BREAK);
        let end = hal::clock::now_ns() + ms * 1_000_000;
        let never = WaitQueue::new();
        let waited = never.wait(WaitMode::Interruptible, Some(end), || None::<()>);
        uart.set_line_control(control);
        match waited {
            Err(sync::WaitError::Interrupted) => Err(abi::Errno::EINTR),
            _ => Ok(()),
        }
    }
}

/// The port as a handler of its interrupt.
pub(crate) struct Handler(pub(crate) &'static SerialPort);

impl IrqHandler for Handler {
    fn handle(&self, _irq: u32) -> IrqReturn {
        let port = self.0;
        let Some(tty) = port.tty.get() else {
            return IrqReturn::None;
        };
        let mut result = IrqReturn::None;
        // The line rises once for all reasons together: look until there is none left.
        for _ in 0..MAX_ROUNDS {
            let cause = port.uart.interrupt_id();
            if cause & IIR_NONE != 0 {
                break;
            }
            result = IrqReturn::Handled;
            let status = port.uart.line_status();
            if status & (LSR_DATA_READY | LSR_BREAK) != 0 {
                port.receive(tty, status);
            }
            if cause & IIR_CAUSE == IIR_TRANSMIT {
                port.pump();
            }
            // Reading it ends its interrupt.
            let _ = port.uart.modem_status();
        }
        result
    }
}
