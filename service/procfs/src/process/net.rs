//! net/: the sockets of each family.
use super::Who;
use crate::node::{self, Directory, Listed, Owner, Text, ino};
use abi::Result;
use alloc::sync::Arc;
use vfs::{FileType, Inode, Positions, SeqBuf, Sink, SuperBlock};

pub(crate) struct Net(pub(crate) Who);

type Show = fn(&mut SeqBuf) -> Result<()>;

fn show(table: &Show, out: &mut SeqBuf) -> Result<()> {
    table(out)
}

impl Net {
    fn ino(&self, place: usize) -> u64 {
        self.0.ino() + ino::NET + place as u64
    }
}

impl Directory for Net {
    fn find(&self, sb: &Arc<SuperBlock>, name: &[u8]) -> Result<Option<Arc<Inode>>> {
        let mut place = 0;
        while let Some((known, table)) = socket::table(place) {
            if known.as_bytes() == name {
                let text = Text {
                    show,
                    store: None,
                    may_open: None,
                    positions: Positions::None,
                    splices: (true, false),
                };
                let ino = self.ino(place);
                return node::text(sb, ino, 0o444, Owner::ROOT, table, text).map(Some);
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
        let Some((name, _)) = socket::table(at as usize) else {
            return Ok(None);
        };
        let listed = Listed {
            name: name.as_bytes(),
            ino: self.ino(at as usize),
            kind: FileType::Regular,
        };
        Ok(Some((at, emit(&listed)?)))
    }

    fn alive(&self) -> bool {
        !self.0.gone()
    }
}
