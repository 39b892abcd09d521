//! shmdt(2).
use crate::areas::{page_ceil, pages};
use crate::mm::Mm;
use abi::{Errno, PAGE_SIZE, Result};

impl Mm {
    /// Takes away what was attached at `addr`, with what was cut from it and lies where it did. `EINVAL`: nothing was;
    /// `ENOMEM`.
    pub fn shmdt(&self, addr: usize) -> Result<()> {
        if !addr.is_multiple_of(PAGE_SIZE) {
            return Err(Errno::EINVAL);
        }
        let mut areas = self.write_areas();
        // The memory, and where it ends.
        let mut found: Option<(u64, usize)> = None;
        let mut at = addr;
        while let Some(area) = areas.map.find_from(at) {
            let (start, end) = (area.start, area.end);
            at = end;
            if found.is_some_and(|(_, last)| end > last) {
                break;
            }
            let Some(object) = area.data.object().filter(|object| object.is_sysv()) else {
                continue;
            };
            if start < addr || area.data.offset != pages(start - addr) as u64 {
                continue;
            }
            match found {
                Some((identity, _)) if identity != object.identity() => continue,
                Some(_) => {}
                None => {
                    let len = page_ceil(object.size() as usize).unwrap_or(usize::MAX);
                    found = Some((object.identity(), addr.saturating_add(len)));
                }
            }
            self.remove(&mut areas, start, end)?;
        }
        found.map(drop).ok_or(Errno::EINVAL)
    }
}
