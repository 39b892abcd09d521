//! Directories whose entries stand in a table.
use crate::node::{self, Directory, Listed, Owner, Text, ino};
use crate::sys;
use abi::Result;
use alloc::sync::Arc;
use pid::PidNs;
use vfs::{FileOpsRef, FileType, Inode, Link, Positions, SeqBuf, Sink, SuperBlock};

/// What an entry of such a directory is.
pub(crate) enum Kind {
    /// Text: mode, how it is made, what writing does.
    Text(
        u32,
        fn(&(), &mut SeqBuf) -> Result<()>,
        Option<node::Store<()>>,
    ),
    /// A link that depends on who reads it.
    Link(fn(&PidNs, &cred::Cred) -> Result<Link>),
    /// Somebody else's operations.
    Special(u32, fn() -> Result<FileOpsRef>),
    /// /proc/sys.
    Sys,
    /// A directory of such entries.
    Dir(&'static [Entry]),
}

/// A name and what it is.
pub(crate) type Entry = (&'static str, Kind);

fn kind_of(kind: &Kind) -> FileType {
    match kind {
        Kind::Text(..) | Kind::Special(..) => FileType::Regular,
        Kind::Link(_) => FileType::Symlink,
        Kind::Sys | Kind::Dir(_) => FileType::Directory,
    }
}

/// A directory whose entries stand in a table; its files have numbers from `ino` on.
#[derive(Clone, Copy)]
pub(crate) struct Table {
    pub(crate) entries: &'static [Entry],
    pub(crate) ino: u64,
}

/// Numbers that a directory below the top one has for its entries.
const PER_TABLE: u64 = 0x100;

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
                    positions: Positions::None,
                    splices: (true, false),
                };
                node::text(sb, ino, *mode, Owner::ROOT, (), text)
            }
            Kind::Link(target) => node::link(
                sb,
                ino,
                0o777,
                Owner::ROOT,
                crate::pids(sb).clone(),
                *target,
            ),
            Kind::Special(mode, open) => {
                let open = *open;
                node::special(sb, ino, *mode, Owner::ROOT, move |_, _| open())
            }
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
