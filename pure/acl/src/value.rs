//! The value of `system.posix_acl_access` and `system.posix_acl_default`: four bytes of version, then eight bytes for each
//! entry: tag, permissions, id, all with the lowest byte first.
use crate::list::{Acl, Entry, Tag};
use alloc::vec::Vec;
use reserved::Reserved;

const VERSION: u32 = 2;
const HEADER: usize = 4;
const ENTRY: usize = 8;
/// The id of an entry that names nobody.
const NO_ID: u32 = u32::MAX;

/// Why a value carries no list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reject {
    /// Of another version.
    Version,
    /// Too short, of a broken length, of an unknown tag, of an id that is nobody's.
    Form,
    /// There is no room for it.
    NoMemory,
}

/// The length of the value for so many entries.
pub const fn size_of_value(entries: usize) -> usize {
    HEADER + entries * ENTRY
}

fn half(bytes: &[u8]) -> u16 {
    bytes
        .first_chunk()
        .map_or(0, |chunk| u16::from_le_bytes(*chunk))
}

fn word(bytes: &[u8]) -> u32 {
    bytes
        .first_chunk()
        .map_or(0, |chunk| u32::from_le_bytes(*chunk))
}

const fn tag(number: u16) -> Option<Tag> {
    Some(match number {
        1 => Tag::Owner,
        2 => Tag::User,
        4 => Tag::OwningGroup,
        8 => Tag::Group,
        16 => Tag::Mask,
        32 => Tag::Other,
        _ => return None,
    })
}

impl Acl {
    /// The list that a value carries, `None` for one without entries. `id` turns the id of a named user or group into what
    /// the caller keeps.
    pub fn read(
        value: &[u8],
        id: impl Fn(Tag, u32) -> Option<u32>,
    ) -> Result<Option<Self>, Reject> {
        let entries = value.get(HEADER..).ok_or(Reject::Form)?;
        if word(value) != VERSION {
            return Err(Reject::Version);
        }
        if entries.len() % ENTRY != 0 {
            return Err(Reject::Form);
        }
        if entries.is_empty() {
            return Ok(None);
        }
        let mut list = Vec::new();
        list.try_reserve_exact(entries.len() / ENTRY)
            .map_err(|_| Reject::NoMemory)?;
        for bytes in entries.chunks_exact(ENTRY) {
            let tag = tag(half(bytes)).ok_or(Reject::Form)?;
            let id = match tag {
                Tag::User | Tag::Group => id(tag, word(&bytes[4..])).ok_or(Reject::Form)?,
                _ => NO_ID,
            };
            list.push_reserved(Entry {
                tag,
                perm: half(&bytes[2..]),
                id,
            });
        }
        Ok(Some(Self(list)))
    }

    /// Writes the value into `out`, which is [`size_of_value`] long; `id` turns ids back.
    pub fn write(&self, out: &mut [u8], id: impl Fn(Tag, u32) -> u32) {
        let Some((header, entries)) = out.split_at_mut_checked(HEADER) else {
            return;
        };
        header.copy_from_slice(&VERSION.to_le_bytes());
        for (bytes, entry) in entries.chunks_exact_mut(ENTRY).zip(&self.0) {
            let named = matches!(entry.tag, Tag::User | Tag::Group);
            let id = if named {
                id(entry.tag, entry.id)
            } else {
                NO_ID
            };
            bytes[..2].copy_from_slice(&(entry.tag as u16).to_le_bytes());
            bytes[2..4].copy_from_slice(&entry.perm.to_le_bytes());
            bytes[4..].copy_from_slice(&id.to_le_bytes());
        }
    }
}
