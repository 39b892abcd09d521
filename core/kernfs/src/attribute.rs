//! Files of a page of text: read whole, written whole.
use crate::node::{Attribute, Node};
use abi::{Errno, PAGE_SIZE, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};
use kmem::TryVec;
use kmem::user::UserBuf;
use sync::{LockClass, Mutex, rank};
use vfs::{File, FileOps, Io, PollEvents, PollTable, SeqBuf};

static TEXT: LockClass = LockClass::new("kernfs.text", rank::INODE);

/// An open file.
pub(crate) struct AttributeFile {
    node: Arc<Node>,
    attribute: Arc<dyn Attribute>,
    text: Mutex<Option<Vec<u8>>>,
    /// The node's event when it was read last.
    seen: AtomicU32,
}

impl AttributeFile {
    pub(crate) fn new(node: Arc<Node>, attribute: Arc<dyn Attribute>) -> Self {
        let seen = AtomicU32::new(node.event());
        Self {
            node,
            attribute,
            text: Mutex::new(&TEXT, None),
            seen,
        }
    }

    fn generate(&self) -> Result<Vec<u8>> {
        let _pass = self.node.gate().pass().ok_or(Errno::ENODEV)?;
        self.seen.store(self.node.event(), Ordering::SeqCst);
        let mut out = SeqBuf::new();
        self.attribute.show(&mut out)?;
        out.finish()
    }
}

impl FileOps for AttributeFile {
    fn read(&self, _file: &File, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        let mut text = self.text.lock();
        if io.pos == 0 || text.is_none() {
            *text = Some(self.generate()?);
        }
        let bytes = text.as_deref().unwrap_or_default();
        let from = usize::try_from(io.pos).map_or(bytes.len(), |pos| pos.min(bytes.len()));
        let n = buf.copy_to(&bytes[from..])?;
        io.pos += n as u64;
        Ok(n)
    }

    fn write(&self, _file: &File, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        let mut text = Vec::try_filled(0_u8, buf.remaining().min(PAGE_SIZE))?;
        let len = text.len();
        if buf.copy_from(&mut text)? < len {
            return Err(Errno::EFAULT);
        }
        let _pass = self.node.gate().pass().ok_or(Errno::ENODEV)?;
        if len == 0 {
            return Ok(0);
        }
        let n = self.attribute.store(&text)?;
        io.pos += n as u64;
        Ok(n)
    }

    fn poll(&self, _file: &File, table: &mut PollTable<'_>) -> PollEvents {
        table.wait(self.node.changed());
        if self.node.is_gone() || self.seen.load(Ordering::SeqCst) != self.node.event() {
            PollEvents::ALWAYS | PollEvents::ERR | PollEvents::PRI
        } else {
            PollEvents::ALWAYS
        }
    }

    fn can_poll(&self) -> bool {
        true
    }
}
