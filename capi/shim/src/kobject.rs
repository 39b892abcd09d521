//! `linux/kobject.h`.
//!
//! Specification: Documentation/core-api/kobject.rst.
use crate::enter::{self, misuse};
use crate::export::{exports, status};
use crate::foreign::{self, Name, word};
use crate::layout::{CKobject, CKset, CKtype, CUeventOps};
use crate::memory::{self, FOR_MODULE};
use crate::objects::{self, OBJECT};
use crate::sysfs::{self, Place};
use crate::va_list::{VaList, variadic};
use abi::{Errno, Result};
use alloc::string::String;
use alloc::sync::Arc;
use core::mem::offset_of;
use core::sync::atomic::Ordering;
use device::Action;
use kernfs::Node;
use kmem::TryString;
use trace::{pr_err, pr_warn};

/// Longest name.
const NAME: usize = 255;
/// `state_initialized` and `state_in_sysfs`.
const INITIALIZED: u32 = 1;
const IN_SYSFS: u32 = 2;
/// `state_add_uevent_sent`: user space was told that it is there.
const TOLD: u32 = 4;

fn put_word(at: usize, word: usize) -> Result<()> {
    foreign::write_bytes(at, &word.to_le_bytes()).map_err(|_| Errno::EFAULT)
}

fn state(kobj: usize) -> Result<u32> {
    let both = word(kobj + offset_of!(CKobject, references))?;
    Ok((both >> 32) as u32)
}

fn set_state(kobj: usize, state: u32) -> Result<()> {
    foreign::write_bytes(kobj + offset_of!(CKobject, state), &state.to_le_bytes())
        .map_err(|_| Errno::EFAULT)
}

/// The type of objects that the kernel allocates for modules.
static DYNAMIC: CKtype = CKtype {
    release: Some(free_object),
    sysfs_ops: 0,
    default_groups: 0,
};
/// The type of ksets that the kernel allocates for modules.
static DYNAMIC_SET: CKtype = CKtype {
    release: Some(free_set),
    sysfs_ops: 0,
    default_groups: 0,
};

extern "C" fn free_object(kobj: usize) {
    memory::give(kobj, &FOR_MODULE);
}

extern "C" fn free_set(kobj: usize) {
    memory::give(kobj - offset_of!(CKset, kobj), &FOR_MODULE);
}

/// A copy of a name in the kernel's memory; its address.
pub(crate) fn name_block(text: &[u8]) -> Result<usize> {
    let at = memory::take_block(text.len() + 1, true, &FOR_MODULE);
    if at == 0 {
        return Err(Errno::ENOMEM);
    }
    foreign::write_bytes(at, text).map_err(|_| Errno::EFAULT)?;
    Ok(at)
}

/// Gives an object a name, in place of the one it has.
pub(crate) fn set_name(kobj: usize, text: &[u8]) -> Result<()> {
    let place = kobj + offset_of!(CKobject, name);
    let old = word(place)?;
    put_word(place, name_block(text)?)?;
    memory::give(old, &FOR_MODULE);
    // A slash would be a directory.
    let new = word(place)?;
    for (at, byte) in text.iter().enumerate() {
        if *byte == b'/' {
            foreign::write_bytes(new + at, b"!").map_err(|_| Errno::EFAULT)?;
        }
    }
    Ok(())
}

/// The name of an object.
pub(crate) fn name_of(kobj: usize) -> Result<Name<NAME>> {
    match word(kobj + offset_of!(CKobject, name))? {
        0 => Err(Errno::EINVAL),
        name => Name::read(name).map_err(|_| Errno::EFAULT),
    }
}

/// An object begins: one reference, no place.
pub(crate) fn init(kobj: usize, ktype: usize) -> Result<()> {
    put_word(kobj + offset_of!(CKobject, references), 1)?;
    put_word(kobj + offset_of!(CKobject, ktype), ktype)?;
    set_state(kobj, INITIALIZED)
}

extern "C" fn kobject_init(kobj: usize, ktype: usize) {
    if ktype == 0 || kobj == 0 {
        pr_err!("kobject ({kobj:#x}): must have a ktype to be initialized properly!");
        trace::oops::dump_stack(trace::Level::Err);
        return;
    }
    if init(kobj, ktype).is_err() {
        misuse("kobject_init of what is no memory");
    }
}

/// The directory that an object's is made in.
fn parent_directory(kobj: usize) -> Result<Arc<Node>> {
    let mut parent = word(kobj + offset_of!(CKobject, parent))?;
    let set = word(kobj + offset_of!(CKobject, kset))?;
    if parent == 0 && set != 0 {
        parent = set + offset_of!(CKset, kobj);
        put_word(kobj + offset_of!(CKobject, parent), parent)?;
    }
    if parent == 0 {
        return Ok(device::SYSFS.root()?.clone());
    }
    objects::directory(parent).ok_or(Errno::ENOENT)
}

/// Shows an object, in the place that its parent or its set gives it.
pub(crate) fn add(kobj: usize) -> Result<()> {
    let name = name_of(kobj)?;
    let name = core::str::from_utf8(name.as_bytes()).map_err(|_| Errno::EINVAL)?;
    let above = parent_directory(kobj)?;
    let node = above.add_dir(name).inspect_err(|e| {
        sysfs::told(&above, name, *e);
        match *e {
            Errno::EEXIST => pr_err!(
                "kobject_add_internal failed for {name} with -EEXIST, don't try to register things with the same name \
                 in the same directory."
            ),
            e => pr_err!("kobject_add_internal failed for {name} (error: -{})", e.code()),
        }
    })?;
    objects::bind(kobj, &OBJECT, node)?;
    set_state(kobj, INITIALIZED | IN_SYSFS)?;
    let ktype = word(kobj + offset_of!(CKobject, ktype))?;
    if ktype != 0 {
        let groups = word(ktype + offset_of!(CKtype, default_groups))?;
        let made = Place::of(kobj).and_then(|place| sysfs::create_groups(&place, groups));
        made.inspect_err(|_| hide(kobj))?;
    }
    Ok(())
}

/// Shows it no longer.
fn hide(kobj: usize) {
    if state(kobj).is_ok_and(|state| state & TOLD != 0) {
        let _ = tell(kobj, Action::Remove, "");
    }
    if let Some(node) = objects::unbind(kobj, &OBJECT) {
        sysfs::remove_directory(&node);
    }
    let _ = set_state(kobj, INITIALIZED);
}

fn add_to(kobj: usize, parent: usize, name: &[u8]) -> Result<()> {
    set_name(kobj, name)?;
    if parent != 0 {
        put_word(kobj + offset_of!(CKobject, parent), parent)?;
    }
    if state(kobj)? & INITIALIZED == 0 {
        pr_err!("kobject ({kobj:#x}): attempted to be registered with an uninitialized state");
        trace::oops::dump_stack(trace::Level::Err);
        return Err(Errno::EINVAL);
    }
    add(kobj)
}

extern "C" fn add_with(kobj: usize, parent: usize, format: usize, list: &VaList) -> i32 {
    if kobj == 0 {
        return -Errno::EINVAL.code();
    }
    let mut name = [0; NAME];
    let len = crate::print::format_to(&mut name, format, *list).min(NAME);
    status(add_to(kobj, parent, &name[..len]))
}

extern "C" fn init_and_add(
    kobj: usize,
    ktype: usize,
    parent: usize,
    format: usize,
    list: &VaList,
) -> i32 {
    kobject_init(kobj, ktype);
    add_with(kobj, parent, format, list)
}

extern "C" fn set_name_with(kobj: usize, format: usize, list: &VaList) -> i32 {
    let mut name = [0; NAME];
    let len = crate::print::format_to(&mut name, format, *list).min(NAME);
    status(set_name(kobj, &name[..len]))
}

fn create(name: usize, parent: usize) -> Result<usize> {
    let name = Name::<NAME>::read(name).map_err(|_| Errno::EFAULT)?;
    let kobj = memory::take_block(size_of::<CKobject>(), true, &FOR_MODULE);
    if kobj == 0 {
        return Err(Errno::ENOMEM);
    }
    let made = init(kobj, &raw const DYNAMIC as usize)
        .and_then(|()| add_to(kobj, parent, name.as_bytes()));
    made.inspect_err(|e| {
        pr_warn!("kobject_create_and_add: kobject_add error: -{}", e.code());
        let name = word(kobj + offset_of!(CKobject, name)).unwrap_or(0);
        memory::give(name, &FOR_MODULE);
        memory::give(kobj, &FOR_MODULE);
    })?;
    Ok(kobj)
}

/// `kobject_create_and_add(name, parent)`: NULL when that is impossible.
extern "C" fn kobject_create_and_add(name: usize, parent: usize) -> usize {
    crate::enter::must_sleep("kobject_create_and_add");
    create(name, parent).unwrap_or(0)
}

/// `kobject_get(kobj)`: the same again; nothing for NULL.
pub(crate) extern "C" fn kobject_get(kobj: usize) -> usize {
    if kobj != 0 && !objects::get(kobj) {
        misuse("kobject_get of what has no references");
    }
    kobj
}

/// `kobject_del(kobj)`: it is shown no longer.
extern "C" fn kobject_del(kobj: usize) {
    crate::enter::must_sleep("kobject_del");
    if kobj != 0 {
        hide(kobj);
    }
}

/// Takes one reference. True: it was the last.
fn is_last(kobj: usize) -> bool {
    let Some(count) = objects::references(kobj) else {
        misuse("kobject_put of what is no kobject");
    };
    let less = |n: u32| n.checked_sub(1);
    match count.fetch_update(Ordering::AcqRel, Ordering::Acquire, less) {
        Ok(before) => before == 1,
        Err(_) => misuse("kobject_put of what has no references any more"),
    }
}

/// `kobject_put(kobj)`: with the last reference it goes, and its type's `release` is called.
pub(crate) extern "C" fn kobject_put(kobj: usize) {
    if kobj == 0 || !is_last(kobj) {
        return;
    }
    hide(kobj);
    let name = word(kobj + offset_of!(CKobject, name)).unwrap_or(0);
    let ktype = word(kobj + offset_of!(CKobject, ktype)).unwrap_or(0);
    let release = word(ktype + offset_of!(CKtype, release)).unwrap_or(0);
    if ktype != 0 && release != 0 {
        enter::back(release, &[kobj as u64, 0, 0, 0, 0, 0]);
    }
    memory::give(name, &FOR_MODULE);
}

/// Most objects above one another.
const DEPTH: usize = 64;

/// The set that an object, or the nearest above it that is in one, belongs to. EINVAL: none is in any.
fn set_of(kobj: usize) -> Result<usize> {
    let mut at = kobj;
    for _ in 0..DEPTH {
        match word(at + offset_of!(CKobject, kset))? {
            0 => at = word(at + offset_of!(CKobject, parent))?,
            set => return Ok(set),
        }
        if at == 0 {
            break;
        }
    }
    Err(Errno::EINVAL)
}

fn text(name: &[u8]) -> Result<&str> {
    core::str::from_utf8(name).map_err(|_| Errno::EINVAL)
}

/// What the functions of a set have to say to an event: its subsystem, and lines more. None: it is not to be told.
fn asked(kobj: usize, set: usize) -> Result<Option<(Name<NAME>, String)>> {
    let mut subsystem = name_of(set + offset_of!(CKset, kobj))?;
    let ops = word(set + offset_of!(CKset, uevent_ops))?;
    let module = enter::running().filter(|_| ops != 0);
    let Some(module) = module else {
        return Ok(Some((subsystem, String::new())));
    };
    let mut arguments = [kobj as u64, 0, 0, 0, 0, 0];
    let filter = word(ops + offset_of!(CUeventOps, filter))?;
    if filter != 0 && enter::call_int(&module, filter, &arguments)? == 0 {
        return Ok(None);
    }
    let named = word(ops + offset_of!(CUeventOps, name))?;
    if named != 0 {
        let given = enter::call(&module, named, &arguments)? as usize;
        if given == 0 {
            return Ok(None);
        }
        subsystem = Name::read(given).map_err(|_| Errno::EFAULT)?;
    }
    let function = word(ops + offset_of!(CUeventOps, uevent))?;
    let lines = match function {
        0 => String::new(),
        function => crate::environment::lines(|environment| {
            arguments[1] = environment as u64;
            enter::call_int(&module, function, &arguments).map(drop)
        })?,
    };
    Ok(Some((subsystem, lines)))
}

/// Tells user space what happened to an object.
pub(crate) fn tell(kobj: usize, action: Action, lines: &str) -> Result<()> {
    let node = objects::directory(kobj).ok_or(Errno::EINVAL)?;
    let Some((subsystem, more)) = asked(kobj, set_of(kobj)?)? else {
        return Ok(());
    };
    let mut all = String::try_from_str(lines)?;
    all.try_push_str(&more)?;
    device::announce(action, &node, text(subsystem.as_bytes())?, &all)?;
    let state = state(kobj)?;
    match action {
        Action::Add => set_state(kobj, state | TOLD),
        Action::Remove => set_state(kobj, state & !TOLD),
        _ => Ok(()),
    }
}

/// `kset_create_and_add(name, ops, parent)`: NULL when that is impossible.
extern "C" fn kset_create_and_add(name: usize, ops: usize, parent: usize) -> usize {
    let set = memory::take_block(size_of::<CKset>(), true, &FOR_MODULE);
    if set == 0 {
        return 0;
    }
    let kobj = set + offset_of!(CKset, kobj);
    let made = || {
        let name = Name::<NAME>::read(name).map_err(|_| Errno::EFAULT)?;
        put_word(set + offset_of!(CKset, uevent_ops), ops)?;
        init(kobj, &raw const DYNAMIC_SET as usize)?;
        init_set(set)?;
        add_to(kobj, parent, name.as_bytes())
    };
    if made().is_err() {
        memory::give(
            word(kobj + offset_of!(CKobject, name)).unwrap_or(0),
            &FOR_MODULE,
        );
        memory::give(set, &FOR_MODULE);
        return 0;
    }
    set
}

/// The list of a set is a ring of itself.
fn init_set(set: usize) -> Result<()> {
    put_word(set, set)?;
    put_word(set + 8, set)
}

/// A set begins.
fn begin_set(set: usize) {
    if init_set(set).is_err() {
        misuse("kset_register of what is no memory");
    }
    let kobj = set + offset_of!(CKset, kobj);
    let ktype = word(kobj + offset_of!(CKobject, ktype)).unwrap_or(0);
    let _ = init(kobj, ktype);
}

/// `kset_register(kset)`.
extern "C" fn kset_register(set: usize) -> i32 {
    if set == 0 {
        return -Errno::EINVAL.code();
    }
    begin_set(set);
    status(add(set + offset_of!(CKset, kobj)))
}

/// `kset_unregister(kset)`.
extern "C" fn kset_unregister(set: usize) {
    if set != 0 {
        kobject_del(set + offset_of!(CKset, kobj));
        kobject_put(set + offset_of!(CKset, kobj));
    }
}

variadic! {
    /// `kobject_add(kobj, parent, format, ...)`.
    kobject_add(3, "rcx") => add_with;
    /// `kobject_init_and_add(kobj, ktype, parent, format, ...)`.
    kobject_init_and_add(4, "r8") => init_and_add;
    /// `kobject_set_name(kobj, format, ...)`.
    kobject_set_name(2, "rdx") => set_name_with;
}

exports![
    kobject_init, kobject_add, kobject_get, kobject_put, kobject_del, kobject_set_name;
    gpl: kobject_init_and_add, kobject_create_and_add, kset_create_and_add,
    kset_register, kset_unregister
];
