//! `linux/sysfs.h`: files of objects of modules'.
//!
//! Specification: Documentation/filesystems/sysfs.rst.
use crate::enter;
use crate::export::{exports, status};
use crate::foreign::{self, Name, word};
use crate::layout::{CAttribute, CGroup, CKobject, CKtype};
use crate::ledger::{self, Kind, Resource};
use crate::objects::{self, kobj_sysfs_ops};
use crate::page::Page;
use crate::va_list::{VaList, variadic};
use abi::{Errno, PAGE_SIZE, Result};
use alloc::sync::Arc;
use core::mem::offset_of;
use kernfs::{Attribute, Node};
use module::Module;
use trace::{pr_err, pr_warn};
use vfs::SeqBuf;

/// Most attributes of a group, most groups of a list: what ends a list that has no end.
const MOST: usize = 1024;

/// Whose functions show and take a file's text.
#[derive(Clone, Copy)]
enum Functions {
    /// The attribute's own.
    Own,
    /// The attribute's own, which are not told of the attribute (buses, drivers).
    Short,
    /// Those of the object's type.
    OfType(usize),
}

/// A file of a module's object.
struct File {
    module: Arc<Module>,
    /// What the functions get first.
    object: usize,
    /// Address of the `struct attribute`.
    attribute: usize,
    functions: Functions,
}

impl File {
    fn function(&self, own: usize, of_type: usize) -> Result<usize> {
        let function = match self.functions {
            Functions::Own | Functions::Short => word(self.attribute + own)?,
            Functions::OfType(ops) => word(ops + of_type)?,
        };
        if function == 0 {
            return Err(Errno::EIO);
        }
        Ok(function)
    }

    fn arguments(&self, page: usize, len: usize) -> [u64; 6] {
        let (object, attribute) = (self.object as u64, self.attribute as u64);
        let (page, len) = (page as u64, len as u64);
        match self.functions {
            Functions::Short => [object, page, len, 0, 0, 0],
            _ => [object, attribute, page, len, 0, 0],
        }
    }
}

impl Attribute for File {
    fn show(&self, out: &mut SeqBuf) -> Result<()> {
        let show = self.function(offset_of!(CAttribute, show), 0)?;
        let page = Page::new()?;
        let arguments = self.arguments(page.address(), 0);
        let mut len = enter::call_long(&self.module, show, &arguments)? as usize;
        if len >= PAGE_SIZE {
            pr_err!("fill_read_buffer: {show:#x} returned bad count");
            len = PAGE_SIZE - 1;
        }
        out.push_bytes(page.bytes(len));
        Ok(())
    }

    fn store(&self, text: &[u8]) -> Result<usize> {
        let store = self.function(offset_of!(CAttribute, store), 8)?;
        let page = Page::with(text)?;
        let arguments = self.arguments(page.address(), text.len());
        enter::call_long(&self.module, store, &arguments).map(|n| n as usize)
    }
}

/// Files, by the address of their node, which is the object. They go with their directory if nobody removes them before.
pub(crate) static FILE: Kind = Kind {
    name: "",
    give_back: |_, resource| {
        if let Some(node) = resource.object::<Node>() {
            node.remove();
        }
    },
};

/// Notes a node that goes with the module.
pub(crate) fn note(node: &Arc<Node>) -> Result<()> {
    let resource = Resource {
        kind: &FILE,
        words: [0; 2],
        object: Some(node.clone()),
    };
    ledger::enter_or_undo(Arc::as_ptr(node) as usize, resource)
}

/// Removes a node that was noted.
fn unmake(node: &Arc<Node>) {
    let _ = ledger::take(Arc::as_ptr(node) as usize, &FILE);
    node.remove();
}

/// Removes a directory with all that was noted of what is in it.
pub(crate) fn remove_directory(node: &Arc<Node>) {
    forget_below(node);
    node.remove();
}

/// Forgets what was noted below a directory that goes by itself.
pub(crate) fn forget_below(node: &Arc<Node>) {
    node.each_child(&mut |child| {
        let _ = ledger::take(Arc::as_ptr(child) as usize, &FILE);
        forget_below(child);
    });
}

/// Name and permissions of a `struct attribute`.
fn attribute(at: usize) -> Result<(Name<256>, u32)> {
    let name = Name::read(word(at)?).map_err(|_| Errno::EFAULT)?;
    Ok((name, word(at + 8)? as u32 & 0o777))
}

fn text<const N: usize>(name: &Name<N>) -> Result<&str> {
    core::str::from_utf8(name.as_bytes()).map_err(|_| Errno::EINVAL)
}

/// Makes a file whose functions get `object` first.
pub(crate) fn make_file(directory: &Arc<Node>, object: usize, at: usize) -> Result<()> {
    make(directory, object, at, Functions::Own, None)
}

fn make(
    directory: &Arc<Node>,
    object: usize,
    at: usize,
    functions: Functions,
    permissions: Option<u32>,
) -> Result<()> {
    let (name, mode) = attribute(at)?;
    let name = text(&name)?;
    let file = File {
        module: enter::running().ok_or(Errno::EINVAL)?,
        object,
        attribute: at,
        functions,
    };
    let made = directory.add_attribute(name, permissions.unwrap_or(mode), file);
    note(&made.inspect_err(|e| told(directory, name, *e))?)
}

/// Says what Linux says of a name that is there already.
pub(crate) fn told(directory: &Node, name: &str, error: Errno) {
    if error == Errno::EEXIST {
        let path = directory.path().unwrap_or_default();
        pr_warn!("sysfs: cannot create duplicate filename '{path}/{name}'");
        trace::oops::dump_stack(trace::Level::Warning);
    }
}

/// The file of an attribute.
pub(crate) fn remove_file(directory: &Node, at: usize) -> Result<()> {
    let (name, _) = attribute(at)?;
    let node = directory.child(text(&name)?).ok_or(Errno::ENOENT)?;
    unmake(&node);
    Ok(())
}

/// Where files of an object stand, and what their functions are and get.
pub(crate) struct Place {
    directory: Arc<Node>,
    functions: Functions,
    object: usize,
}

impl Place {
    /// Of an object whose attributes have functions of their own.
    pub(crate) const fn own(directory: Arc<Node>, object: usize) -> Self {
        Self {
            directory,
            functions: Functions::Own,
            object,
        }
    }

    /// Of a bus or a driver.
    pub(crate) const fn short(directory: Arc<Node>, object: usize) -> Self {
        Self {
            directory,
            functions: Functions::Short,
            object,
        }
    }

    /// Of a `struct kobject`. EINVAL: it is shown nowhere.
    pub(crate) fn of(kobj: usize) -> Result<Self> {
        let directory = objects::directory(kobj).ok_or(Errno::EINVAL)?;
        let mut place = Self::own(directory, kobj);
        let ktype = word(kobj + offset_of!(CKobject, ktype))?;
        if ktype != 0 {
            let ops = word(ktype + offset_of!(CKtype, sysfs_ops))?;
            if ops != 0 && ops != (&raw const kobj_sysfs_ops) as usize {
                place.functions = Functions::OfType(ops);
            }
        }
        Ok(place)
    }

    fn make(&self, directory: &Arc<Node>, at: usize, permissions: Option<u32>) -> Result<()> {
        make(directory, self.object, at, self.functions, permissions)
    }
}

/// Makes a file of a bus or a driver.
pub(crate) fn make_short(directory: &Arc<Node>, object: usize, at: usize) -> Result<()> {
    make(directory, object, at, Functions::Short, None)
}

fn create_file(kobj: usize, at: usize) -> Result<()> {
    let place = Place::of(kobj)?;
    place.make(&place.directory, at, None)
}

/// Calls `each` with the words of a list that ends with NULL.
fn each(list: usize, mut each: impl FnMut(usize) -> Result<()>) -> Result<()> {
    for at in (list..).step_by(8).take(MOST) {
        match word(at)? {
            0 => return Ok(()),
            item => each(item)?,
        }
    }
    Err(Errno::EINVAL)
}

/// The directory of a group: the object's, or one of the group's name in it.
fn group_directory(directory: &Arc<Node>, group: usize, make: bool) -> Result<Arc<Node>> {
    let name = word(group + offset_of!(CGroup, name))?;
    if name == 0 {
        return Ok(directory.clone());
    }
    let name = Name::<256>::read(name).map_err(|_| Errno::EFAULT)?;
    let name = text(&name)?;
    if !make {
        return directory.child(name).ok_or(Errno::ENOENT);
    }
    let made = directory.add_dir(name);
    let made = made.inspect_err(|e| told(directory, name, *e))?;
    note(&made)?;
    Ok(made)
}

/// Makes the files of a group.
fn create_group(place: &Place, group: usize) -> Result<()> {
    let inside = group_directory(&place.directory, group, true)?;
    let visible = word(group + offset_of!(CGroup, is_visible))?;
    let list = word(group + offset_of!(CGroup, attrs))?;
    let module = enter::running().ok_or(Errno::EINVAL)?;
    let mut index = 0;
    let made = each(list, |at| {
        let mut permissions = None;
        if visible != 0 {
            let arguments = [place.object as u64, at as u64, index, 0, 0, 0];
            let mode = enter::call(&module, visible, &arguments)? as u32 & 0o777;
            permissions = Some(mode);
        }
        index += 1;
        match permissions {
            Some(0) => Ok(()),
            permissions => place.make(&inside, at, permissions),
        }
    });
    made.inspect_err(|_| {
        let _ = remove_group(&place.directory, group);
    })
}

fn remove_group(directory: &Arc<Node>, group: usize) -> Result<()> {
    let inside = group_directory(directory, group, false)?;
    if !Arc::ptr_eq(&inside, directory) {
        forget_below(&inside);
        unmake(&inside);
        return Ok(());
    }
    each(word(group + offset_of!(CGroup, attrs))?, |at| {
        let _ = remove_file(&inside, at);
        Ok(())
    })
}

/// Makes the files of a list of groups; nothing for NULL.
pub(crate) fn create_groups(place: &Place, groups: usize) -> Result<()> {
    if groups == 0 {
        return Ok(());
    }
    let made = each(groups, |group| create_group(place, group));
    made.inspect_err(|_| remove_groups(&place.directory, groups))
}

fn remove_groups(directory: &Arc<Node>, groups: usize) {
    if groups != 0 {
        let _ = each(groups, |group| {
            let _ = remove_group(directory, group);
            Ok(())
        });
    }
}

/// `sysfs_create_file_ns(kobj, attribute, namespace)`.
extern "C" fn sysfs_create_file_ns(kobj: usize, at: usize, _namespace: usize) -> i32 {
    crate::enter::must_sleep("sysfs_create_file_ns");
    status(create_file(kobj, at))
}

/// `sysfs_remove_file_ns(kobj, attribute, namespace)`.
extern "C" fn sysfs_remove_file_ns(kobj: usize, at: usize, _namespace: usize) {
    crate::enter::must_sleep("sysfs_remove_file_ns");
    if let Some(directory) = objects::directory(kobj) {
        let _ = remove_file(&directory, at);
    }
}

/// `sysfs_create_files(kobj, list)`.
extern "C" fn sysfs_create_files(kobj: usize, list: usize) -> i32 {
    let mut done = 0;
    let made = each(list, |at| create_file(kobj, at).map(|()| done += 1));
    if made.is_err() {
        for at in (list..).step_by(8).take(done) {
            sysfs_remove_file_ns(kobj, word(at).unwrap_or(0), 0);
        }
    }
    status(made)
}

/// `sysfs_remove_files(kobj, list)`.
extern "C" fn sysfs_remove_files(kobj: usize, list: usize) {
    let _ = each(list, |at| {
        sysfs_remove_file_ns(kobj, at, 0);
        Ok(())
    });
}

extern "C" fn sysfs_create_group(kobj: usize, group: usize) -> i32 {
    crate::enter::must_sleep("sysfs_create_group");
    status(Place::of(kobj).and_then(|place| create_group(&place, group)))
}

extern "C" fn sysfs_remove_group(kobj: usize, group: usize) {
    crate::enter::must_sleep("sysfs_remove_group");
    if let Some(directory) = objects::directory(kobj) {
        let _ = remove_group(&directory, group);
    }
}

extern "C" fn sysfs_create_groups(kobj: usize, groups: usize) -> i32 {
    status(Place::of(kobj).and_then(|place| create_groups(&place, groups)))
}

extern "C" fn sysfs_remove_groups(kobj: usize, groups: usize) {
    if let Some(directory) = objects::directory(kobj) {
        remove_groups(&directory, groups);
    }
}

/// `sysfs_create_link(kobj, target, name)`.
extern "C" fn sysfs_create_link(kobj: usize, target: usize, name: usize) -> i32 {
    crate::enter::must_sleep("sysfs_create_link");
    let made = || {
        let name = Name::<256>::read(name).map_err(|_| Errno::EFAULT)?;
        let name = text(&name)?;
        let target = objects::directory(target).ok_or(Errno::ENOENT)?;
        let directory = match kobj {
            0 => device::SYSFS.root()?.clone(),
            kobj => objects::directory(kobj).ok_or(Errno::EINVAL)?,
        };
        let link = directory.add_link(name, &target);
        note(&link.inspect_err(|e| told(&directory, name, *e))?)
    };
    status(made())
}

/// `sysfs_remove_link(kobj, name)`.
extern "C" fn sysfs_remove_link(kobj: usize, name: usize) {
    crate::enter::must_sleep("sysfs_remove_link");
    let Ok(name) = Name::<256>::read(name) else {
        return;
    };
    let child = objects::directory(kobj).and_then(|dir| dir.child(text(&name).unwrap_or("")));
    if let Some(link) = child {
        unmake(&link);
    }
}

/// `sysfs_notify(kobj, directory, name)`: who polls the file looks again.
extern "C" fn sysfs_notify(kobj: usize, directory: usize, name: usize) {
    let mut at = objects::directory(kobj);
    for name in [directory, name].into_iter().filter(|name| *name != 0) {
        let Ok(name) = Name::<256>::read(name) else {
            return;
        };
        at = at.and_then(|dir| dir.child(text(&name).unwrap_or("")));
    }
    if let Some(node) = at {
        node.notify();
    }
}

/// Formats into a page from `from` on.
fn emit(page: usize, from: i32, format: usize, list: &VaList) -> i32 {
    let from = match usize::try_from(from) {
        Ok(from) if page.is_multiple_of(PAGE_SIZE) && from < PAGE_SIZE => from,
        _ => {
            pr_warn!("invalid sysfs_emit: buf:{page:#x} at:{from}");
            trace::oops::dump_stack(trace::Level::Warning);
            return 0;
        }
    };
    let mut room = [0; 2048];
    let most = room.len().min(PAGE_SIZE - from);
    let wanted = crate::print::format_to(&mut room[..most], format, *list);
    // The NUL has its place too.
    let len = wanted.min(most - 1);
    room[len] = 0;
    match foreign::write_bytes(page + from, &room[..=len]) {
        Ok(()) => len as i32,
        Err(_) => 0,
    }
}

extern "C" fn emit_first(page: usize, format: usize, list: &VaList) -> i32 {
    emit(page, 0, format, list)
}

extern "C" fn emit_at(page: usize, from: i32, format: usize, list: &VaList) -> i32 {
    emit(page, from, format, list)
}

variadic! {
    /// `sysfs_emit(page, format, ...)`.
    sysfs_emit(2, "rdx") => emit_first;
    /// `sysfs_emit_at(page, from, format, ...)`.
    sysfs_emit_at(3, "rcx") => emit_at;
}

exports![
    sysfs_emit, sysfs_emit_at, sysfs_notify;
    gpl: sysfs_create_file_ns, sysfs_remove_file_ns, sysfs_create_files, sysfs_remove_files, sysfs_create_group,
    sysfs_remove_group, sysfs_create_groups, sysfs_remove_groups, sysfs_create_link, sysfs_remove_link
];
