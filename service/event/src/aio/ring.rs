//! The ring of completions, mapped into the program: `struct aio_ring` and the events after it. The kernel writes events and
//! the tail, whose true value it keeps for itself; the program may read events and move the head.
use abi::{Errno, PAGE_SIZE, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};
use kmem::TryVec;
use kmem::frame::Frame;
use mm::{MapAccess, MapObject};

/// Bytes of `struct io_event`, and of the header, in which the words stand at these places.
pub(super) const EVENT: usize = 32;
const HEADER: usize = 32;
const NR: usize = 4;
const HEAD: usize = 8;
const TAIL: usize = 12;
const MAGIC: (usize, u32) = (16, 0xa10a_10a1);
const COMPAT_FEATURES: (usize, u32) = (20, 1);
const HEADER_LENGTH: (usize, u32) = (28, HEADER as u32);

/// What came of a request.
#[derive(Clone, Copy)]
pub(super) struct Event {
    pub(super) data: u64,
    pub(super) obj: u64,
    pub(super) res: i64,
}

pub(super) struct Ring {
    pages: Vec<Frame>,
    slots: u32,
    number: u64,
}

impl Ring {
    /// A ring with room for `events` at least. ENOMEM.
    pub(super) fn new(events: usize, id: u32) -> Result<Arc<Self>> {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        // Head and tail keep one apart, as Linux counts another.
        let count = (HEADER + (events + 2) * EVENT).div_ceil(PAGE_SIZE);
        let mut pages = Vec::try_with_capacity(count)?;
        for _ in 0..count {
            pages.try_push(Frame::zeroed()?)?;
        }
        let slots = ((count * PAGE_SIZE - HEADER) / EVENT) as u32;
        let ring = Self {
            pages,
            slots,
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
        };
        let id = (0, id);
        for (at, value) in [id, (NR, slots), MAGIC, COMPAT_FEATURES, HEADER_LENGTH] {
            ring.pages[0].store_u32(at, value);
        }
        kmem::try_arc(ring)
    }

    pub(super) fn slots(&self) -> u32 {
        self.slots
    }

    pub(super) fn len(&self) -> usize {
        self.pages.len() * PAGE_SIZE
    }

    /// Where the program or the kernel reads next; the program may have written anything.
    pub(super) fn head(&self) -> u32 {
        self.pages[0].load_u32(HEAD) % self.slots
    }

    pub(super) fn set_head(&self, head: u32) {
        self.pages[0].store_u32(HEAD, head);
    }

    pub(super) fn set_tail(&self, tail: u32) {
        self.pages[0].store_u32(TAIL, tail);
    }

    /// The slot after one.
    pub(super) fn after(&self, slot: u32) -> u32 {
        (slot + 1) % self.slots
    }

    /// The page of a slot and the place there: events do not cross pages.
    fn place(&self, slot: u32) -> (&Frame, usize) {
        let at = HEADER + slot as usize * EVENT;
        (&self.pages[at / PAGE_SIZE], at % PAGE_SIZE)
    }

    pub(super) fn put(&self, slot: u32, event: &Event) {
        let (page, at) = self.place(slot);
        let words = [event.data, event.obj, event.res as u64, 0];
        for (n, word) in words.iter().enumerate() {
            page.write(at + n * size_of::<u64>(), &word.to_le_bytes());
        }
    }

    pub(super) fn get(&self, slot: u32) -> [u8; EVENT] {
        let mut bytes = [0; EVENT];
        let (page, at) = self.place(slot);
        page.read(at, &mut bytes);
        bytes
    }
}

impl MapObject for Ring {
    fn page(&self, index: u64, _access: MapAccess) -> Result<Frame> {
        self.cached(index).ok_or(Errno::EFAULT)
    }
    fn cached(&self, index: u64) -> Option<Frame> {
        self.pages.get(usize::try_from(index).ok()?).cloned()
    }
    fn identity(&self) -> u64 {
        self.pages[0].paddr().0 as u64
    }
    fn size(&self) -> u64 {
        self.len() as u64
    }
    fn dev_ino(&self) -> (u64, u64) {
        (0, self.number)
    }
    fn write_path(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        out.write_str("/[aio] (deleted)")
    }
    fn may_write(&self) -> bool {
        true
    }
    fn may_exec(&self) -> bool {
        false
    }
}
