//! `linux/debugfs.h`. What `struct dentry *` points to is the kernel's node, which modules don't look into.
//!
//! Specification: Documentation/filesystems/debugfs.rst.
use crate::calls::Calls;
use crate::class::pointer;
use crate::enter;
use crate::export::exports;
use crate::file::{self, Opened, Source};
use crate::foreign::{self, Name};
use crate::layout::FileOperations;
use crate::ledger::{self, Kind, Resource};
use crate::number;
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::fmt::Write;
use core::mem::offset_of;
use kernfs::{Attribute, Content, Gate, Node, Opener};
use kmem::try_arc;
use module::Module;
use trace::pr_err;
use vfs::{FileOpsRef, Inode, OpenArgs, SeqBuf};

/// Entries of a module's; the object is an [`Entry`].
static ENTRY: Kind = Kind {
    name: "debugfs entry",
    give_back: withdraw,
};

struct Entry {
    node: Arc<Node>,
    /// Open files of it.
    gate: Arc<Gate>,
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "every kind of resource has this face"
)]
fn withdraw(_handle: usize, resource: Resource) {
    if let Some(entry) = resource.object::<Entry>() {
        entry.gate.close();
        entry.node.remove();
        entry.gate.wait_empty();
    }
}

/// A file with operations of the module's.
struct OpsFile {
    module: Arc<Module>,
    gate: Arc<Gate>,
    ops: usize,
    calls: Calls,
    data: usize,
    owners: [Option<Arc<Module>>; 2],
}

impl Opener for OpsFile {
    fn open(&self, inode: &Arc<Inode>, args: &OpenArgs<'_>) -> Result<FileOpsRef> {
        let source = Source {
            module: &self.module,
            gate: Some(self.gate.clone()),
            ends_with_gate: false,
            calls: self.calls,
            ops: self.ops,
            cdev: 0,
            private: self.data,
            data: 0,
            users: file::keep(&self.owners)?,
        };
        Opened::open(source, inode, args)
    }
}

/// How a number is shown.
#[derive(Clone, Copy)]
enum Form {
    Decimal,
    Signed,
    Hexadecimal,
    Truth,
}

/// A number of the module's.
struct NumberFile {
    at: usize,
    size: usize,
    form: Form,
    writable: bool,
}

impl Attribute for NumberFile {
    fn show(&self, out: &mut SeqBuf) -> Result<()> {
        let mut bytes = [0; 8];
        foreign::read_bytes(self.at, &mut bytes[..self.size]).map_err(|_| Errno::EFAULT)?;
        let value = u64::from_le_bytes(bytes);
        let width = 2 * self.size;
        let _ = match self.form {
            Form::Decimal => writeln!(out, "{value}"),
            // The only size of it.
            Form::Signed => writeln!(out, "{}", value as i32),
            Form::Hexadecimal => writeln!(out, "0x{value:0width$x}"),
            Form::Truth => writeln!(out, "{}", if value == 0 { 'N' } else { 'Y' }),
        };
        Ok(())
    }

    fn store(&self, text: &[u8]) -> Result<usize> {
        if !self.writable {
            return Err(Errno::EACCES);
        }
        let most = u64::MAX >> (64 - 8 * self.size);
        let value = match self.form {
            Form::Truth => number::truth(text).map(u64::from),
            Form::Signed => number::signed(text, 0, i64::MAX).map(|n| n as u64),
            Form::Decimal | Form::Hexadecimal => number::unsigned(text, 0, u64::MAX),
        };
        let value = value? & most;
        foreign::write_bytes(self.at, &value.to_le_bytes()[..self.size])
            .map_err(|_| Errno::EFAULT)?;
        Ok(text.len())
    }
}

/// A block of the module's, as it is (`struct debugfs_blob_wrapper`).
struct BlobFile(usize);

impl Attribute for BlobFile {
    fn show(&self, out: &mut SeqBuf) -> Result<()> {
        let word = |at| foreign::read_u64(at).map_err(|_| Errno::EFAULT);
        let (mut at, mut left) = (word(self.0)? as usize, word(self.0 + 8)? as usize);
        while left != 0 {
            let mut piece = [0; 256];
            let len = left.min(piece.len());
            foreign::read_bytes(at, &mut piece[..len]).map_err(|_| Errno::EFAULT)?;
            out.push_bytes(&piece[..len]);
            (at, left) = (at + len, left - len);
        }
        Ok(())
    }
}

/// The directory of a handle; the root for NULL. An error stays one.
fn directory(parent: usize) -> Result<Arc<Node>> {
    if parent == 0 {
        return device::DEBUGFS.root().cloned();
    }
    let error = i32::try_from((parent as i64).wrapping_neg());
    if let Some(error) = error.ok().and_then(Errno::from_code) {
        return Err(error);
    }
    let entry = ledger::with(parent, &ENTRY, Resource::object::<Entry>).flatten();
    entry.map(|entry| entry.node.clone()).ok_or(Errno::EINVAL)
}

fn make(name: usize, parent: usize, mode: u32, gate: Arc<Gate>, content: Content) -> Result<usize> {
    let name = Name::<256>::read(name).map_err(|_| Errno::EFAULT)?;
    let name = core::str::from_utf8(name.as_bytes()).map_err(|_| Errno::EINVAL)?;
    let above = directory(parent)?;
    let what = match content {
        Content::Directory => "Directory",
        _ => "File",
    };
    let node = above.add(name, mode & 0o7777, content).inspect_err(|e| {
        if *e == Errno::EEXIST {
            let parent = if parent == 0 { "/" } else { above.name() };
            pr_err!("debugfs: {what} '{name}' with parent '{parent}' already present!");
        }
    })?;
    let handle = Arc::as_ptr(&node) as usize;
    let resource = Resource {
        kind: &ENTRY,
        words: [0; 2],
        object: Some(try_arc(Entry { node, gate })?),
    };
    ledger::enter_or_undo(handle, resource)?;
    Ok(handle)
}

fn gate() -> Result<Arc<Gate>> {
    try_arc(Gate::new())
}

/// A file of these operations; `maps` is false where nothing of it can be mapped.
fn make_file(
    name: usize,
    mode: u32,
    parent: usize,
    data: usize,
    ops: usize,
    maps: bool,
) -> Result<usize> {
    let mut calls = Calls::of_file(ops)?;
    if !maps {
        calls.mmap = 0;
    }
    let gate = gate()?;
    let owner = foreign::read_u64(ops + offset_of!(FileOperations, owner));
    let owner = module::by_record(owner.map_err(|_| Errno::EFAULT)? as usize);
    let file = try_arc(OpsFile {
        module: enter::running().ok_or(Errno::EINVAL)?,
        gate: gate.clone(),
        ops,
        calls,
        data,
        owners: [owner, None],
    })?;
    make(name, parent, mode, gate, Content::File(file))
}

fn make_text(name: usize, mode: u32, parent: usize, file: impl Attribute) -> Result<usize> {
    make(
        name,
        parent,
        mode,
        gate()?,
        Content::Attribute(try_arc(file)?),
    )
}

/// `debugfs_create_dir(name, parent)`.
extern "C" fn debugfs_create_dir(name: usize, parent: usize) -> usize {
    crate::enter::must_sleep("debugfs_create_dir");
    pointer(gate().and_then(|gate| make(name, parent, 0o755, gate, Content::Directory)))
}

/// `debugfs_create_file(name, mode, parent, data, ops)`.
extern "C" fn debugfs_create_file(
    name: usize,
    mode: u32,
    parent: usize,
    data: usize,
    ops: usize,
) -> usize {
    crate::enter::must_sleep("debugfs_create_file");
    pointer(make_file(name, mode, parent, data, ops, false))
}

extern "C" fn debugfs_create_file_unsafe(
    name: usize,
    mode: u32,
    parent: usize,
    data: usize,
    ops: usize,
) -> usize {
    pointer(make_file(name, mode, parent, data, ops, true))
}

macro_rules! numbers {
    ($($name:ident: $size:literal $form:ident;)*) => {$(
        extern "C" fn $name(name: usize, mode: u32, parent: usize, at: usize) {
            let writable = mode & 0o222 != 0;
            let file = NumberFile { at, size: $size, form: Form::$form, writable };
            let _ = make_text(name, mode, parent, file);
        }
    )*};
}
numbers! {
    debugfs_create_u8: 1 Decimal;
    debugfs_create_u16: 2 Decimal;
    debugfs_create_u32: 4 Decimal;
    debugfs_create_u64: 8 Decimal;
    debugfs_create_ulong: 8 Decimal;
    debugfs_create_size_t: 8 Decimal;
    debugfs_create_atomic_t: 4 Signed;
    debugfs_create_x8: 1 Hexadecimal;
    debugfs_create_x16: 2 Hexadecimal;
    debugfs_create_x32: 4 Hexadecimal;
    debugfs_create_x64: 8 Hexadecimal;
    debugfs_create_bool: 1 Truth;
}

/// `debugfs_create_blob(name, mode, parent, blob)`: to read only.
extern "C" fn debugfs_create_blob(name: usize, mode: u32, parent: usize, blob: usize) -> usize {
    pointer(make_text(name, mode & 0o444, parent, BlobFile(blob)))
}

/// `debugfs_remove(entry)`: with all below it; nothing for NULL and for errors.
extern "C" fn debugfs_remove(entry: usize) {
    crate::enter::must_sleep("debugfs_remove");
    if crate::class::is_error_or_null(entry) {
        return;
    }
    let found = ledger::with(entry, &ENTRY, Resource::object::<Entry>).flatten();
    let Some(found) = found else {
        return;
    };
    remove_below(&found.node);
    drop(found);
    if let Some(resource) = ledger::take(entry, &ENTRY) {
        withdraw(entry, resource);
    }
}

fn remove_below(node: &Arc<Node>) {
    node.each_child(&mut |child| {
        remove_below(child);
        let handle = Arc::as_ptr(child) as usize;
        if let Some(resource) = ledger::take(handle, &ENTRY) {
            withdraw(handle, resource);
        }
    });
}

/// `debugfs_lookup(name, parent)`: NULL when it is not there.
extern "C" fn debugfs_lookup(name: usize, parent: usize) -> usize {
    let find = || {
        let name = Name::<256>::read(name).ok()?;
        let name = core::str::from_utf8(name.as_bytes()).ok()?;
        let node = directory(parent).ok()?.child(name)?;
        Some(Arc::as_ptr(&node) as usize)
    };
    find().unwrap_or(0)
}

/// `debugfs_initialized()`.
extern "C" fn debugfs_initialized() -> bool {
    true
}

exports![;
    gpl: debugfs_create_dir, debugfs_create_file, debugfs_create_file_unsafe, debugfs_create_u8, debugfs_create_u16,
    debugfs_create_u32, debugfs_create_u64, debugfs_create_ulong, debugfs_create_size_t, debugfs_create_atomic_t,
    debugfs_create_x8, debugfs_create_x16, debugfs_create_x32, debugfs_create_x64, debugfs_create_bool,
    debugfs_create_blob, debugfs_remove, debugfs_lookup, debugfs_initialized
];
