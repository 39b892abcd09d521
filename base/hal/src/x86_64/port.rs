//! I/O ports.

use core::arch::asm;

macro_rules! port_access {
    ($read:ident, $write:ident, $type:ty, $register:tt) => {
        #[doc = concat!("Reads a `", stringify!($type), "` from a port.")]
        ///
        /// # Safety
        /// The read's side effects on the device must be wanted.
        #[inline]
        #[must_use]
        pub unsafe fn $read(port: u16) -> $type {
            let value: $type;
            // SAFETY: the caller vouches for the device.
            unsafe {
                asm!(concat!("in ", $register, ", dx"), out($register) value, in("dx") port,
                    options(nostack, preserves_flags));
            }
            value
        }
        #[doc = concat!("Writes a `", stringify!($type), "` to a port.")]
        ///
        /// # Safety
        /// The device must not do anything with it that breaks memory safety (DMA, reset).
        #[inline]
        pub unsafe fn $write(port: u16, value: $type) {
            // SAFETY: the caller vouches for the device.
            unsafe {
                asm!(concat!("out dx, ", $register), in("dx") port, in($register) value,
                    options(nostack, preserves_flags));
            }
        }
    };
}

port_access!(inb, outb, u8, "al");
port_access!(inw, outw, u16, "ax");
port_access!(inl, outl, u32, "eax");
