//! Mount options (tmpfs(5)).
use crate::said::{Root, Size, items};
use abi::{PAGE_SIZE, Result};
use core::fmt::Write;
use cred::Cred;

/// What `mount -o` said; `None` is the default.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// Most pages; 0 is no limit.
    pub(crate) pages: Option<u64>,
    /// Most inodes; 0 is no limit.
    pub(crate) inodes: Option<u64>,
    pub(crate) root: Root,
}

impl Options {
    /// Reads `a=b,c=d`, said by `by`, whose the root directory is; without, root. EINVAL: an option or value that means
    /// nothing.
    pub(crate) fn parse(text: &[u8], by: Option<&Cred>) -> Result<Self> {
        let mut options = Self {
            pages: None,
            inodes: None,
            root: Root::new(0o1777, by),
        };
        for item in items(text) {
            let (key, value) = item?;
            match key {
                "size" => options.pages = Some(size(value)?.div_ceil(PAGE_SIZE as u64)),
                "nr_blocks" => options.pages = Some(size(value)?),
                "nr_inodes" => options.inodes = Some(size(value)?),
                // One policy of huge pages and NUMA is all there is.
                "huge" if value == "never" => {}
                "mpol" if value == "default" => {}
                _ => options.root.apply(key, value, 0o7777, by)?,
            }
        }
        Ok(options)
    }

    /// The options of the root directory that differ from the default.
    pub(crate) fn show(&self, out: &mut dyn Write) -> core::fmt::Result {
        if self.root.mode != 0o1777 {
            write!(out, ",mode={:03o}", self.root.mode)?;
        }
        self.root.show_owner(out)
    }
}

/// A number; a share is of the machine's memory.
fn size(value: &str) -> Result<u64> {
    match Size::parse(value)? {
        Size::Number(number) => Ok(number),
        Size::Percent(percent) => {
            let memory = (kmem::frame::stats().total * PAGE_SIZE) as u64;
            Ok(memory / 100 * percent.min(100))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cred::Kuid;

    #[test]
    fn reads_what_mount_says() {
        let o = Options::parse(b"size=10k,mode=755,,nr_inodes=1g,uid=5", None).unwrap();
        assert_eq!(
            (o.pages, o.inodes, o.root.mode, o.root.uid),
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
