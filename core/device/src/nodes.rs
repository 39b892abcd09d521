//! Device nodes, whoever shows them.
use abi::{Errno, Result};
use alloc::string::String;
use alloc::vec::Vec;
use kmem::{TryString, TryVec};
use sync::{LockClass, Once, SpinLock, rank};
use vfs::FileType;

static NODES: LockClass = LockClass::new("device.nodes", rank::NONE);

/// A node to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node<'a> {
    /// Path below /dev, for example "input/mice".
    pub name: &'a str,
    /// [`FileType::CharDevice`] or [`FileType::BlockDevice`].
    pub kind: FileType,
    /// Its number (`vfs::makedev`).
    pub rdev: u64,
    /// Permissions.
    pub mode: u32,
}

/// Who shows nodes.
pub trait NodeSink: Send + Sync {
    /// Shows a node. EEXIST, ENOMEM, ENOSPC.
    fn add(&self, node: &Node<'_>) -> Result<()>;

    /// Shows it no longer. ENOENT.
    fn remove(&self, node: &Node<'_>) -> Result<()>;
}

/// A node that is shown.
struct Kept {
    name: String,
    kind: FileType,
    rdev: u64,
    mode: u32,
}

impl Kept {
    fn new(node: &Node<'_>) -> Result<Self> {
        Ok(Self {
            name: String::try_from_str(node.name)?,
            kind: node.kind,
            rdev: node.rdev,
            mode: node.mode,
        })
    }

    fn node(&self) -> Node<'_> {
        Node {
            name: &self.name,
            kind: self.kind,
            rdev: self.rdev,
            mode: self.mode,
        }
    }
}

static ALL: SpinLock<Vec<Kept>> = SpinLock::new(&NODES, Vec::new());
static SINK: Once<&'static dyn NodeSink> = Once::new();

/// Adds a node. EEXIST: the name is taken; ENOMEM, ENOSPC.
pub fn add_node(node: Node<'_>) -> Result<()> {
    let kept = Kept::new(&node)?;
    {
        let mut all = ALL.lock();
        if all.iter().any(|n| n.name == node.name) {
            return Err(Errno::EEXIST);
        }
        all.try_push(kept)?;
    }
    SINK.get().map_or(Ok(()), |sink| sink.add(&node))
}

/// Takes a node away. ENOENT.
pub fn remove_node(name: &str) -> Result<()> {
    let node = {
        let mut all = ALL.lock();
        let at = all
            .iter()
            .position(|n| n.name == name)
            .ok_or(Errno::ENOENT)?;
        all.swap_remove(at)
    };
    SINK.get().map_or(Ok(()), |sink| sink.remove(&node.node()))
}

/// Names who shows nodes, once, and tells it of those there are. The errors of [`NodeSink::add`].
pub fn set_sink(sink: &'static dyn NodeSink) -> Result<()> {
    let _ = SINK.set(sink);
    let mut next = 0;
    loop {
        let kept = ALL.lock().get(next).map(|node| Kept::new(&node.node()));
        let Some(kept) = kept else {
            return Ok(());
        };
        match sink.add(&kept?.node()) {
            // It came while we were under way.
            Err(Errno::EEXIST) | Ok(()) => {}
            Err(e) => return Err(e),
        }
        next += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    use std::sync::Mutex;

    struct Log(Mutex<Vec<String>>);
    impl NodeSink for Log {
        fn add(&self, node: &Node<'_>) -> Result<()> {
            self.0.lock().unwrap().push(std::format!("+{}", node.name));
            Ok(())
        }
        fn remove(&self, node: &Node<'_>) -> Result<()> {
            self.0.lock().unwrap().push(std::format!("-{}", node.name));
            Ok(())
        }
    }
    static LOG: Log = Log(Mutex::new(Vec::new()));

    #[test]
    fn the_sink_hears_of_all() {
        let node = |name| Node {
            name,
            kind: FileType::CharDevice,
            rdev: 1,
            mode: 0o600,
        };
        add_node(node("a")).unwrap();
        set_sink(&LOG).unwrap();
        add_node(node("b")).unwrap();
        assert_eq!(add_node(node("a")), Err(Errno::EEXIST));
        remove_node("a").unwrap();
        assert_eq!(remove_node("a"), Err(Errno::ENOENT));
        assert_eq!(*LOG.0.lock().unwrap(), ["+a", "+b", "-a"]);
    }
}
