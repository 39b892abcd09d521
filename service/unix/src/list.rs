//! All sockets: for /proc/net/unix.
use crate::objects::{End, phase};
use abi::{Errno, Result};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::fmt::Write;
use core::sync::atomic::Ordering;
use kmem::TryVec;
use sync::{LockClass, SpinLock, rank};
use vfs::SeqBuf;

static LIST: LockClass = LockClass::new("unix.list", rank::NONE);

/// The place of an end that is not listed.
pub(crate) const NOWHERE: u64 = u64::MAX;

/// A part of the list, so that sockets made at the same time meet at no lock.
struct Shard {
    ends: Vec<Option<Weak<End>>>,
    /// Places of `ends` that are free; there is room for all.
    free: Vec<u32>,
}

const SHARDS: usize = 16;
static ALL: [SpinLock<Shard>; SHARDS] = [const {
    SpinLock::new(
        &LIST,
        Shard {
            ends: Vec::new(),
            free: Vec::new(),
        },
    )
}; SHARDS];

impl Shard {
    /// ENOMEM.
    fn add(&mut self, end: Weak<End>) -> Result<u32> {
        if let Some(at) = self.free.pop() {
            self.ends[at as usize] = Some(end);
            return Ok(at);
        }
        let missing = (self.ends.len() + 1).saturating_sub(self.free.len());
        if self.free.try_reserve(missing).is_err() {
            return Err(Errno::ENOMEM);
        }
        self.ends.try_push(Some(end))?;
        Ok(self.ends.len() as u32 - 1)
    }
}

/// Adds an end. ENOMEM.
pub(crate) fn add(end: &Arc<End>) -> Result<()> {
    let shard = end.id as usize % SHARDS;
    let at = ALL[shard].lock().add(Arc::downgrade(end))?;
    let place = u64::from(at) * SHARDS as u64 + shard as u64;
    end.place.store(place, Ordering::Relaxed);
    Ok(())
}

/// Takes an end out.
pub(crate) fn remove(end: &End) {
    let place = end.place.swap(NOWHERE, Ordering::Relaxed);
    if place == NOWHERE {
        return;
    }
    let at = place / SHARDS as u64;
    let gone = {
        let mut shard = ALL[place as usize % SHARDS].lock();
        let gone = shard.ends[at as usize].take();
        // There is room: `add` saw to it.
        let _ = shard.free.try_push(at as u32);
        gone
    };
    drop(gone);
}

/// The next socket that is open at a place, `from` or behind, and the place after it.
pub(crate) fn next(from: u64) -> Option<(Arc<End>, u64)> {
    let (mut shard, mut at) = ((from >> 32) as usize, from as u32 as usize);
    while let Some(ends) = ALL.get(shard) {
        let found = ends
            .lock()
            .ends
            .get(at)
            .map(|place| place.as_ref().and_then(Weak::upgrade));
        let Some(end) = found else {
            (shard, at) = (shard + 1, 0);
            continue;
        };
        at += 1;
        if let Some(end) = end.filter(|end| !end.is_dead()) {
            return Some((end, (shard as u64) << 32 | at as u64));
        }
    }
    None
}

/// `/proc/net/unix` (proc(5)).
pub(crate) fn show(out: &mut SeqBuf) -> Result<()> {
    let _ = writeln!(
        out,
        "Num       RefCount Protocol Flags    Type St Inode Path"
    );
    let mut from = 0;
    while let Some((end, after)) = next(from) {
        line(&end, out);
        from = after;
    }
    Ok(())
}

fn line(end: &Arc<End>, out: &mut SeqBuf) {
    /// `__SO_ACCEPTCON`.
    const ACCEPTS: u32 = 1 << 16;
    let phase = end.phase();
    let flags = if phase == phase::LISTENS { ACCEPTS } else { 0 };
    let ino = end.ino.load(Ordering::Relaxed);
    // SS_CONNECTED, SS_UNCONNECTED; without a file SS_CONNECTING, SS_DISCONNECTING.
    let state = match (ino != 0, phase == phase::CONNECTED) {
        (true, true) => 3,
        (true, false) => 1,
        (false, true) => 2,
        (false, false) => 4,
    };
    // Linux' count has one for the list too; ours has the one in this function.
    let references = Arc::strong_count(end);
    // Linux has a made-up number for the address here: some number of its own a socket must have (ss(8) reads it as a port).
    let _ = write!(
        out,
        "{:016x}: {references:08X} {:08X} {flags:08X} {:04X} {state:02X} {ino:5}",
        end.id, 0, end.base.kind
    );
    if let Some(name) = end.name.get() {
        out.push_bytes(b" ");
        for byte in &name.bytes {
            out.push_bytes(&[if *byte == 0 { b'@' } else { *byte }]);
        }
    }
    out.push_bytes(b"\n");
}
