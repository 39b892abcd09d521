//! What both file systems' mount options have in common: whose the root directory is, and numbers with a suffix.
use abi::{Errno, Result};
use core::fmt::{self, Write};
use cred::{Cred, Kgid, Kuid};

/// The items of `a=b,c=d`. `EINVAL`: one without `=`, or not text.
pub(crate) fn items(text: &[u8]) -> impl Iterator<Item = Result<(&str, &str)>> {
    let items = text.split(|b| *b == b',').filter(|item| !item.is_empty());
    items.map(|item| {
        let item = core::str::from_utf8(item).map_err(|_| Errno::EINVAL)?;
        item.split_once('=').ok_or(Errno::EINVAL)
    })
}

/// Owner and permissions of the root directory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Root {
    pub(crate) mode: u32,
    pub(crate) uid: Kuid,
    pub(crate) gid: Kgid,
}

impl Root {
    /// What it is when nothing is said: `by`'s; without, the superuser's.
    pub(crate) fn new(mode: u32, by: Option<&Cred>) -> Self {
        Self {
            mode,
            uid: by.map_or(Kuid::ROOT, |by| by.fsuid),
            gid: by.map_or(Kgid::ROOT, |by| by.fsgid),
        }
    }

    /// Takes `mode` (its bits in `bits`), `uid` and `gid`, numbers as `by` knows them. `EINVAL`: another option, or a value that
    /// means nothing.
    pub(crate) fn apply(
        &mut self,
        key: &str,
        value: &str,
        bits: u32,
        by: Option<&Cred>,
    ) -> Result<()> {
        let number = || value.parse::<u32>().map_err(|_| Errno::EINVAL);
        match key {
            "mode" => {
                let mode = u32::from_str_radix(value, 8).map_err(|_| Errno::EINVAL)?;
                self.mode = mode & bits;
            }
            "uid" => {
                let uid = number()?;
                let uid = by.map_or(Kuid(uid), |by| by.user_ns.kuid(uid));
                let uid = Some(uid).filter(|uid| uid.is_valid());
                self.uid = uid.ok_or(Errno::EINVAL)?;
            }
            "gid" => {
                let gid = number()?;
                let gid = by.map_or(Kgid(gid), |by| by.user_ns.kgid(gid));
                let gid = Some(gid).filter(|gid| gid.is_valid());
                self.gid = gid.ok_or(Errno::EINVAL)?;
            }
            _ => return Err(Errno::EINVAL),
        }
        Ok(())
    }

    /// Its owner, where it is not the superuser.
    pub(crate) fn show_owner(&self, out: &mut dyn Write) -> fmt::Result {
        if self.uid != Kuid::ROOT {
            write!(out, ",uid={}", self.uid.0)?;
        }
        if self.gid != Kgid::ROOT {
            write!(out, ",gid={}", self.gid.0)?;
        }
        Ok(())
    }
}

/// A number, or a share in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    Number(u64),
    Percent(u64),
}

impl Size {
    /// Reads one with a suffix k, m, g or %. `EINVAL`.
    pub(crate) fn parse(value: &str) -> Result<Self> {
        let digits = value.trim_end_matches(|c: char| !c.is_ascii_digit());
        let number: u64 = digits.parse().map_err(|_| Errno::EINVAL)?;
        let factor = match &value[digits.len()..] {
            "" => 1,
            "k" | "K" => 1 << 10,
            "m" | "M" => 1 << 20,
            "g" | "G" => 1 << 30,
            "%" => return Ok(Self::Percent(number)),
            _ => return Err(Errno::EINVAL),
        };
        let number = number.checked_mul(factor).ok_or(Errno::EINVAL)?;
        Ok(Self::Number(number))
    }
}
