//! The 16550 UART: registers behind a safe face, for the polled early console and for the driver above.

use super::port::{inb, outb};

/// The PC's four serial ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the ports' own names")]
pub enum Port {
    Com1,
    Com2,
    Com3,
    Com4,
}

impl Port {
    /// Its first I/O port.
    #[must_use]
    pub const fn base(self) -> u16 {
        match self {
            Self::Com1 => 0x3f8,
            Self::Com2 => 0x2f8,
            Self::Com3 => 0x3e8,
            Self::Com4 => 0x2e8,
        }
    }
    /// Its ISA interrupt; see `apic::isa_irq`.
    #[must_use]
    pub const fn irq(self) -> u8 {
        match self {
            Self::Com1 | Self::Com3 => 4,
            Self::Com2 | Self::Com4 => 3,
        }
    }
}

/// Line status: a byte has been received.
pub const LSR_DATA_READY: u8 = 1 << 0;
/// Line status: a byte was lost.
pub const LSR_OVERRUN: u8 = 1 << 1;
/// Line status: parity error.
pub const LSR_PARITY: u8 = 1 << 2;
/// Line status: framing error.
pub const LSR_FRAMING: u8 = 1 << 3;
/// Line status: break.
pub const LSR_BREAK: u8 = 1 << 4;
/// Line status: the transmitter takes bytes ([`FIFO_SIZE`] of them).
pub const LSR_TRANSMIT_EMPTY: u8 = 1 << 5;
/// Interrupt enable: received data.
pub const IER_RECEIVE: u8 = 1 << 0;
/// Interrupt enable: transmitter empty.
pub const IER_TRANSMIT: u8 = 1 << 1;
/// Interrupt enable: line status.
pub const IER_LINE: u8 = 1 << 2;
/// Interrupt enable: modem status.
pub const IER_MODEM: u8 = 1 << 3;
/// Interrupt identification: set when no interrupt is pending.
pub const IIR_NONE: u8 = 1 << 0;
/// Modem control: DTR, RTS and OUT2, which lets the interrupt through.
pub const MCR_ON: u8 = 1 | 2 | 8;
/// Bytes that the transmitter takes at once when it is empty.
pub const FIFO_SIZE: usize = 16;

/// A UART's registers. Every access is harmless to memory; two users at once garble each other's bytes only.
#[derive(Clone, Copy, Debug)]
pub struct Uart16550 {
    base: u16,
}

macro_rules! register {
    ($(#[$doc:meta])* $read:ident, $offset:literal) => {
        $(#[$doc])*
        #[inline]
        #[must_use]
        pub fn $read(&self) -> u8 {
            // SAFETY: a UART register; reading it moves no memory.
            unsafe { inb(self.base + $offset) }
        }
    };
    ($(#[$doc:meta])* $write:ident = $offset:literal) => {
        $(#[$doc])*
        #[inline]
        pub fn $write(&self, value: u8) {
            // SAFETY: a UART register; writing it moves no memory.
            unsafe { outb(self.base + $offset, value) }
        }
    };
}

impl Uart16550 {
    /// The UART at a port; whether there is one, [`Uart16550::is_present`] tells.
    #[must_use]
    pub const fn new(port: Port) -> Self {
        Self { base: port.base() }
    }

    register!(
        /// RBR: takes the next received byte.
        receive, 0
    );
    register!(
        /// THR: gives a byte to the transmitter.
        transmit = 0
    );
    register!(
        /// IER: which interrupts are on.
        interrupt_enable, 1
    );
    register!(
        /// IER: turns interrupts on.
        set_interrupt_enable = 1
    );
    register!(
        /// IIR: why it interrupts. Reading it ends a transmitter interrupt.
        interrupt_id, 2
    );
    register!(
        /// FCR: FIFO on (1), clear receive (2), clear transmit (4), trigger level (bits 6 and 7).
        set_fifo = 2
    );
    register!(
        /// LCR: line format.
        line_control, 3
    );
    register!(
        /// LCR: sets the line format.
        set_line_control = 3
    );
    register!(
        /// MCR: sets the modem lines.
        set_modem_control = 4
    );
    register!(
        /// LSR: line status. Reading it clears error bits.
        line_status, 5
    );
    register!(
        /// MSR: modem status.
        modem_status, 6
    );
    register!(
        /// SCR: a byte of memory.
        scratch, 7
    );
    register!(
        /// SCR: a byte of memory.
        set_scratch = 7
    );

    /// Whether there is a UART: its scratch register remembers.
    #[must_use]
    pub fn is_present(&self) -> bool {
        [0x5a, 0xa5].iter().all(|&value| {
            self.set_scratch(value);
            self.scratch() == value
        })
    }

    /// Sets it up: 8 bits, no parity, `baud`, FIFOs on with a trigger at 14 bytes, modem lines on, interrupts off.
    pub fn set_up(&self, baud: u32) {
        let divisor = (115_200 / baud.clamp(2, 115_200)) as u16;
        self.set_interrupt_enable(0);
        self.set_line_control(0x83);
        let [low, high] = divisor.to_le_bytes();
        self.transmit(low);
        self.set_interrupt_enable(high);
        self.set_line_control(0x03);
        self.set_fifo(0xc7);
        self.set_modem_control(MCR_ON);
    }

    /// Whether the transmitter takes bytes now.
    #[inline]
    #[must_use]
    pub fn can_transmit(&self) -> bool {
        self.line_status() & LSR_TRANSMIT_EMPTY != 0
    }
}
