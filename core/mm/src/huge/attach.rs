//! What is promised to an area when it is made, and taken back when it goes.
use super::huge_index;
use crate::VmFlags;
use crate::promise::Promise;
use crate::vma::{Attachment, Vma};
use abi::{Errno, Result};
use alloc::sync::{Arc, Weak};
use kmem::frame::HUGE_SIZE;
use pagecache::{MapObject, MapUser, PER_HUGE};
use vma::Area;

impl Attachment {
    /// That of a new area of huge pages `first` (of 4 KiB) on, with what it needs promised unless `no_reserve`. `ENOMEM`:
    /// so much can't be had.
    pub(crate) fn huge(
        object: Arc<dyn MapObject>,
        user: Weak<dyn MapUser>,
        flags: VmFlags,
        first: u64,
        len: usize,
    ) -> Result<Arc<Self>> {
        let first = first / PER_HUGE;
        let end = first + (len / HUGE_SIZE) as u64;
        let cache = object.huge().ok_or(Errno::EINVAL)?;
        let mut promise = None;
        if !flags.contains(VmFlags::NO_RESERVE) {
            if flags.contains(VmFlags::MAY_SHARE) {
                cache.reserve(first, end)?;
            } else {
                promise = Some(Promise::new(first..end)?);
            }
        }
        if flags.contains(VmFlags::WRITE) {
            cache.lengthen(end * HUGE_SIZE as u64);
        }
        Self::with_promise(object, user, promise)
    }
}

/// An area of huge pages goes: what was promised to it is not any more.
pub(crate) fn release(area: &Area<Vma>) {
    let promise = area.data.backing.as_ref().and_then(|b| b.promise.as_ref());
    if let Some(promise) = promise {
        let vma = &area.data;
        promise.release(
            huge_index(vma, area.start, area.start)..huge_index(vma, area.start, area.end),
        );
    }
}
