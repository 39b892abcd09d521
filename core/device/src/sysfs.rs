//! The trees that devices and modules are shown in.
use crate::uevent;
use abi::Result;
use alloc::sync::Arc;
use kernfs::{Node, Tree};

/// sysfs, at /sys.
pub static SYSFS: Tree = Tree::new("sysfs", 0x6265_6572, 0o555, true);
/// debugfs, at /sys/kernel/debug.
pub static DEBUGFS: Tree = Tree::new("debugfs", 0x6462_6720, 0o700, false);

/// The directory of sysfs that a path of plain names leads to; what is missing on the way is made. ENOMEM.
pub fn sysfs_dir(path: &str) -> Result<Arc<Node>> {
    let mut at = SYSFS.root()?.clone();
    for name in path.split('/') {
        at = at.dir(name)?;
    }
    Ok(at)
}

/// Makes both file systems mountable, with the directories of sysfs that are always there. EBUSY: a second time; ENOMEM.
pub(crate) fn init() -> Result<()> {
    const ALWAYS: [&str; 8] = [
        "bus",
        "class",
        "dev/block",
        "dev/char",
        "devices/virtual",
        "fs",
        "kernel/debug",
        "module",
    ];
    for path in ALWAYS {
        sysfs_dir(path)?;
    }
    sysfs_dir("kernel")?.add_attribute("uevent_seqnum", 0o444, uevent::show_number)?;
    vfs::register_filesystem(&SYSFS)?;
    vfs::register_filesystem(&DEBUGFS)
}
