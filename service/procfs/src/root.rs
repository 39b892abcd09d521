//! The top directory: files about the machine, then one directory a process.
use crate::node::{self, Decimal, Directory, Listed, Owner, Text, ino};
use crate::{extra, process, sys, system};
use abi::Result;
use alloc::sync::Arc;
use vfs::{FileOpsRef, FileType, Inode, Link, SeqBuf, Sink, SuperBlock};

/// What an entry of the top directory is.
pub(crate) enum Kind {
    /// Text: mode, how it is made, what writing does.
    Text(
        u32,
        fn(&(), &mut SeqBuf) -> Result<()>,
        Option<node::Store<()>>,
    ),
    /// A link that depends on who reads it.
    Link(fn(&(), &cred::Cred) -> Result<Link>),
    /// Somebody else's operations.
    Special(u32, fn() -> Result<FileOpsRef>),
    /// /proc/sys.
    Sys,
    /// A directory of such entries.
    Dir(&'static [Entry]),
}

/// A name and what it is.
pub(crate) type Entry = (&'static str, Kind);

struct Root;

/// Places of processes come after those of the table: number plus this.
const PROCESSES: u64 = 1 << 32;
/// So do places of what others added.
const ADDED: u64 = 1000;

/// The root directory's inode.
pub(crate) fn make(sb: &Arc<SuperBlock>) -> Result<Arc<Inode>> {
    node::directory(sb, ino::ROOT, 0o555, Owner::ROOT, Root)
}

fn kind_of(kind: &Kind) -> FileType {
    match kind {
        Kind::Text(..) | Kind::Special(..) => FileType::Regular,
        Kind::Link(_) => FileType::Symlink,
        Kind::Sys | Kind::Dir(_) => FileType::Directory,
    }
}

/// A directory whose entries stand in a table; its files have numbers from `ino` on.
#[derive(Clone, Copy)]
struct Table {
    entries: &'static [Entry],
    ino: u64,
}

/// Numbers that a directory below the top one has for its entries.
const PER_TABLE: u64 = 0x100;

const TOP: Table = Table {
    entries: system::FILES,
    ino: ino::SYSTEM,
};

impl Directory for Table {
    fn find(&self, sb: &Arc<SuperBlock>, name: &[u8]) -> Result<Option<Arc<Inode>>> {
        let Some(place) = self.entries.iter().position(|(n, _)| n.as_bytes() == name) else {
            return Ok(None);
        };
        let ino = self.ino + place as u64;
        let made = match &self.entries[place].1 {
            Kind::Text(mode, show, store) => {
                let text = Text {
                    show: *show,
                    store: *store,
                    may_open: None,
                };
                node::text(sb, ino, *mode, Owner::ROOT, (), text)
            }
            Kind::Link(target) => node::link(sb, ino, 0o777, Owner::ROOT, (), *target),
            Kind::Special(mode, open) => node::special(sb, ino, *mode, *open),
            Kind::Sys => sys::make(sb),
            Kind::Dir(entries) => {
                let below = Self {
                    entries,
                    ino: ino::SYSTEM + PER_TABLE * (place as u64 + 1),
                };
                node::directory(sb, ino, 0o555, Owner::ROOT, below)
            }
        };
        made.map(Some)
    }

    fn entry(
        &self,
        at: u64,
        emit: &mut dyn FnMut(&Listed<'_>) -> Result<Sink>,
    ) -> Result<Option<(u64, Sink)>> {
        let Some((name, kind)) = self.entries.get(at as usize) else {
            return Ok(None);
        };
        let listed = Listed {
            name: name.as_bytes(),
            ino: self.ino + at,
            kind: kind_of(kind),
        };
        Ok(Some((at, emit(&listed)?)))
    }
}

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
        let Some(process) = task::process::next_process(from) else {
            return Ok(None);
        };
        let nr = process.nr() as u64;
        let name = Decimal::new(nr);
        let listed = Listed {
            name: name.as_bytes(),
            ino: nr * ino::PER_PROCESS,
            kind: FileType::Directory,
        };
        Ok(Some((nr + PROCESSES, emit(&listed)?)))
    }
}
