//! The two pages that every program finds in its memory, so that it can tell the time without a call: `[vvar]`, which the
//! kernel's own clock is read from, and `[vdso]`, the shared object that reads it (`hal::vdso`).
//!
//! Specification: vdso(7), getauxval(3) (`AT_SYSINFO_EHDR`).
use abi::raw::{MAP_FIXED, MAP_PRIVATE, PROT_EXEC, PROT_READ};
use abi::{Errno, PAGE_SIZE, Result};
use alloc::sync::Arc;
use core::fmt;
use hal::vdso;
use kmem::frame::{self, Frame};
use mm::{MapAccess, MapObject, Mm, MmapRequest};
use sync::Once;

/// A page that all programs share.
struct Page {
    frame: Frame,
    name: &'static str,
    identity: u64,
}

static CLOCK: Once<Arc<dyn MapObject>> = Once::new();
static CODE: Once<Arc<dyn MapObject>> = Once::new();

impl MapObject for Page {
    fn page(&self, index: u64, _access: MapAccess) -> Result<Frame> {
        self.cached(index).ok_or(Errno::EFAULT)
    }
    fn cached(&self, index: u64) -> Option<Frame> {
        (index == 0).then(|| self.frame.clone())
    }
    fn identity(&self) -> u64 {
        self.identity
    }
    fn size(&self) -> u64 {
        PAGE_SIZE as u64
    }
    fn dev_ino(&self) -> (u64, u64) {
        (0, 0)
    }
    fn write_path(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        out.write_str(self.name)
    }
    fn may_write(&self) -> bool {
        false
    }
}

/// Makes the pages; at boot.
///
/// # Errors
/// `ENOMEM`.
pub fn init() -> Result<()> {
    let code = Frame::zeroed()?;
    code.write(0, vdso::image());
    let clock = frame::of_image(vdso::clock_page()).ok_or(Errno::EINVAL)?;
    for (place, frame, name) in [(&CLOCK, clock, "[vvar]"), (&CODE, code, "[vdso]")] {
        let identity = frame.paddr().0 as u64;
        let page = Page {
            frame,
            name,
            identity,
        };
        let _ = place.set(kmem::try_arc(page)? as Arc<dyn MapObject>); // once
    }
    // The first look finds out what the time is.
    let _ = time::realtime_ns();
    Ok(())
}

/// Maps the two pages at `at`; the address of the object.
///
/// # Errors
/// `ENOMEM`.
pub(crate) fn map(mm: &Arc<Mm>, at: usize) -> Result<usize> {
    let pages = [(&CLOCK, PROT_READ), (&CODE, PROT_READ | PROT_EXEC)];
    for (n, (page, prot)) in pages.into_iter().enumerate() {
        mm.mmap(MmapRequest {
            addr: at + n * PAGE_SIZE,
            len: PAGE_SIZE,
            prot,
            flags: MAP_PRIVATE | MAP_FIXED,
            backing: Some(page.get().ok_or(Errno::ENOMEM)?.clone()),
            offset: 0,
            low_allowed: false,
        })?;
    }
    Ok(at + PAGE_SIZE)
}
