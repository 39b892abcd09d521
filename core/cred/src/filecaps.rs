//! Capabilities of a program's file: the value of `security.capability` (capabilities(7), "File capabilities";
//! `include/uapi/linux/capability.h`).
use crate::caps::CapSet;
use crate::ids::Kuid;
use crate::userns::UserNamespace;
use abi::{Errno, Result};

/// The attribute's name.
pub const CAPABILITY: &[u8] = b"security.capability";

const REVISION_2: u32 = 0x0200_0000;
const REVISION_3: u32 = 0x0300_0000;
const REVISION_MASK: u32 = 0xff00_0000;
const EFFECTIVE: u32 = 1;
const LEN_2: usize = 20;
const LEN_3: usize = 24;

/// What a file gives to who runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileCaps {
    /// Gained, within the bounding set.
    pub permitted: CapSet,
    /// Gained by those who have it inheritable.
    pub inheritable: CapSet,
    /// Whether what is permitted is effective from the start.
    pub effective: bool,
    /// Uid 0 of the user namespace that it counts in, as the file system's own namespace calls it.
    pub root: u32,
}

impl FileCaps {
    /// Reads a value of revision 2 or 3. EINVAL.
    pub fn parse(value: &[u8]) -> Result<Self> {
        let word = |n: usize| {
            value
                .get(n * 4..n * 4 + 4)
                .and_then(|bytes| bytes.try_into().ok())
                .map(u32::from_le_bytes)
                .ok_or(Errno::EINVAL)
        };
        let magic = word(0)?;
        let root = match (magic & REVISION_MASK, value.len()) {
            (REVISION_2, LEN_2) => 0,
            (REVISION_3, LEN_3) => word(5)?,
            _ => return Err(Errno::EINVAL),
        };
        let set = |n: usize| -> Result<CapSet> {
            Ok(CapSet(
                (u64::from(word(n)?) | u64::from(word(n + 2)?) << 32) & CapSet::FULL.0,
            ))
        };
        Ok(Self {
            permitted: set(1)?,
            inheritable: set(2)?,
            effective: magic & EFFECTIVE != 0,
            root,
        })
    }

    /// Whether a value is of revision 2, which names no namespace.
    pub fn is_unnamed(value: &[u8]) -> bool {
        value.len() == LEN_2
    }

    /// `value` as one of revision 3, or of revision 2 if `root` is `None`; `value` was parsed.
    pub fn rename(value: &[u8], root: Option<u32>) -> ([u8; LEN_3], usize) {
        let mut out = [0; LEN_3];
        out[..LEN_2].copy_from_slice(&value[..LEN_2]);
        let flags = u32::from(out[0]) & EFFECTIVE;
        let (revision, len) = match root {
            Some(root) => {
                out[LEN_2..].copy_from_slice(&root.to_le_bytes());
                (REVISION_3, LEN_3)
            }
            None => (REVISION_2, LEN_2),
        };
        out[..4].copy_from_slice(&(revision | flags).to_le_bytes());
        (out, len)
    }
}

impl UserNamespace {
    /// Whether `uid` is uid 0 here or in a namespace around this one.
    pub fn is_under(&self, uid: Kuid) -> bool {
        let mut ns = self;
        loop {
            if ns.has_uid(uid) && ns.uid(uid) == 0 {
                return true;
            }
            match ns.parent() {
                Some(parent) => ns = parent,
                None => return false,
            }
        }
    }
}
