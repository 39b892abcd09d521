//! Maps of ids, and the text that sets them (user_namespaces(7), "User and group ID mappings").
use abi::{Errno, Result};
use alloc::vec::Vec;
use kmem::TryVec;

/// A run of ids: `inside..inside+count` in the namespace is `outside..outside+count` of the initial one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// First id as the namespace says it.
    pub inside: u32,
    /// First id as the kernel says it.
    pub outside: u32,
    /// Length of the run.
    pub count: u32,
}

/// Up to [`IdMap::MAX`] runs of ids.
#[derive(Debug, Default)]
pub struct IdMap(Vec<Extent>);

impl Extent {
    /// Every id means itself.
    pub(crate) const ALL: Self = Self {
        inside: 0,
        outside: 0,
        count: u32::MAX,
    };

    fn is_valid(&self) -> bool {
        let fits = |first: u32| first != u32::MAX && first.checked_add(self.count).is_some();
        self.count != 0 && fits(self.inside) && fits(self.outside)
    }

    fn overlaps(&self, other: &Self) -> bool {
        let meets = |a: u32, b: u32| a < b + other.count && b < a + self.count;
        meets(self.inside, other.inside) || meets(self.outside, other.outside)
    }

    /// Three numbers between blanks. EINVAL.
    fn parse(line: &[u8]) -> Result<Self> {
        let is_blank = |byte: &u8| byte.is_ascii_whitespace();
        let mut words = line.split(is_blank).filter(|word| !word.is_empty());
        let mut number = || {
            let word = words.next().ok_or(Errno::EINVAL)?;
            let text = core::str::from_utf8(word).map_err(|_| Errno::EINVAL)?;
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            let value = text.parse::<u32>().ok().filter(|_| digits);
            value.ok_or(Errno::EINVAL)
        };
        let extent = Self {
            inside: number()?,
            outside: number()?,
            count: number()?,
        };
        match words.next() {
            None if extent.is_valid() => Ok(extent),
            _ => Err(Errno::EINVAL),
        }
    }
}

impl IdMap {
    /// Most extents a map has.
    pub const MAX: usize = 340;

    /// The map that a text of lines describes, each an extent. EINVAL: no line, too many, one that is empty, wraps or overlaps
    /// another; ENOMEM.
    pub fn parse(text: &[u8]) -> Result<Self> {
        let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let mut map = Self::default();
        for line in text.split(|byte| *byte == b'\n') {
            map.add(Extent::parse(line)?)?;
        }
        Ok(map)
    }

    fn add(&mut self, extent: Extent) -> Result<()> {
        if self.0.len() == Self::MAX || self.0.iter().any(|other| extent.overlaps(other)) {
            return Err(Errno::EINVAL);
        }
        self.0.try_push(extent)
    }

    /// The same with every run's second half changed. `None`: `change` knew none for a run.
    pub(crate) fn map_outside(mut self, change: impl Fn(&Extent) -> Option<u32>) -> Option<Self> {
        for extent in &mut self.0 {
            extent.outside = change(extent)?;
        }
        Some(self)
    }

    /// Its runs, as `/proc/PID/uid_map` shows them.
    pub fn extents(&self) -> &[Extent] {
        &self.0
    }

    /// What the kernel calls all of `first..first+count`, if one run holds them.
    pub(crate) fn range_to_kernel(&self, first: u32, count: u32) -> Option<u32> {
        let holds = |e: &&Extent| {
            let from = first.wrapping_sub(e.inside);
            from < e.count && count <= e.count - from
        };
        let extent = self.0.iter().find(holds)?;
        Some(first - extent.inside + extent.outside)
    }

    pub(crate) fn to_kernel(&self, id: u32) -> u32 {
        self.range_to_kernel(id, 1).unwrap_or(u32::MAX)
    }

    pub(crate) fn to_user(&self, id: u32) -> Option<u32> {
        let holds = |e: &&Extent| id.wrapping_sub(e.outside) < e.count;
        let extent = self.0.iter().find(holds)?;
        Some(id - extent.outside + extent.inside)
    }
}
