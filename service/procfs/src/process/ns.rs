//! ns/: links to the namespaces that a process is in.
use super::Who;
use crate::node::{self, Directory, Listed, ino};
use abi::Result;
use alloc::sync::Arc;
use cred::Cred;
use task::nsfs;
use vfs::{FileType, Inode, Link, Sink, SuperBlock};

pub(crate) struct Namespaces(pub(crate) Who);

/// A link, by its name.
type One = (Who, &'static str);

fn target((who, name): &One, by: &Cred) -> Result<Link> {
    who.may_look(by)?;
    let ns = nsfs::of_task(&who.task, name)?;
    Ok(Link::Jump(nsfs::path_of(ns)?))
}

impl Namespaces {
    fn ino(&self, place: usize) -> u64 {
        self.0.ino() + ino::NAMESPACES + place as u64
    }
}

impl Directory for Namespaces {
    fn find(&self, sb: &Arc<SuperBlock>, name: &[u8]) -> Result<Option<Arc<Inode>>> {
        let mut place = 0;
        while let Some(known) = nsfs::link_name(place) {
            if known.as_bytes() == name {
                let one = (self.0.clone(), known);
                let owner = self.0.owner();
                return node::link(sb, self.ino(place), 0o777, owner, one, target).map(Some);
            }
            place += 1;
        }
        Ok(None)
    }

    fn entry(
        &self,
        at: u64,
        emit: &mut dyn FnMut(&Listed<'_>) -> Result<Sink>,
    ) -> Result<Option<(u64, Sink)>> {
        let Some(name) = nsfs::link_name(at as usize) else {
            return Ok(None);
        };
        let listed = Listed {
            name: name.as_bytes(),
            ino: self.ino(at as usize),
            kind: FileType::Symlink,
        };
        Ok(Some((at, emit(&listed)?)))
    }

    fn alive(&self) -> bool {
        !self.0.gone()
    }
}
