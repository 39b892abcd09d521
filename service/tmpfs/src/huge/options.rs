//! Mount options of hugetlbfs.
use crate::said::{Root, Size, items};
use abi::{Errno, Result};
use core::fmt::Write;
use cred::Cred;
use kmem::frame::{HUGE_SIZE, huge_counts};

/// What `mount -o` said; `None` is no limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    /// Most huge pages.
    pub(super) most: Option<u64>,
    /// Huge pages kept for it.
    pub(super) least: u64,
    pub(super) inodes: Option<u64>,
    pub(super) root: Root,
}

impl Said {
    /// Reads `a=b,c=d`, said by `by`, whose the root directory is; without, root. EINVAL: an option or value that means
    /// nothing, or less may be taken than is kept.
    pub(super) fn parse(text: &[u8], by: Option<&Cred>) -> Result<Self> {
        let mut said = Self {
            most: None,
            least: 0,
            inodes: None,
            root: Root::new(0o755, by),
        };
        for item in items(text) {
            let (key, value) = item?;
            match (key, Size::parse(value)) {
                ("size", size) => said.most = Some(pages(size?)),
                ("min_size", size) => said.least = pages(size?),
                ("nr_inodes", Ok(Size::Number(inodes) | Size::Percent(inodes))) => {
                    said.inodes = Some(inodes);
                }
                ("pagesize", Ok(Size::Number(size))) if size == HUGE_SIZE as u64 => {}
                _ => said.root.apply(key, value, 0o1777, by)?,
            }
        }
        match said.most {
            Some(most) if most < said.least => Err(Errno::EINVAL),
            _ => Ok(said),
        }
    }

    pub(super) fn show(&self, out: &mut dyn Write) -> core::fmt::Result {
        self.root.show_owner(out)?;
        if self.root.mode != 0o755 {
            write!(out, ",mode={:o}", self.root.mode)?;
        }
        if let Some(inodes) = self.inodes {
            write!(out, ",nr_inodes={inodes}")?;
        }
        out.write_str(",pagesize=2M")?;
        if let Some(most) = self.most {
            write!(out, ",size={}", most * HUGE_SIZE as u64)?;
        }
        if self.least != 0 {
            write!(out, ",min_size={}", self.least * HUGE_SIZE as u64)?;
        }
        Ok(())
    }
}

/// Bytes, or a share of the pool, in huge pages.
fn pages(size: Size) -> u64 {
    match size {
        Size::Percent(percent) => {
            let counts = huge_counts();
            let pool = (counts.total - counts.surplus) as u64;
            pool.saturating_mul(percent) / 100
        }
        Size::Number(bytes) => bytes / HUGE_SIZE as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cred::Kuid;

    #[test]
    fn reads_what_mount_says() {
        let s = Said::parse(b"size=9m,min_size=2M,mode=1700,uid=5,pagesize=2M", None).unwrap();
        assert_eq!(
            (s.most, s.least, s.root.mode, s.root.uid),
            (Some(4), 1, 0o1700, Kuid(5))
        );
        for bad in [
            "size",
            "size=x",
            "size=2m,min_size=4m",
            "pagesize=4k",
            "nr_inodes=-1",
            "what=1",
        ] {
            assert!(Said::parse(bad.as_bytes(), None).is_err(), "{bad}");
        }
        let mut shown = std::string::String::new();
        s.show(&mut shown).unwrap();
        let wanted = ",uid=5,mode=1700,pagesize=2M,size=8388608,min_size=2097152";
        assert_eq!(shown, wanted);
    }
}
