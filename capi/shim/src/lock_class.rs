//! Classes of modules' locks, for a kernel that checks the order of locks (`sync::lockdep`, debug builds): one for each static
//! lock, and one for each place that initialises locks, which leaves the address of a key in them (`linux/lockdep.h`).
#[cfg(debug_assertions)]
use crate::foreign;
use module::Module;
use sync::LockClass;

/// Where in a lock its key stands.
#[derive(Clone, Copy)]
#[cfg_attr(
    not(debug_assertions),
    expect(dead_code, reason = "only lockdep looks at keys")
)]
pub(crate) enum Key {
    /// The lower half of its address.
    Half(usize),
    /// All of it.
    Whole(usize),
}

/// The class of a lock; `usual` is that of its sort, which is enough where nobody checks.
#[inline]
pub(crate) fn of(lock: usize, key: Key, usual: &'static LockClass) -> &'static LockClass {
    #[cfg(debug_assertions)]
    if let Some(class) = find(lock, key) {
        return class;
    }
    let (_, _) = (lock, key);
    usual
}

/// A lock is about to be waited for.
#[inline]
#[track_caller]
pub(crate) fn to_be_taken(class: &'static LockClass, lock: usize, shared: bool) {
    #[cfg(debug_assertions)]
    if shared {
        sync::lockdep::foreign::to_be_shared(class);
    } else {
        sync::lockdep::foreign::to_be_taken(class, lock);
    }
    let (_, _, _) = (class, lock, shared);
}

/// The classes of a module that goes are no more.
pub(crate) fn forget(module: &Module) {
    #[cfg(debug_assertions)]
    for part in kmod::PARTS {
        sync::module_classes::forget(&module.facts().part(part));
    }
    let _ = module;
}

#[cfg(debug_assertions)]
fn find(lock: usize, key: Key) -> Option<&'static LockClass> {
    use hal::paging::MODULES;
    let kept = match key {
        Key::Half(at) => {
            let mut half = [0; 4];
            foreign::read_bytes(lock + at, &mut half).ok()?;
            MODULES.start & !(u32::MAX as usize) | u32::from_le_bytes(half) as usize
        }
        Key::Whole(at) => foreign::read_u64(lock + at).ok()? as usize,
    };
    let keyed = MODULES.contains(&kept);
    let known = if keyed { kept } else { lock };
    if !MODULES.contains(&known) {
        return None;
    }
    sync::module_classes::class_of(known, |out| write_name(known, keyed, out).is_some())
}

/// Names a class: as its key says, or as the lock is called.
#[cfg(debug_assertions)]
fn write_name(known: usize, keyed: bool, out: &mut dyn core::fmt::Write) -> Option<()> {
    let module = module::owner_of(known)?;
    let said = keyed.then(|| foreign::read_u64(known).ok()).flatten();
    let said = said.and_then(|text| foreign::Name::<40>::read(text as usize).ok());
    let said = said.as_ref().map_or(&[][..], foreign::Name::as_bytes);
    match core::str::from_utf8(said) {
        Ok(name) if !name.is_empty() => out.write_str(name).ok()?,
        _ => {
            let mut named = false;
            trace::symbols::find(known as u64, &mut |symbol| {
                named = write!(out, "{}", symbol.name).is_ok();
                if symbol.offset != 0 {
                    let _ = write!(out, "+{:#x}", symbol.offset);
                }
            });
            named.then_some(())?;
        }
    }
    write!(out, " [{}]", module.name()).ok()
}
