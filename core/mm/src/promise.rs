//! Huge pages that are promised to a private mapping when it is made.
use abi::{Errno, Result};
use alloc::boxed::Box;
use core::ops::Range;
use kmem::frame::{HugePage, reserve_huge, unreserve_huge};
use sync::{LockClass, Mutex, rank};
use xarray::XArray;

static PROMISE: LockClass = LockClass::new("mm.huge-promise", rank::PAGE_CACHE_FILL);

/// Which pages of a private mapping are promised and not taken yet.
pub(crate) struct Promise(Mutex<XArray<u8>>);

impl Promise {
    /// `ENOMEM`.
    pub(crate) fn new(pages: Range<u64>) -> Result<Box<Self>> {
        let count = pages.end - pages.start;
        let promise = kmem::try_box(Self(Mutex::new(&PROMISE, XArray::new())))?;
        reserve_huge(usize::try_from(count).map_err(|_| Errno::ENOMEM)?)?;
        for (done, index) in pages.enumerate() {
            if promise.0.lock().insert_alloc(index, 1).is_err() {
                // The others go back as it is dropped.
                unreserve_huge(count as usize - done);
                return Err(Errno::ENOMEM);
            }
        }
        Ok(promise)
    }

    /// The page promised for `index`, if it is.
    pub(crate) fn take(&self, index: u64) -> Option<HugePage> {
        let mut marks = self.0.lock();
        marks.get(index)?;
        let page = HugePage::promised().ok()?;
        marks.remove(index);
        Some(page)
    }

    /// Takes back what was promised of these.
    pub(crate) fn release(&self, pages: Range<u64>) {
        let mut marks = self.0.lock();
        while let Some((index, _)) = marks.next(pages.start).filter(|(i, _)| *i < pages.end) {
            marks.remove(index);
            unreserve_huge(1);
        }
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.release(0..u64::MAX);
    }
}
