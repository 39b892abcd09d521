//! Per-CPU variables of modules, near their text: the first CPU's stand at their address, those of CPU n stand n times
//! [`STRIDE`] behind.
use super::{ModArea, alloc};
use crate::frame::NO_MEMORY;
use abi::Result;
use sync::{LockClass, Mutex, rank};

/// Bytes from one CPU's variables to the next one's: what all modules together may have.
pub const STRIDE: usize = 32 << 10;
const UNIT: usize = 8;
const UNITS: usize = STRIDE / UNIT;

struct Rooms {
    /// Made for the first module that wants some, and kept.
    area: Option<ModArea>,
    taken: [u64; UNITS / 64],
}

static CLASS: LockClass = LockClass::new("modspace.percpu", rank::NONE);
static ROOMS: Mutex<Rooms> = Mutex::new(
    &CLASS,
    Rooms {
        area: None,
        taken: [0; UNITS / 64],
    },
);

/// Room for variables on each CPU, zeroed.
#[derive(Debug)]
pub struct Room {
    address: usize,
    base: usize,
    size: usize,
}

impl Rooms {
    fn is_taken(&self, unit: usize) -> bool {
        self.taken[unit / 64] & 1 << (unit % 64) != 0
    }

    fn base(&mut self) -> Result<usize> {
        if self.area.is_none() {
            let draft = alloc(STRIDE * hal::cpu::online())?;
            self.area = Some(draft.seal(&[]));
        }
        let area = self.area.as_ref().ok_or(NO_MEMORY)?;
        Ok(area.range().start)
    }
}

/// Room of `size` bytes. May sleep.
///
/// # Errors
/// `ENOMEM`; also when the alignment is above a page.
pub fn take(size: usize, align: usize) -> Result<Room> {
    if size == 0 || size > STRIDE || align > crate::PAGE_SIZE || !align.is_power_of_two() {
        return Err(NO_MEMORY);
    }
    let mut rooms = ROOMS.lock();
    let base = rooms.base()?;
    let (units, step) = (size.div_ceil(UNIT), align.div_ceil(UNIT));
    let start = (0..=UNITS - units)
        .step_by(step)
        .find(|start| (*start..start + units).all(|unit| !rooms.is_taken(unit)))
        .ok_or(NO_MEMORY)?;
    for unit in start..start + units {
        rooms.taken[unit / 64] |= 1 << (unit % 64);
    }
    drop(rooms);
    let address = base + start * UNIT;
    let mut room = Room {
        address,
        base,
        size,
    };
    room.on_each_cpu(|bytes| bytes.fill(0));
    Ok(room)
}

impl Room {
    /// Where the first CPU's are.
    #[must_use]
    pub fn address(&self) -> usize {
        self.address
    }

    /// Gives the variables their first values, the same on each CPU.
    pub fn fill(&mut self, values: &[u8]) {
        self.on_each_cpu(|bytes| {
            let len = bytes.len().min(values.len());
            bytes[..len].copy_from_slice(&values[..len]);
        });
    }

    fn on_each_cpu(&mut self, mut each: impl FnMut(&mut [u8])) {
        for cpu in 0..hal::cpu::online() {
            let at = (self.address + cpu * STRIDE) as *mut u8;
            // SAFETY: within the area, which is mapped writable for good, and this room's own; nobody has seen it yet, or
            // whoever has it is filling it.
            each(unsafe { core::slice::from_raw_parts_mut(at, self.size) });
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let start = (self.address - self.base) / UNIT;
        let mut rooms = ROOMS.lock();
        for unit in start..start + self.size.div_ceil(UNIT) {
            rooms.taken[unit / 64] &= !(1 << (unit % 64));
        }
    }
}
