//! The early console: COM1, polled, without locks.

use core::fmt;
use core::sync::atomic::{AtomicU8, Ordering};

use super::serial::{FIFO_SIZE, Port, Uart16550};

static COM1: Uart16550 = Uart16550::new(Port::Com1);
const UNKNOWN: u8 = 0;
const PRESENT: u8 = 1;
const ABSENT: u8 = 2;
static STATE: AtomicU8 = AtomicU8::new(UNKNOWN);

fn is_present() -> bool {
    match STATE.load(Ordering::Relaxed) {
        PRESENT => true,
        ABSENT => false,
        _ => {
            let present = COM1.is_present();
            if present {
                COM1.set_up(115_200);
            }
            STATE.store(if present { PRESENT } else { ABSENT }, Ordering::Relaxed);
            present
        }
    }
}

/// Writes bytes at once, without locks, waiting for the UART. A newline becomes CR LF. Nothing happens without a UART.
pub fn write(bytes: &[u8]) {
    if !is_present() {
        return;
    }
    let mut room = 0;
    for &byte in bytes {
        if byte == b'\n' {
            put(b'\r', &mut room);
        }
        put(byte, &mut room);
    }
}

fn put(byte: u8, room: &mut usize) {
    if *room == 0 {
        // A UART that never gets ready is given up for this byte.
        for _ in 0..100_000 {
            if COM1.can_transmit() {
                break;
            }
            core::hint::spin_loop();
        }
        *room = FIFO_SIZE;
    }
    COM1.transmit(byte);
    *room -= 1;
}

/// The early console as a `core::fmt` sink.
#[derive(Clone, Copy, Debug)]
pub struct Writer;

impl fmt::Write for Writer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        write(text.as_bytes());
        Ok(())
    }
}
