//! Addresses by kind, so that one is never taken for another.
use core::fmt;

pub use abi::{PAGE_SHIFT, PAGE_SIZE};

macro_rules! address {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        #[repr(transparent)]
        pub struct $name(pub usize);

        impl $name {
            /// The address `bytes` further on; wraps.
            #[inline]
            #[must_use]
            pub const fn add(self, bytes: usize) -> Self {
                Self(self.0.wrapping_add(bytes))
            }
            /// Rounded down to its page's start.
            #[inline]
            #[must_use]
            pub const fn page_floor(self) -> Self {
                Self(self.0 & !(PAGE_SIZE - 1))
            }
            /// Rounded up to a page boundary; wraps at the end of the address space.
            #[inline]
            #[must_use]
            pub const fn page_ceil(self) -> Self {
                Self(self.0.wrapping_add(PAGE_SIZE - 1) & !(PAGE_SIZE - 1))
            }
            /// Offset within its page.
            #[inline]
            #[must_use]
            pub const fn page_offset(self) -> usize {
                self.0 & (PAGE_SIZE - 1)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:#x})"), self.0)
            }
        }
    };
}

address! {
    /// A physical address.
    PhysAddr
}
address! {
    /// A kernel virtual address.
    VirtAddr
}
address! {
    /// An address that user space gave: an allegation, nothing is known of it.
    UserAddr
}

/// Number of a physical page: its address divided by [`PAGE_SIZE`].
pub type Pfn = usize;

impl PhysAddr {
    /// The page frame it lies in.
    #[inline]
    #[must_use]
    pub const fn pfn(self) -> Pfn {
        self.0 >> PAGE_SHIFT
    }
    /// The first address of a page frame.
    #[inline]
    #[must_use]
    pub const fn from_pfn(pfn: Pfn) -> Self {
        Self(pfn << PAGE_SHIFT)
    }
}
