//! `linux/slab.h`: caches of objects of one size, the kernel's own ones.
//!
//! Specification: kmem_cache_create(9), slabinfo(5).
use crate::enter::{self, misuse};
use crate::export::exports;
use crate::foreign::Name;
use crate::ledger::{self, Kind, Resource};
use crate::memory::{GFP_ZERO, Manner};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::ptr::NonNull;
use kmem::slab::NamedCache;
use kmem::try_arc;

/// `SLAB_HWCACHE_ALIGN`.
const LINES: u32 = 0x2000;
const LINE: usize = 64;

struct Cache {
    named: NamedCache,
    size: usize,
    /// Called for each object.
    construct: usize,
}

/// Caches; the object is a [`Cache`].
static CACHE: Kind = Kind {
    name: "slab cache",
    give_back: |_, _| {},
};

/// Objects; the kernel's object is their [`Cache`].
static OBJECT: Kind = Kind {
    name: "slab object",
    give_back: |address, resource| {
        if let (Some(cache), Some(object)) =
            (resource.object::<Cache>(), NonNull::new(address as *mut u8))
        {
            // SAFETY: the ledger had it as this cache's, and has it no more.
            unsafe { cache.named.free(object) };
        }
    },
};

fn make(name: usize, size: usize, align: u32, flags: u32, construct: usize) -> Result<usize> {
    let name = Name::<64>::read(name).map_err(|_| Errno::EFAULT)?;
    let name = core::str::from_utf8(name.as_bytes()).map_err(|_| Errno::EINVAL)?;
    let least = if flags & LINES != 0 && size > LINE / 2 {
        LINE
    } else {
        8
    };
    let align = (align as usize).max(least);
    let named = NamedCache::new(name, size, align)?;
    let cache = try_arc(Cache {
        named,
        size,
        construct,
    })?;
    let handle = Arc::as_ptr(&cache) as usize;
    let resource = Resource {
        kind: &CACHE,
        words: [0; 2],
        object: Some(cache),
    };
    ledger::enter_or_undo(handle, resource)?;
    Ok(handle)
}

/// `kmem_cache_create(name, size, align, flags, construct)`: a handle, or NULL.
extern "C" fn kmem_cache_create(
    name: usize,
    size: u32,
    align: u32,
    flags: u32,
    construct: usize,
) -> usize {
    enter::must_sleep("kmem_cache_create");
    make(name, size as usize, align, flags, construct).unwrap_or(0)
}

fn checked(handle: usize) -> Arc<Cache> {
    match ledger::object(handle, &CACHE) {
        Some(cache) => cache,
        None => misuse("a slab cache that does not exist"),
    }
}

fn take(cache: &Arc<Cache>, flags: u32) -> Result<usize> {
    let manner = Manner::of(flags, "kmem_cache_alloc");
    let object = cache.named.alloc();
    drop(manner);
    let object = object?;
    if flags & GFP_ZERO != 0 {
        // SAFETY: a fresh object of that size.
        unsafe { object.write_bytes(0, cache.size) };
    }
    let address = object.as_ptr() as usize;
    let resource = Resource {
        kind: &OBJECT,
        words: [0; 2],
        object: Some(cache.clone()),
    };
    ledger::enter_or_undo(address, resource)?;
    Ok(address)
}

/// `kmem_cache_alloc(cache, flags)`: an object, or NULL.
extern "C" fn kmem_cache_alloc(handle: usize, flags: u32) -> usize {
    let cache = checked(handle);
    let construct = cache.construct;
    let taken = take(&cache, flags);
    drop(cache);
    let Ok(address) = taken else {
        return 0;
    };
    if construct != 0
        && let Some(module) = enter::running()
    {
        let arguments = [address as u64, 0, 0, 0, 0, 0];
        let _ = enter::call(&module, construct, &arguments);
    }
    address
}

/// Gives an object back to its cache. False: it is none.
fn free(handle: usize, address: usize) -> bool {
    let of_cache = |resource: &Resource| {
        let cache = resource.object::<Cache>();
        cache.is_some_and(|cache| Arc::as_ptr(&cache) as usize == handle)
    };
    if ledger::with(address, &OBJECT, of_cache) != Some(true) {
        return false;
    }
    ledger::take(address, &OBJECT).is_some_and(|resource| {
        (OBJECT.give_back)(address, resource);
        true
    })
}

/// `kmem_cache_free(cache, object)`: nothing for NULL.
extern "C" fn kmem_cache_free(handle: usize, address: usize) {
    if address != 0 && !free(handle, address) {
        misuse("kmem_cache_free of what is no object of the cache, or was freed before");
    }
}

/// `kmem_cache_destroy(cache)`: nothing for NULL. One with objects in use stays, and that is told.
extern "C" fn kmem_cache_destroy(handle: usize) {
    if handle == 0 {
        return;
    }
    enter::must_sleep("kmem_cache_destroy");
    let cache = checked(handle);
    if cache.named.live() != 0 {
        let name = cache.named.name();
        trace::pr_err!("kmem_cache_destroy {name}: Slab cache still has objects");
        trace::oops::dump_stack(trace::Level::Err);
        return;
    }
    drop(ledger::take(handle, &CACHE));
}

/// `kmem_cache_size(cache)`.
extern "C" fn kmem_cache_size(handle: usize) -> u32 {
    checked(handle).size as u32
}

/// `kmem_cache_shrink(cache)`: empty slabs go back in their own time; 0.
extern "C" fn kmem_cache_shrink(handle: usize) -> i32 {
    drop(checked(handle));
    kmem::slab::drain_local();
    0
}

exports![
    kmem_cache_create,
    kmem_cache_alloc,
    kmem_cache_free,
    kmem_cache_destroy,
    kmem_cache_size,
    kmem_cache_shrink,
];
