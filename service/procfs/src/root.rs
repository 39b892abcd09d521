//! The top directory: files about the machine, then one directory a process.
use crate::node::{self, Decimal, Directory, Listed, Owner, Text, ino};
use crate::{process, sys, system};
use abi::Result;
use alloc::sync::Arc;
use vfs::{FileOpsRef, FileType, Inode, Link, SeqBuf, Sink, SuperBlock};

/// What an entry of the top directory is.
pub(crate) enum Kind {
    /// Text: mode, how it is made, what writing does.
    Text(
        u32,
        fn(&(), &mut SeqBuf) -> Result<()>,
        Option<fn(&(), &[u8]) -> Result<()>>,
    ),
    /// A link that depends on who reads it.
    Link(fn(&(), &cred::Cred) -> Result<Link>),
    /// Somebody else's operations.
    Special(u32, fn() -> Result<FileOpsRef>),
    /// /proc/sys.
    Sys,
}

struct Root;

/// Places of processes come after those of the table: number plus this.
const PROCESSES: u64 = 1000;

/// The root directory's inode.
pub(crate) fn make(sb: &Arc<SuperBlock>) -> Result<Arc<Inode>> {
    node::directory(sb, ino::ROOT, 0o555, Owner::ROOT, Root)
}

fn kind_of(kind: &Kind) -> FileType {
    match kind {
        Kind::Text(..) | Kind::Special(..) => FileType::Regular,
        Kind::Link(_) => FileType::Symlink,
        Kind::Sys => FileType::Directory,
    }
}

impl Directory for Root {
    fn find(&self, sb: &Arc<SuperBlock>, name: &[u8]) -> Result<Option<Arc<Inode>>> {
        if let Some(nr) = node::number(name) {
            return process::find(sb, nr);
        }
        let Some(place) = system::FILES.iter().position(|(n, _)| n.as_bytes() == name) else {
            return Ok(None);
        };
        let ino = ino::SYSTEM + place as u64;
        let made = match &system::FILES[place].1 {
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
        };
        made.map(Some)
    }

    fn entry(
        &self,
        at: u64,
        emit: &mut dyn FnMut(&Listed<'_>) -> Result<Sink>,
    ) -> Result<Option<(u64, Sink)>> {
        if let Some((name, kind)) = system::FILES.get(at as usize) {
            let listed = Listed {
                name: name.as_bytes(),
                ino: ino::SYSTEM + at,
                kind: kind_of(kind),
            };
            return Ok(Some((at, emit(&listed)?)));
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
