//! /proc/net/tcp and /proc/net/udp (proc(5)).
use crate::address::Endpoint;
use crate::common::Common;
use crate::ports::{Bound, Ports};
use alloc::sync::Arc;
use core::fmt::Write;
use core::sync::atomic::Ordering;
use vfs::SeqBuf;

/// What a row says besides its socket's names.
pub(crate) struct Row {
    pub(crate) peer: Option<Endpoint>,
    /// `TCP_*`.
    pub(crate) state: u8,
    /// Bytes that are not acknowledged, and that wait to be received.
    pub(crate) send: usize,
    pub(crate) receive: usize,
    /// How many have it, as Linux counts.
    pub(crate) references: u32,
    /// Which timer runs, and its hundredths of a second.
    pub(crate) timer: (u8, u64),
    pub(crate) retransmits: u32,
}

/// An address as the table has it: its bytes as they travel, read as a number.
fn address(out: &mut SeqBuf, end: Endpoint) {
    let _ = write!(out, "{:08X}:{:04X} ", end.ip.swap_bytes(), end.port);
}

/// How a table looks: the width of its numbers, and of all.
#[derive(Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) head: &'static str,
    pub(crate) number: usize,
    pub(crate) whole: usize,
}

/// Writes a table: a row for each socket that has a port; `rest` ends it.
pub(crate) fn write<S: Bound>(
    out: &mut SeqBuf,
    layout: Layout,
    ports: &Ports<S>,
    row: impl Fn(&Arc<S>) -> Row,
    rest: impl Fn(&mut SeqBuf, &Arc<S>),
) {
    let start = out.len();
    out.push_bytes(layout.head.as_bytes());
    end(out, start, layout.whole);
    let mut number = 0;
    for port in 1..=u16::MAX {
        let mut place = 0;
        while let Some(socket) = ports.at(port, place) {
            place += 1;
            let start = out.len();
            let _ = write!(out, "{number:0$}: ", layout.number);
            line(out, socket.common(), &row(&socket));
            rest(out, &socket);
            number += 1;
            end(out, start, layout.whole);
        }
    }
}

fn line(out: &mut SeqBuf, common: &Common, row: &Row) {
    address(out, common.names().own);
    address(out, row.peer.unwrap_or_default());
    let owner = common.owner.load(Ordering::Relaxed);
    let ino = common.ino.load(Ordering::Relaxed);
    let (timer, when) = row.timer;
    // Without the place in memory, as for those who may see none of the kernel's (`kptr_restrict`).
    let _ = write!(
        out,
        "{:02X} {:08X}:{:08X} {timer:02X}:{when:08X} {:08X} {owner:5} {:8} {ino} {} {:016x}",
        row.state, row.send, row.receive, row.retransmits, 0, row.references, 0
    );
}

/// Ends a line with blanks up to its length.
fn end(out: &mut SeqBuf, start: usize, whole: usize) {
    let missing = whole.saturating_sub(out.len() - start);
    let _ = writeln!(out, "{:missing$}", "");
}
