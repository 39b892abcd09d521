//! The type of file system that mount(2) finds.
use crate::ns;
use abi::{Errno, Result};
use alloc::sync::Arc;
use cred::{Cred, cap};
use vfs::{FileSystemType, SuperBlock};

struct Type;

impl FileSystemType for Type {
    fn name(&self) -> &'static str {
        "mqueue"
    }

    /// The queues of the caller's namespace, however often they are mounted.
    fn mount(&self, _source: &[u8], _data: &[u8]) -> Result<Arc<SuperBlock>> {
        with_own(|ns| Ok(ns.mount().sb().clone()))
    }

    fn mount_for(&self, _source: &[u8], _data: &[u8], cred: &Cred) -> Result<Arc<SuperBlock>> {
        with_own(|ns| match cred.ns_capable(ns.owner(), cap::SYS_ADMIN) {
            true => Ok(ns.mount().sb().clone()),
            false => Err(Errno::EPERM),
        })
    }
}

fn with_own<R>(f: impl FnOnce(&ns::MqNs) -> Result<R>) -> Result<R> {
    let set = task::current().and_then(|me| me.ns()).ok_or(Errno::ESRCH)?;
    f(ns::of(&set)?)
}

/// Makes sets of queues known to namespaces, and the file system to mount(2); before `task::ipcns::init`. EBUSY: a second
/// time; ENFILE, ENOMEM.
pub fn init() -> Result<()> {
    ns::register()?;
    vfs::register_filesystem(&Type)
}
