//! All sockets: by port, and by group.
use crate::endpoint::NetlinkSocket;
use crate::queue::Message;
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use kmem::TryVec;
use sync::{LockClass, SpinLock, rank};

static TABLE: LockClass = LockClass::new("netlink.table", rank::SOCKETS);
static ALL: SpinLock<Vec<Arc<NetlinkSocket>>> = SpinLock::new(&TABLE, Vec::new());

/// Ports that the kernel chooses when a process' number is taken: from here down.
const CHOSEN: i32 = -4097;

/// Adds a socket. ENOMEM.
pub(crate) fn add(socket: &Arc<NetlinkSocket>) -> Result<()> {
    ALL.lock().try_push(socket.clone())
}

/// Takes a socket out.
pub(crate) fn remove(socket: &NetlinkSocket) {
    let gone = {
        let mut all = ALL.lock();
        let at = all
            .iter()
            .position(|other| core::ptr::eq(&raw const **other, socket));
        at.map(|at| all.swap_remove(at))
    };
    drop(gone);
}

fn is_taken(all: &[Arc<NetlinkSocket>], protocol: i32, port: u32) -> bool {
    all.iter()
        .any(|other| other.protocol() == protocol && other.port() == Some(port))
}

/// Gives a socket its port, if it has none yet: the wanted one, or for 0 its process' number or another. EADDRINUSE;
/// EINVAL: it has another one.
pub(crate) fn bind(socket: &NetlinkSocket, wanted: u32, pid: i32) -> Result<()> {
    let all = ALL.lock();
    if let Some(port) = socket.port() {
        return match wanted == port {
            true => Ok(()),
            false => Err(Errno::EINVAL),
        };
    }
    let free = |port: u32| !is_taken(&all, socket.protocol(), port);
    let port = match wanted {
        0 => {
            let own = pid as u32;
            let mut others = (0..).map(|n| (CHOSEN - n) as u32);
            if free(own) {
                own
            } else {
                others.find(|port| free(*port)).ok_or(Errno::EADDRINUSE)?
            }
        }
        port if free(port) => port,
        _ => return Err(Errno::EADDRINUSE),
    };
    socket.set_port(port);
    Ok(())
}

/// The socket of a port. ECONNREFUSED: there is none.
pub(crate) fn find(protocol: i32, port: u32) -> Result<Arc<NetlinkSocket>> {
    let all = ALL.lock();
    let found = all
        .iter()
        .find(|other| other.protocol() == protocol && other.port() == Some(port));
    found.cloned().ok_or(Errno::ECONNREFUSED)
}

/// Calls `each` with all sockets of a protocol that are in a group; it must not sleep.
fn each_member(protocol: i32, group: u32, mut each: impl FnMut(&Arc<NetlinkSocket>)) {
    for socket in ALL.lock().iter() {
        if socket.protocol() == protocol && socket.is_member(group) {
            each(socket);
        }
    }
}

/// Whether anybody is in a group.
pub(crate) fn has_members(protocol: i32, group: u32) -> bool {
    let all = ALL.lock();
    all.iter()
        .any(|socket| socket.protocol() == protocol && socket.is_member(group))
}

/// Sends a message to a group: to all members but `except`.
pub(crate) fn broadcast(protocol: i32, message: &Arc<Message>, except: &[u32]) {
    each_member(protocol, message.group, |socket| {
        if socket.port().is_none_or(|port| !except.contains(&port)) {
            socket.tell(message);
        }
    });
}
