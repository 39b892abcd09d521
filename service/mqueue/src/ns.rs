//! A set of queues with its file system and limits: what an IPC namespace has of them (ipc_namespaces(7)).
use crate::fs;
use crate::limits::Limits;
use abi::{Errno, Result};
use alloc::sync::Arc;
use cred::UserNamespace;
use sync::Once;
use task::Namespaces;
use task::ipcns::{self, AnyPart, IpcPart, IpcSlot};
use vfs::Mount;

/// See the head of the module.
pub struct MqNs {
    limits: Arc<Limits>,
    /// The kernel's own mount of its file system, which nobody sees.
    mount: Arc<Mount>,
    /// Whose capabilities count.
    owner: Arc<UserNamespace>,
}

struct Part;
static SLOT: Once<IpcSlot<MqNs>> = Once::new();

impl IpcPart for Part {
    fn create(&self, owner: &Arc<UserNamespace>) -> Result<AnyPart> {
        Ok(MqNs::new(owner)?)
    }
}

impl MqNs {
    /// An empty one with the usual limits. ENOMEM.
    fn new(owner: &Arc<UserNamespace>) -> Result<Arc<Self>> {
        let limits = kmem::try_arc(Limits::new())?;
        let sb = fs::superblock(&limits)?;
        sb.set_owner(owner.clone());
        kmem::try_arc(Self {
            mount: Mount::kernel(&sb)?,
            limits,
            owner: owner.clone(),
        })
    }

    /// Its limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The mount that its queues are opened through.
    pub(crate) const fn mount(&self) -> &Arc<Mount> {
        &self.mount
    }

    /// Whose capabilities count.
    pub(crate) const fn owner(&self) -> &Arc<UserNamespace> {
        &self.owner
    }
}

/// Makes the kind known to namespaces. ENFILE.
pub(crate) fn register() -> Result<()> {
    let _ = SLOT.set(IpcSlot::register(&Part)?); // once
    Ok(())
}

/// The queues of the tasks with these namespaces. ENOSYS: there is no such part.
#[inline]
pub fn of(namespaces: &Namespaces) -> Result<&MqNs> {
    let slot = SLOT.get().ok_or(Errno::ENOSYS)?;
    slot.of(ipcns::of(namespaces)?).ok_or(Errno::ENOSYS)
}
