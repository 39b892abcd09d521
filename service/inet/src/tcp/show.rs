//! /proc/net/tcp.
use super::objects::{LISTENS, PORTS, TcpSocket};
use crate::ports::Bound;
use crate::table::{self, Layout, Row};
use abi::Result;
use alloc::sync::Arc;
use vfs::SeqBuf;

/// Hundredths of a second in nanoseconds.
const TICK: u64 = 10_000_000;

fn row(socket: &Arc<TcpSocket>) -> Row {
    let told = socket.look(|connection| {
        let waiting = connection.readable();
        (
            connection.unacknowledged(),
            waiting,
            connection.retransmits(),
        )
    });
    let (send, receive, (retransmits, at)) = told.unwrap_or((0, 0, (0, None)));
    let timer = at.map(|at| (1, at.saturating_sub(hal::clock::now_ns()) / TICK));
    Row {
        peer: socket.common().names().peer,
        state: socket.state_number(),
        send,
        receive,
        references: 1,
        timer: timer.unwrap_or((0, 0)),
        retransmits,
    }
}

/// Writes it.
pub(crate) fn show(out: &mut SeqBuf) -> Result<()> {
    const LAYOUT: Layout = Layout {
        head: "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
        number: 4,
        whole: 149,
    };
    table::write(out, LAYOUT, &PORTS, row, |out, socket| {
        let rest: &[u8] = match socket.state_number() {
            LISTENS => b" 100 0 0 10 0",
            _ => b" 20 0 0 10 -1",
        };
        out.push_bytes(rest);
    });
    Ok(())
}
