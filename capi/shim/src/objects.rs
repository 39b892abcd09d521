//! The directories of objects: which `struct kobject` is shown where.
#![expect(non_upper_case_globals, reason = "modules know them by these names")]

use crate::export::exports;
use crate::layout::CKobject;
use crate::ledger::{self, Kind, Resource};
use abi::Result;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU32, Ordering};
use kernfs::Node;

/// Objects that a module added itself; the object is the directory's [`Node`].
pub(crate) static OBJECT: Kind = Kind {
    name: "kobject",
    give_back: withdraw,
};

/// Objects that are a part of something else that was taken: a device, a class.
pub(crate) static PART: Kind = Kind {
    name: "",
    give_back: |_, _| {},
};

#[expect(
    clippy::needless_pass_by_value,
    reason = "every kind of resource has this face"
)]
fn withdraw(_kobj: usize, resource: Resource) {
    if let Some(node) = resource.object::<Node>() {
        node.remove();
    }
}

/// Notes where an object is shown.
pub(crate) fn bind(kobj: usize, kind: &'static Kind, node: Arc<Node>) -> Result<()> {
    let resource = Resource {
        kind,
        words: [0; 2],
        object: Some(node),
    };
    ledger::enter_or_undo(kobj, resource)
}

/// The object is shown no longer; where it was.
pub(crate) fn unbind(kobj: usize, kind: &'static Kind) -> Option<Arc<Node>> {
    ledger::take(kobj, kind)?.object()
}

/// Where an object is shown.
pub(crate) fn directory(kobj: usize) -> Option<Arc<Node>> {
    let own = |kind| ledger::with(kobj, kind, Resource::object::<Node>).flatten();
    own(&OBJECT).or_else(|| own(&PART)).or_else(|| fixed(kobj))
}

/// An object of the kernel's own.
struct Fixed {
    kobj: CKobject,
    path: &'static str,
}
// SAFETY: modules may look at it and count it; the count is atomic, nothing else is written.
unsafe impl Sync for Fixed {}

const fn kernel_object(path: &'static str) -> Fixed {
    Fixed {
        kobj: CKobject {
            name: 0,
            entry: [0; 2],
            parent: 0,
            kset: 0,
            ktype: 0,
            sd: 0,
            references: AtomicU32::new(1),
            state: 0,
        },
        path,
    }
}

static KERNEL: Fixed = kernel_object("kernel");
static FS: Fixed = kernel_object("fs");

/// A pointer to one.
#[repr(transparent)]
struct Pointer(*const CKobject);
// SAFETY: never written.
unsafe impl Sync for Pointer {}

static kernel_kobj: Pointer = Pointer(&raw const KERNEL.kobj);
static fs_kobj: Pointer = Pointer(&raw const FS.kobj);

fn fixed(kobj: usize) -> Option<Arc<Node>> {
    let ours = [&KERNEL, &FS]
        .into_iter()
        .find(|fixed| (&raw const fixed.kobj) as usize == kobj)?;
    device::sysfs_dir(ours.path).ok()
}

/// `kobj_sysfs_ops`: an attribute's own functions. The kernel knows it by its address.
#[repr(C)]
pub(crate) struct SysfsOps {
    show: extern "C" fn(usize, usize, usize) -> i64,
    store: extern "C" fn(usize, usize, usize, usize) -> i64,
}

extern "C" fn no_show(_: usize, _: usize, _: usize) -> i64 {
    -5
}

extern "C" fn no_store(_: usize, _: usize, _: usize, _: usize) -> i64 {
    -5
}

pub(crate) static kobj_sysfs_ops: SysfsOps = SysfsOps {
    show: no_show,
    store: no_store,
};

/// The count of an object; none where no memory is.
pub(crate) fn references<'a>(kobj: usize) -> Option<&'a AtomicU32> {
    let at = kobj.checked_add(core::mem::offset_of!(CKobject, references))?;
    let mut probe = [0; 4];
    if !at.is_multiple_of(4) || crate::foreign::read_bytes(at, &mut probe).is_err() {
        return None;
    }
    // SAFETY: there is memory, and the caller passes what its header calls a kobject; any value is a valid count.
    Some(unsafe { &*(at as *const AtomicU32) })
}

/// One reference more. False: there is none that could be shared.
pub(crate) fn get(kobj: usize) -> bool {
    references(kobj).is_some_and(|count| count.fetch_add(1, Ordering::AcqRel) != 0)
}

exports![; data: kernel_kobj, fs_kobj, kobj_sysfs_ops];
