//! The top directory: files about the machine, then one directory a process.
use crate::node::{self, Decimal, Directory, Listed, Owner, ino};
use crate::table::Table;
use crate::{extra, process, system};
use abi::Result;
use alloc::sync::Arc;
use pid::PidNs;
use task::process::next_process_in;
use vfs::{FileType, Inode, Sink, SuperBlock};

/// The processes that it shows are those of a namespace.
struct Root(PidNs);

/// Places of processes come after those of the table: number plus this.
const PROCESSES: u64 = 1 << 32;
/// So do places of what others added.
const ADDED: u64 = 1000;

/// The root directory's inode.
pub(crate) fn make(sb: &Arc<SuperBlock>) -> Result<Arc<Inode>> {
    node::directory(
        sb,
        ino::ROOT,
        0o555,
        Owner::ROOT,
        Root(crate::pids(sb).clone()),
    )
}

const TOP: Table = Table {
    entries: system::FILES,
    ino: ino::SYSTEM,
};

impl Directory for Root {
    fn find(&self, sb: &Arc<SuperBlock>, name: &[u8]) -> Result<Option<Arc<Inode>>> {
        if let Some(nr) = node::number(name) {
            return process::find(sb, nr);
        }
        if let Some(found) = TOP.find(sb, name)? {
            return Ok(Some(found));
        }
        extra::added().map_or(Ok(None), |added| added.find(sb, name))
    }

    fn entry(
        &self,
        at: u64,
        emit: &mut dyn FnMut(&Listed<'_>) -> Result<Sink>,
    ) -> Result<Option<(u64, Sink)>> {
        if let Some(found) = TOP.entry(at, emit)? {
            return Ok(Some(found));
        }
        if at < PROCESSES
            && let Some(added) = extra::added()
            && let Some((place, sink)) = added.entry(at.saturating_sub(ADDED), emit)?
        {
            return Ok(Some((place + ADDED, sink)));
        }
        let from = at.saturating_sub(PROCESSES).clamp(1, i32::MAX as u64) as i32;
        let Some((nr, process)) = next_process_in(&self.0, from) else {
            return Ok(None);
        };
        let nr = nr as u64;
        let name = Decimal::new(nr);
        let listed = Listed {
            name: name.as_bytes(),
            ino: process.nr() as u64 * ino::PER_PROCESS,
            kind: FileType::Directory,
        };
        Ok(Some((nr + PROCESSES, emit(&listed)?)))
    }
}
