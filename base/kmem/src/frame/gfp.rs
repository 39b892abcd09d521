//! How hard an allocation may try.
use hal::addr::{PAGE_SIZE, Pfn};

/// What the allocator may do to find a page, and what the page is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gfp(u32);

impl Gfp {
    const RECLAIM: u32 = 1;
    const RESERVE: u32 = 2;
    const OOM: u32 = 4;
    const ZERO: u32 = 8;
    const LOW: u32 = 16;
    const LOW32: u32 = 32;

    /// For a task that may sleep: may reclaim and, at the end, have a victim chosen.
    pub const KERNEL: Self = Self(Self::RECLAIM | Self::OOM);
    /// For interrupt context and under spinlocks: never waits, may use the reserve.
    pub const ATOMIC: Self = Self(Self::RESERVE);
    /// May reclaim but rather fails than kills: large or optional buffers.
    pub const NORETRY: Self = Self(Self::RECLAIM);
    /// Neither waits nor uses the reserve: optional caches.
    pub const NOWAIT: Self = Self(0);
    /// For pages that user space gets; as `KERNEL`.
    pub const USER: Self = Self::KERNEL;

    /// The same, but the page comes filled with zeros.
    #[inline]
    #[must_use]
    pub const fn zeroed(self) -> Self {
        Self(self.0 | Self::ZERO)
    }
    /// The same, but below 16 MiB (`GFP_DMA`).
    #[must_use]
    pub const fn low(self) -> Self {
        Self(self.0 | Self::LOW)
    }
    /// The same, but below 4 GiB (`GFP_DMA32`).
    #[must_use]
    pub const fn low32(self) -> Self {
        Self(self.0 | Self::LOW32)
    }
    /// One past the last page that will do, if not all will.
    #[inline]
    pub(crate) const fn end(self) -> Option<Pfn> {
        match self.0 & (Self::LOW | Self::LOW32) {
            0 => None,
            Self::LOW32 => Some((4 << 30) / PAGE_SIZE),
            _ => Some((16 << 20) / PAGE_SIZE),
        }
    }
    #[inline]
    pub(crate) const fn may_reclaim(self) -> bool {
        self.0 & Self::RECLAIM != 0
    }
    #[inline]
    pub(crate) const fn may_kill(self) -> bool {
        self.0 & Self::OOM != 0
    }
    #[inline]
    pub(crate) const fn may_use_reserve(self) -> bool {
        self.0 & Self::RESERVE != 0
    }
    #[inline]
    pub(crate) const fn wants_zero(self) -> bool {
        self.0 & Self::ZERO != 0
    }
}
