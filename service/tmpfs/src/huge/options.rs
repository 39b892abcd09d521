//! Mount options of hugetlbfs.
use abi::{Errno, Result};
use core::fmt::Write;
use cred::{Cred, Kgid, Kuid};
use kmem::frame::{HUGE_SIZE, huge_counts};

/// What `mount -o` said; `None` is no limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    /// Most huge pages.
    pub(super) most: Option<u64>,
    /// Huge pages kept for it.
    pub(super) least: u64,
    pub(super) inodes: Option<u64>,
    /// Of the root directory.
    pub(super) mode: u32,
    pub(super) uid: Kuid,
    pub(super) gid: Kgid,
}

impl Said {
    /// Reads `a=b,c=d`, said by `by`, whose the root directory is; without, root. EINVAL: an option or value that means
    /// nothing, or less may be taken than is kept.
    pub(super) fn parse(text: &[u8], by: Option<&Cred>) -> Result<Self> {
        let mut said = Self {
            most: None,
            least: 0,
            inodes: None,
            mode: 0o755,
            uid: by.map_or(Kuid::ROOT, |by| by.fsuid),
            gid: by.map_or(Kgid::ROOT, |by| by.fsgid),
        };
        for item in text.split(|b| *b == b',').filter(|i| !i.is_empty()) {
            let item = core::str::from_utf8(item).map_err(|_| Errno::EINVAL)?;
            said.apply(item, by)?;
        }
        match said.most {
            Some(most) if most < said.least => Err(Errno::EINVAL),
            _ => Ok(said),
        }
    }

    fn apply(&mut self, item: &str, by: Option<&Cred>) -> Result<()> {
        let (key, value) = item.split_once('=').ok_or(Errno::EINVAL)?;
        let id = || value.parse::<u32>().map_err(|_| Errno::EINVAL);
        match key {
            "size" => self.most = Some(pages(value)?),
            "min_size" => self.least = pages(value)?,
            "nr_inodes" => self.inodes = Some(number(value)?.0),
            "pagesize" if number(value)? == (HUGE_SIZE as u64, false) => {}
            "mode" => {
                let mode = u32::from_str_radix(value, 8).map_err(|_| Errno::EINVAL)?;
                self.mode = mode & 0o1777;
            }
            "uid" => {
                let uid = id()?;
                let uid = by.map_or(Kuid(uid), |by| by.user_ns.kuid(uid));
                let uid = Some(uid).filter(|uid| uid.is_valid());
                self.uid = uid.ok_or(Errno::EINVAL)?;
            }
            "gid" => {
                let gid = id()?;
                let gid = by.map_or(Kgid(gid), |by| by.user_ns.kgid(gid));
                let gid = Some(gid).filter(|gid| gid.is_valid());
                self.gid = gid.ok_or(Errno::EINVAL)?;
            }
            _ => return Err(Errno::EINVAL),
        }
        Ok(())
    }

    pub(super) fn show(&self, out: &mut dyn Write) -> core::fmt::Result {
        if self.uid != Kuid::ROOT {
            write!(out, ",uid={}", self.uid.0)?;
        }
        if self.gid != Kgid::ROOT {
            write!(out, ",gid={}", self.gid.0)?;
        }
        if self.mode != 0o755 {
            write!(out, ",mode={:o}", self.mode)?;
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
fn pages(value: &str) -> Result<u64> {
    match number(value)? {
        (percent, true) => {
            let counts = huge_counts();
            let pool = (counts.total - counts.surplus) as u64;
            Ok(pool.saturating_mul(percent) / 100)
        }
        (bytes, false) => Ok(bytes / HUGE_SIZE as u64),
    }
}

/// A number with a suffix k, m, g or %; whether it is %.
fn number(value: &str) -> Result<(u64, bool)> {
    let digits = value.trim_end_matches(|c: char| !c.is_ascii_digit());
    let number: u64 = digits.parse().map_err(|_| Errno::EINVAL)?;
    let factor = match &value[digits.len()..] {
        "" => 1,
        "k" | "K" => 1 << 10,
        "m" | "M" => 1 << 20,
        "g" | "G" => 1 << 30,
        "%" => return Ok((number, true)),
        _ => return Err(Errno::EINVAL),
    };
    let number = number.checked_mul(factor).ok_or(Errno::EINVAL)?;
    Ok((number, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_mount_says() {
        let s = Said::parse(b"size=9m,min_size=2M,mode=1700,uid=5,pagesize=2M", None).unwrap();
        assert_eq!(
            (s.most, s.least, s.mode, s.uid),
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
