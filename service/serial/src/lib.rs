//! 16550 serial ports as terminals (`ttyS0` to `ttyS3`) and as consoles.
//!
//! **Job.** Moves bytes between a UART and its terminal by interrupt: whatever the transmitter takes goes out in one go,
//! whatever was received goes to the discipline at once. When the terminal has no room the receive interrupt stays off
//! until a reader made some, so that the machine beneath holds the rest back and no byte is lost. Kernel messages go
//! out by polling, whole lines under the port's lock.
//!
//! **Called by** image at start ([`init`]), interrupts, `tty` (through [`tty::Driver`]), trace (through its console
//! trait). **Calls** tty, irq, hal.
//!
//! **Locks**: `serial` (spinning, interrupts off: registers and the bytes on their way). The terminal is called only
//! without it; one CPU at a time feeds a transmitter ([`port`]'s `pumping` flag), so that bytes keep their order.
//!
//! **Specification**: National Semiconductor PC16550D data sheet; Linux' `console=` (kernel-parameters.rst).
#![no_std]
#![forbid(unsafe_code)]

#[cfg(target_os = "none")]
extern crate alloc;
#[cfg(test)]
extern crate std;

mod options;
#[cfg(target_os = "none")]
mod port;
#[cfg(target_os = "none")]
mod start;

pub use options::{ConsoleOption, consoles};
#[cfg(target_os = "none")]
pub use start::{init, ports};
