//! `linux/proc_fs.h`.
use crate::calls::Calls;
use crate::enter;
use crate::export::exports;
use crate::file::{self, Opened, Source};
use crate::foreign::Name;
use crate::ledger::{self, Kind, Resource};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use cred::{Kgid, Kuid};
use kernfs::Gate;
use kmem::{TryVec, try_arc};
use module::Module;
use procfs::{Content, Entry, Opener};
use vfs::{FileOpsRef, Inode, OpenArgs};

/// A file that a module added, or a directory (which has no operations).
pub(crate) struct ProcFile {
    module: Arc<Module>,
    /// Address of the operations.
    ops: usize,
    calls: Option<Calls>,
    data: usize,
    gate: Arc<Gate>,
}

/// An entry and what is behind it. The entry holds the file: the file must not hold the entry, or neither ever ends.
struct Added {
    file: Arc<ProcFile>,
    entry: Arc<Entry>,
}

struct ProcOpener(Arc<ProcFile>);

impl Opener for ProcOpener {
    fn open(&self, inode: &Arc<Inode>, args: &OpenArgs<'_>) -> Result<FileOpsRef> {
        let proc = &self.0;
        let source = Source {
            module: &proc.module,
            gate: Some(proc.gate.clone()),
            ends_with_gate: true,
            calls: proc.calls.ok_or(Errno::EISDIR)?,
            ops: proc.ops,
            cdev: 0,
            private: proc.data,
            data: 0,
            users: [None, None],
        };
        Opened::open(source, inode, args)
    }
}

/// Takes an entry away, with all below it; waits for calls under way.
fn withdraw(handle: usize, added: &Added) {
    if added.file.calls.is_none() {
        let below = |resource: &Resource| resource.words[0] == handle;
        while let Some((handle, resource)) = ledger::take_where(&ENTRY, below) {
            (ENTRY.give_back)(handle, resource);
        }
    }
    added.file.gate.close();
    procfs::remove(&added.entry);
    added.file.gate.wait_empty();
    file::release_behind(&added.file.gate);
}

/// An entry of /proc; the object is an [`Added`], the word its parent's handle.
static ENTRY: Kind = Kind {
    name: "proc entry",
    give_back: |handle, resource| {
        if let Some(added) = resource.object::<Added>() {
            withdraw(handle, &added);
        }
    },
};

/// The entry of a handle that a module passes as a parent; none for NULL.
fn parent(handle: usize) -> Result<Option<Arc<Entry>>> {
    if handle == 0 {
        return Ok(None);
    }
    let added = ledger::object::<Added>(handle, &ENTRY).ok_or(Errno::EINVAL)?;
    Ok(Some(added.entry.clone()))
}

fn make(
    name: usize,
    mode: u32,
    parent_handle: usize,
    ops: Option<usize>,
    data: usize,
) -> Result<usize> {
    let mode = match (mode & 0o7777, ops) {
        (0, Some(_)) => 0o444,
        (0, None) => 0o555,
        (mode, _) => mode,
    };
    enter_as(name, mode, parent_handle, Content::Directory, ops, data)
}

/// Adds an entry: a file if it has operations, else what `content` says.
fn enter_as(
    name: usize,
    mode: u32,
    parent_handle: usize,
    content: Content,
    ops: Option<usize>,
    data: usize,
) -> Result<usize> {
    enter::must_sleep("proc_create");
    let name = Name::<256>::read(name).map_err(|_| Errno::EFAULT)?;
    let calls = ops.map(Calls::of_proc).transpose()?;
    let module = enter::running().ok_or(Errno::EINVAL)?;
    let file = try_arc(ProcFile {
        module,
        ops: ops.unwrap_or(0),
        calls,
        data,
        gate: try_arc(Gate::new())?,
    })?;
    let content = match ops {
        Some(_) => Content::File(try_arc(ProcOpener(file.clone()))?),
        None => content,
    };
    let above = parent(parent_handle)?;
    let entry = procfs::create(above.as_ref(), name.as_bytes(), mode, content)?;
    let handle = Arc::as_ptr(&entry) as usize;
    let kept = entry.clone();
    let added = try_arc(Added { file, entry: kept }).inspect_err(|_| {
        procfs::remove(&entry);
    })?;
    let resource = Resource {
        kind: &ENTRY,
        words: [parent_handle, 0],
        object: Some(added),
    };
    ledger::enter_or_undo(handle, resource)?;
    Ok(handle)
}

/// `proc_create_data(name, mode, parent, ops, data)`.
extern "C" fn proc_create_data(
    name: usize,
    mode: u32,
    parent: usize,
    ops: usize,
    data: usize,
) -> usize {
    make(name, mode, parent, Some(ops), data).unwrap_or(0)
}

/// `proc_create(name, mode, parent, ops)`.
extern "C" fn proc_create(name: usize, mode: u32, parent: usize, ops: usize) -> usize {
    make(name, mode, parent, Some(ops), 0).unwrap_or(0)
}

/// `proc_mkdir(name, parent)`.
extern "C" fn proc_mkdir(name: usize, parent: usize) -> usize {
    make(name, 0, parent, None, 0).unwrap_or(0)
}

/// `proc_remove(entry)`: nothing for NULL.
extern "C" fn proc_remove(entry: usize) {
    if entry == 0 {
        return;
    }
    enter::must_sleep("proc_remove");
    match ledger::take(entry, &ENTRY) {
        Some(resource) => (ENTRY.give_back)(entry, resource),
        None => enter::misuse("proc_remove of what is no entry"),
    }
}

/// `remove_proc_entry(name, parent)`; one that is not there is told.
extern "C" fn remove_proc_entry(name: usize, parent_handle: usize) {
    enter::must_sleep("remove_proc_entry");
    let found = Name::<256>::read(name).ok().and_then(|name| {
        let above = parent(parent_handle).ok()?;
        let entry = procfs::lookup(above.as_ref(), name.as_bytes())?;
        Some(Arc::as_ptr(&entry) as usize)
    });
    match found.and_then(|handle| Some((handle, ledger::take(handle, &ENTRY)?))) {
        Some((handle, resource)) => (ENTRY.give_back)(handle, resource),
        None => {
            trace::pr_warn!("remove_proc_entry: the name is not there");
            trace::oops::dump_stack(trace::Level::Warning);
        }
    }
}

/// `proc_symlink(name, parent, target)`.
extern "C" fn proc_symlink(name: usize, parent_handle: usize, target: usize) -> usize {
    let made = Name::<256>::read(target).map_err(|_| Errno::EFAULT);
    let made = made.and_then(|target| {
        let target = Vec::try_from_slice(target.as_bytes())?;
        let link = Content::Link(try_arc(target)?);
        enter_as(name, 0o777, parent_handle, link, None, 0)
    });
    made.unwrap_or(0)
}

/// Looks at the entry of a handle; ends the call when there is none.
fn with_entry(handle: usize, look: impl FnOnce(&Entry)) {
    match ledger::object::<Added>(handle, &ENTRY) {
        Some(added) => look(&added.entry),
        None => enter::misuse("an entry of /proc that does not exist"),
    }
}

/// `proc_set_size(entry, size)`.
extern "C" fn proc_set_size(handle: usize, size: i64) {
    with_entry(handle, |entry| entry.set_size(size.max(0) as u64));
}

/// `proc_set_user(entry, uid, gid)`.
extern "C" fn proc_set_user(handle: usize, uid: u32, gid: u32) {
    with_entry(handle, |entry| entry.set_owner(Kuid(uid), Kgid(gid)));
}

exports![
    proc_create,
    proc_create_data,
    proc_mkdir,
    proc_remove,
    proc_set_size,
    proc_set_user,
    proc_symlink,
    remove_proc_entry;
    as: remove_proc_entry "remove_proc_subtree"
];
