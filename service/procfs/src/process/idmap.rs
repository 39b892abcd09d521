//! uid_map, gid_map, projid_map and setgroups (user_namespaces(7)). What may be written, and how it reads, depends on who
//! opened the file; whose namespace it is, on when.
use super::Who;
use crate::node::{self, Owner, Text};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::fmt::Write;
use cred::{Cred, MapKind, UserNamespace};
use vfs::{Inode, OpenArgs, Positions, SeqBuf, SuperBlock};

/// Which of the files.
#[derive(Clone, Copy)]
pub(crate) enum File {
    Map(MapKind),
    Setgroups,
}

/// One that is open.
#[derive(Clone)]
struct Opened {
    file: File,
    ns: Arc<UserNamespace>,
    opener: Arc<Cred>,
}

pub(crate) fn make(
    sb: &Arc<SuperBlock>,
    ino: u64,
    owner: Owner,
    who: Who,
    file: File,
) -> Result<Arc<Inode>> {
    node::special(sb, ino, 0o644, owner, move |_, args: &OpenArgs<'_>| {
        let ns = who.task.cred()?.user_ns.clone();
        let privileged = ns.is_administered_by(args.cred);
        if matches!(file, File::Setgroups) && args.flags.writes() && !privileged {
            return Err(Errno::EACCES);
        }
        let opener = kmem::try_arc(args.cred.clone())?;
        let text = Text {
            show,
            store: Some(store),
            may_open: None,
            positions: Positions::Start,
            splices: (false, false),
        };
        node::open_text(Opened { file, ns, opener }, text)
    })
}

fn show(of: &Opened, out: &mut SeqBuf) -> Result<()> {
    match of.file {
        File::Map(kind) => {
            of.ns.for_each_extent(kind, &of.opener.user_ns, |extent| {
                let (inside, outside, count) = (extent.inside, extent.outside, extent.count);
                let _ = writeln!(out, "{inside:>10} {outside:>10} {count:>10}");
            });
        }
        File::Setgroups => {
            let allowed = of.ns.allows_setgroups();
            out.push_bytes(if allowed { b"allow\n" } else { b"deny\n" });
        }
    }
    Ok(())
}

fn store(of: &Opened, text: &[u8]) -> Result<()> {
    /// Room for the longer of the two words, and the end of its line.
    const LONGEST: usize = 7;
    let writer = task::current().ok_or(Errno::ESRCH)?.cred()?;
    match of.file {
        File::Map(kind) => of.ns.set_map(kind, text, &of.opener, &writer),
        File::Setgroups if text.len() > LONGEST => Err(Errno::EINVAL),
        File::Setgroups => match text.trim_ascii_end() {
            b"allow" => of.ns.set_setgroups(true),
            b"deny" => of.ns.set_setgroups(false),
            _ => Err(Errno::EINVAL),
        },
    }
}
