//! Mount options (tmpfs(5)).
use abi::{Errno, PAGE_SIZE, Result};
use core::fmt::Write;
use cred::{Cred, Kgid, Kuid};

/// What `mount -o` said; `None` is the default.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// Most pages; 0 is no limit.
    pub(crate) pages: Option<u64>,
    /// Most inodes; 0 is no limit.
    pub(crate) inodes: Option<u64>,
    /// Of the root directory.
    pub(crate) mode: u32,
    pub(crate) uid: Kuid,
    pub(crate) gid: Kgid,
}

impl Options {
    /// Reads `a=b,c=d`, said by `by`, whose the root directory is; without, root. EINVAL: an option or value that means
    /// nothing.
    pub(crate) fn parse(text: &[u8], by: Option<&Cred>) -> Result<Self> {
        let mut options = Self {
            pages: None,
            inodes: None,
            mode: 0o1777,
            uid: by.map_or(Kuid::ROOT, |by| by.fsuid),
            gid: by.map_or(Kgid::ROOT, |by| by.fsgid),
        };
        for item in text.split(|b| *b == b',').filter(|i| !i.is_empty()) {
            let item = core::str::from_utf8(item).map_err(|_| Errno::EINVAL)?;
            options.apply(item, by)?;
        }
        Ok(options)
    }

    fn apply(&mut self, item: &str, by: Option<&Cred>) -> Result<()> {
        let (key, value) = item.split_once('=').ok_or(Errno::EINVAL)?;
        let number = || value.parse::<u32>().map_err(|_| Errno::EINVAL);
        match key {
            "size" => self.pages = Some(size(value)?.div_ceil(PAGE_SIZE as u64)),
            "nr_blocks" => self.pages = Some(size(value)?),
            "nr_inodes" => self.inodes = Some(size(value)?),
            "mode" => {
                let mode = u32::from_str_radix(value, 8).map_err(|_| Errno::EINVAL)?;
                self.mode = mode & 0o7777;
            }
            "uid" => {
                let uid = number()?;
                let uid = by.map_or(Kuid(uid), |by| by.user_ns.kuid(uid));
                self.uid = Some(uid)
                    .filter(|uid| uid.is_valid())
                    .ok_or(Errno::EINVAL)?;
            }
            "gid" => {
                let gid = number()?;
                let gid = by.map_or(Kgid(gid), |by| by.user_ns.kgid(gid));
                self.gid = Some(gid)
                    .filter(|gid| gid.is_valid())
                    .ok_or(Errno::EINVAL)?;
            }
            // One policy of huge pages and NUMA is all there is.
            "huge" if value == "never" => {}
            "mpol" if value == "default" => {}
            _ => return Err(Errno::EINVAL),
        }
        Ok(())
    }

    /// The options of the root directory that differ from the default.
    pub(crate) fn show(&self, out: &mut dyn Write) -> core::fmt::Result {
        if self.mode != 0o1777 {
            write!(out, ",mode={:03o}", self.mode)?;
        }
        if self.uid != Kuid::ROOT {
            write!(out, ",uid={}", self.uid.0)?;
        }
        if self.gid != Kgid::ROOT {
            write!(out, ",gid={}", self.gid.0)?;
        }
        Ok(())
    }
}

/// A number with a suffix k, m, g or % (of the machine's memory).
fn size(value: &str) -> Result<u64> {
    let digits = value.trim_end_matches(|c: char| !c.is_ascii_digit());
    let number: u64 = digits.parse().map_err(|_| Errno::EINVAL)?;
    let factor = match &value[digits.len()..] {
        "" => 1,
        "k" | "K" => 1 << 10,
        "m" | "M" => 1 << 20,
        "g" | "G" => 1 << 30,
        "%" => {
            let memory = (kmem::frame::stats().total * PAGE_SIZE) as u64;
            return Ok(memory / 100 * number.min(100));
        }
        _ => return Err(Errno::EINVAL),
    };
    number.checked_mul(factor).ok_or(Errno::EINVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_mount_says() {
        let o = Options::parse(b"size=10k,mode=755,,nr_inodes=1g,uid=5", None).unwrap();
        assert_eq!(
            (o.pages, o.inodes, o.mode, o.uid),
            (Some(3), Some(1 << 30), 0o755, Kuid(5))
        );
        for bad in [
            "size",
            "size=",
            "size=5x",
            "mode=9",
            "what=1",
            "nr_blocks=99999999999g",
        ] {
            assert!(Options::parse(bad.as_bytes(), None).is_err(), "{bad}");
        }
        let mut shown = std::string::String::new();
        o.show(&mut shown).unwrap();
        assert_eq!(shown, ",mode=755,uid=5");
    }
}
