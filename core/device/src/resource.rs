//! Who has which I/O ports and which physical addresses: /proc/ioports, /proc/iomem.
//!
//! Specification: Documentation/driver-api/device-io.rst, "Requesting regions"; proc(5).
use abi::{Errno, Result};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use kmem::{TryString, TryVec};
use sync::{LockClass, Mutex, rank};
use vfs::SeqBuf;

static CLASS: LockClass = LockClass::new("device.resources", rank::DIR_INDEX);

/// A range that has a name, both ends included.
struct Range {
    first: u64,
    last: u64,
    name: String,
    /// Nobody else may have a part of it.
    busy: bool,
}

impl Range {
    const fn overlaps(&self, first: u64, last: u64) -> bool {
        self.first <= last && first <= self.last
    }

    const fn holds(&self, first: u64, last: u64) -> bool {
        self.first <= first && last <= self.last
    }
}

/// A space of addresses.
pub struct Space {
    /// The last address, and the digits that ranges are shown with.
    last: u64,
    digits: usize,
    /// By their first addresses; what holds others comes before them.
    ranges: Mutex<Vec<Range>>,
}

/// I/O ports.
pub static PORTS: Space = Space::new(0xffff, 4);
/// Physical addresses.
pub static ADDRESSES: Space = Space::new((1 << 52) - 1, 8);

impl Space {
    const fn new(last: u64, digits: usize) -> Self {
        Self {
            last,
            digits,
            ranges: Mutex::new(&CLASS, Vec::new()),
        }
    }

    /// Takes `len` addresses for somebody. EBUSY: a part of them is taken; EINVAL: there are no such addresses; ENOMEM.
    pub fn request(&self, first: u64, len: u64, name: &str) -> Result<()> {
        self.add(first, len, name, true)
    }

    /// Notes a range that others may have parts of unless it is busy. As [`request`](Self::request).
    pub fn add(&self, first: u64, len: u64, name: &str, busy: bool) -> Result<()> {
        let end = first.checked_add(len).ok_or(Errno::EINVAL)?;
        if len == 0 || end - 1 > self.last {
            return Err(Errno::EINVAL);
        }
        let last = end - 1;
        let mut ranges = self.ranges.lock();
        let in_the_way = |range: &&Range| {
            range.overlaps(first, last) && (range.busy || !range.holds(first, last))
        };
        if ranges.iter().any(|range| in_the_way(&range)) {
            return Err(Errno::EBUSY);
        }
        let at = ranges.partition_point(|range| {
            range.first < first || range.first == first && range.last >= last
        });
        let range = Range {
            first,
            last,
            name: String::try_from_str(name)?,
            busy,
        };
        ranges.try_push(range)?;
        ranges[at..].rotate_right(1);
        Ok(())
    }

    /// Gives back what was taken. False: nobody took just these.
    pub fn release(&self, first: u64, len: u64) -> bool {
        let last = first.wrapping_add(len).wrapping_sub(1);
        let mut ranges = self.ranges.lock();
        let is_it = |range: &Range| range.busy && (range.first, range.last) == (first, last);
        let Some(at) = ranges.iter().position(is_it) else {
            return false;
        };
        let range = ranges.remove(at);
        drop(ranges);
        drop(range);
        true
    }

    /// All ranges, each two columns to the right of what holds it. Without the right to see them the addresses are zeros.
    pub fn show(&self, out: &mut SeqBuf, may_see: bool) {
        let ranges = self.ranges.lock();
        for (at, range) in ranges.iter().enumerate() {
            let above = ranges[..at].iter();
            let depth = above
                .filter(|other| other.holds(range.first, range.last))
                .count();
            let (first, last) = if may_see {
                (range.first, range.last)
            } else {
                (0, 0)
            };
            let digits = self.digits;
            let _ = writeln!(
                out,
                "{:indent$}{first:0digits$x}-{last:0digits$x} : {}",
                "",
                range.name,
                indent = 2 * depth
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{SeqBuf, Space};
    use abi::Errno;

    fn shown(space: &Space, may_see: bool) -> std::string::String {
        let mut out = SeqBuf::new();
        space.show(&mut out, may_see);
        std::string::String::from_utf8(out.finish().unwrap()).unwrap()
    }

    #[test]
    fn ranges_nest_in_those_that_are_not_busy() {
        let space = Space::new(0xffff, 4);
        space.add(0x100, 0x100, "bus", false).unwrap();
        space.request(0x110, 0x10, "card").unwrap();
        assert_eq!(space.request(0x11f, 2, "other"), Err(Errno::EBUSY));
        assert_eq!(space.request(0x1f0, 0x20, "half"), Err(Errno::EBUSY));
        assert_eq!(space.request(0xffff, 2, "far"), Err(Errno::EINVAL));
        assert_eq!(space.request(5, 0, "none"), Err(Errno::EINVAL));
        space.request(0x10, 1, "first").unwrap();
        let all = "0010-0010 : first\n0100-01ff : bus\n  0110-011f : card\n";
        assert_eq!(shown(&space, true), all);
        assert!(shown(&space, false).starts_with("0000-0000 : first\n"));
        assert!(!space.release(0x110, 0xf) && space.release(0x110, 0x10));
        assert!(!space.release(0x100, 0x100));
    }
}
