//! /proc/net/dev (proc(5)).
use crate::interface::all;
use abi::Result;
use core::fmt::Write;
use vfs::SeqBuf;

/// Writes it.
pub fn show(out: &mut SeqBuf) -> Result<()> {
    let _ = writeln!(
        out,
        "Inter-|   Receive                                                |  Transmit\n \
         face |bytes    packets errs drop fifo frame compressed multicast|\
         bytes    packets errs drop fifo colls carrier compressed"
    );
    for interface in all() {
        let (packets, bytes) = interface.counted();
        let _ = writeln!(
            out,
            "{:>6}: {bytes:7} {packets:7}    0    0    0     0          0         0 \
             {bytes:8} {packets:7}    0    0    0     0       0          0",
            interface.name
        );
    }
    Ok(())
}
