//! The counted handle of one page. It is memory that user space may map, so it is never lent as `&[u8]`: readers and
//! writers copy, and single words are atomics.
use super::{FrameMeta, Gfp, Kind, page_alloc};
use crate::machine;
use crate::user;
use abi::{Errno, Result};
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ops::Range;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use hal::addr::{PAGE_SIZE, Pfn, PhysAddr, UserAddr};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// The page of the kernel's image at `address`, for processes to map. It is never freed. `None`: no page of the image begins
/// there, or it was handed out before.
#[cfg(target_os = "none")]
pub fn of_image(address: usize) -> Option<Frame> {
    let kernel = hal::paging::KERNEL_BASE..hal::paging::MODULES.start;
    if !kernel.contains(&address) || !address.is_multiple_of(PAGE_SIZE) {
        return None;
    }
    let meta = machine::meta_of(hal::paging::virt_to_phys(hal::addr::VirtAddr(address)).pfn());
    // SAFETY: metadata lives forever; that of the image was cleared at boot.
    let m = unsafe { meta.as_ref() };
    let taken = (Kind::Reserved as u32, Kind::Frame as u32);
    m.kind
        .compare_exchange(taken.0, taken.1, Ordering::AcqRel, Ordering::Relaxed)
        .ok()?;
    m.reset(Kind::Frame as u32);
    // One reference stays with the image.
    // SAFETY: `reset` gave it one, which is never dropped; the clone is the caller's.
    Some(Frame::clone(&ManuallyDrop::new(unsafe {
        Frame::from_meta(meta)
    })))
}

/// One 4 KiB page, counted: cloning adds a reference, dropping takes one, the last one frees the page.
pub struct Frame(NonNull<FrameMeta>);

// SAFETY: the handle only gives access to atomics (metadata) and to the page through copies and atomics, and the
// reference count is atomic.
unsafe impl Send for Frame {}
// SAFETY: as above.
unsafe impl Sync for Frame {}

impl Frame {
    /// A page filled with zeros. ENOMEM.
    #[inline]
    pub fn zeroed() -> Result<Self> {
        Self::alloc(Gfp::KERNEL.zeroed())
    }
    /// A page of unspecified (but readable) content: overwrite all of it. ENOMEM.
    #[inline]
    pub fn uninit() -> Result<Self> {
        Self::alloc(Gfp::KERNEL)
    }
    /// A page as `gfp` says. ENOMEM.
    #[inline]
    pub fn alloc(gfp: Gfp) -> Result<Self> {
        page_alloc::alloc_page(gfp, Kind::Frame).map(Self)
    }

    /// Metadata of the page.
    #[inline]
    pub fn meta(&self) -> &FrameMeta {
        // SAFETY: a handle points into the metadata array, which is never freed.
        unsafe { self.0.as_ref() }
    }
    /// Its page frame number.
    #[inline]
    pub fn pfn(&self) -> Pfn {
        machine::pfn_of(self.0)
    }
    /// Its physical address.
    #[inline]
    pub fn paddr(&self) -> PhysAddr {
        PhysAddr::from_pfn(self.pfn())
    }
    /// How many references there are, this one included. A snapshot, unless it is 1 and nobody can find the page.
    #[inline]
    pub fn refs(&self) -> u32 {
        self.meta().refs.load(Ordering::Acquire)
    }
    /// Whether two handles name the same page.
    #[inline]
    pub fn same(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    #[inline]
    fn ptr(&self) -> *mut u8 {
        machine::phys_to_virt(self.paddr())
    }
    #[inline]
    #[track_caller]
    pub(crate) fn at(&self, offset: usize, len: usize) -> *mut u8 {
        assert!(
            offset <= PAGE_SIZE && len <= PAGE_SIZE - offset,
            "beyond the page: {offset}+{len}"
        );
        self.ptr().wrapping_add(offset)
    }

    /// Copies from the page. Panics when the range leaves it.
    #[inline]
    #[track_caller]
    pub fn read(&self, offset: usize, dst: &mut [u8]) {
        let src = self.at(offset, dst.len());
        // SAFETY: `at` checked the range; the page lives while the handle does. Concurrent user stores can tear bytes,
        // which the copy (asm on the machine) tolerates.
        unsafe { machine::copy(dst.as_mut_ptr(), src, dst.len()) }
    }
    /// Copies into the page. Panics when the range leaves it.
    #[inline]
    #[track_caller]
    pub fn write(&self, offset: usize, src: &[u8]) {
        let dst = self.at(offset, src.len());
        // SAFETY: as in `read`.
        unsafe { machine::copy(dst, src.as_ptr(), src.len()) }
    }
    /// Reads one plain value. Panics when it leaves the page.
    #[inline]
    #[track_caller]
    pub fn read_pod<T: FromBytes>(&self, offset: usize) -> T {
        let src = self.at(offset, size_of::<T>());
        let mut value = MaybeUninit::<T>::uninit();
        // SAFETY: range checked; `T: FromBytes` is valid for any bytes, all of which are written.
        unsafe {
            machine::copy(value.as_mut_ptr().cast(), src, size_of::<T>());
            value.assume_init()
        }
    }
    /// Writes one plain value. Panics when it leaves the page.
    #[inline]
    #[track_caller]
    pub fn write_pod<T: IntoBytes + Immutable>(&self, offset: usize, value: &T) {
        self.write(offset, value.as_bytes());
    }
    /// Fills a range with zeros. Panics when it leaves the page.
    #[inline]
    #[track_caller]
    pub fn fill_zero(&self, range: Range<usize>) {
        let len = range.end.saturating_sub(range.start);
        let dst = self.at(range.start, len);
        // SAFETY: range checked.
        unsafe { machine::zero(dst, len) }
    }
    /// Copies a whole page.
    #[inline]
    pub fn copy_from(&self, src: &Self) {
        // SAFETY: two live pages (or one, which the page copy tolerates).
        unsafe { machine::copy_page(self.ptr(), src.ptr()) }
    }
    /// Copies bytes of a huge page to the start of this one. Panics when a range leaves its page.
    #[track_caller]
    pub fn copy_huge(&self, src: &super::HugePage, offset: usize, len: usize) {
        let dst = self.at(0, len);
        src.with_bytes(offset, len, |from| {
            // SAFETY: both ranges were checked.
            unsafe { machine::copy(dst, from, len) }
        });
    }
    /// Copies part of another page. Panics when a range leaves its page.
    #[track_caller]
    pub fn copy_part(&self, offset: usize, src: &Self, src_offset: usize, len: usize) {
        let (dst, from) = (self.at(offset, len), src.at(src_offset, len));
        // SAFETY: ranges checked; within one page an overlap would be the caller's slip, not unsound: asm copy.
        unsafe { machine::copy(dst, from, len) }
    }
    /// Copies from the page to user memory; returns how many bytes arrived. EFAULT when none did.
    #[inline]
    #[track_caller]
    pub fn copy_to_user(&self, offset: usize, dst: UserAddr, len: usize) -> Result<usize> {
        let src = self.at(offset, len);
        // SAFETY: the source range was checked.
        user::partial(len, unsafe { user::raw_to_user(dst, src, len) })
    }
    /// Copies from user memory into the page; returns how many bytes arrived. EFAULT when none did.
    #[inline]
    #[track_caller]
    pub fn copy_from_user(&self, offset: usize, src: UserAddr, len: usize) -> Result<usize> {
        let dst = self.at(offset, len);
        // SAFETY: the target range was checked.
        user::partial(len, unsafe { user::raw_from_user(dst, src, len) })
    }

    /// Copies a C string from user memory into the page: up to its NUL, which is copied too, or `max` bytes. Returns the
    /// length without the NUL; `max` if there is none. EFAULT.
    #[track_caller]
    pub fn copy_str_from_user(&self, offset: usize, src: UserAddr, max: usize) -> Result<usize> {
        let dst = self.at(offset, max);
        if src.0 >= abi::USER_END {
            return Err(Errno::EFAULT);
        }
        let len = max.min(abi::USER_END - src.0);
        // SAFETY: the target range was checked, the source ends at most at USER_END.
        match unsafe { crate::machine::strncpy_from_user(dst, src, len) } {
            Some(n) if n < len || len == max => Ok(n),
            _ => Err(Errno::EFAULT),
        }
    }

    #[inline]
    #[track_caller]
    fn word(&self, offset: usize) -> &AtomicU32 {
        assert!(offset.is_multiple_of(4), "unaligned word");
        // SAFETY: in range, aligned, and all access to shared pages is by atomics or asm copies.
        unsafe { AtomicU32::from_ptr(self.at(offset, 4).cast()) }
    }
    /// An aligned word, atomically. Panics when out of range or unaligned; so do the following.
    #[inline]
    pub fn load_u32(&self, offset: usize) -> u32 {
        self.word(offset).load(Ordering::SeqCst)
    }
    /// Stores an aligned word atomically.
    #[inline]
    pub fn store_u32(&self, offset: usize, value: u32) {
        self.word(offset).store(value, Ordering::SeqCst);
    }
    /// Compare and swap: `Ok(old)` when it was `old`, else `Err(what it was)`.
    #[inline]
    pub fn cas_u32(&self, offset: usize, old: u32, new: u32) -> Result<u32, u32> {
        self.word(offset)
            .compare_exchange(old, new, Ordering::SeqCst, Ordering::SeqCst)
    }
    /// Replaces an aligned word by what `f` makes of it; returns the old value (futex wake-op).
    pub fn update_u32(&self, offset: usize, mut f: impl FnMut(u32) -> u32) -> u32 {
        let word = self.word(offset);
        let mut old = word.load(Ordering::SeqCst);
        loop {
            match word.compare_exchange(old, f(old), Ordering::SeqCst, Ordering::SeqCst) {
                Ok(old) => return old,
                Err(now) => old = now,
            }
        }
    }
    /// An aligned 64-bit word, atomically.
    #[track_caller]
    pub fn load_u64(&self, offset: usize) -> u64 {
        assert!(offset.is_multiple_of(8), "unaligned word");
        // SAFETY: as in `word`.
        unsafe { AtomicU64::from_ptr(self.at(offset, 8).cast()) }.load(Ordering::SeqCst)
    }

    /// The page as a bare pointer to its metadata; the reference goes with it.
    #[inline]
    pub(crate) fn into_meta(self) -> NonNull<FrameMeta> {
        ManuallyDrop::new(self).0
    }
    /// # Safety
    /// `meta` carries one reference, which the handle takes over.
    #[inline]
    pub(crate) unsafe fn from_meta(meta: NonNull<FrameMeta>) -> Self {
        Self(meta)
    }
}

impl Clone for Frame {
    #[inline]
    fn clone(&self) -> Self {
        let old = self.meta().refs.fetch_add(1, Ordering::Relaxed);
        debug_assert!(old != 0 && old < u32::MAX / 2);
        Self(self.0)
    }
}

impl Drop for Frame {
    #[inline]
    fn drop(&mut self) {
        if self.meta().refs.fetch_sub(1, Ordering::Release) == 1 {
            fence(Ordering::Acquire);
            page_alloc::free_page(self.0);
        }
    }
}

impl core::fmt::Debug for Frame {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Frame({:#x}, refs {})", self.paddr().0, self.refs())
    }
}
