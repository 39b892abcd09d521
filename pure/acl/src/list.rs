//! The list itself, and how it and the mode of a file follow each other (acl(5), "CORRESPONDENCE BETWEEN ACL ENTRIES AND
//! FILE PERMISSION BITS").
use crate::ALL;
use alloc::vec::Vec;
use reserved::Reserved;

/// Whom an entry is about; the numbers are those of the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Tag {
    /// The owner.
    Owner = 1,
    /// A user by id.
    User = 2,
    /// The owning group.
    OwningGroup = 4,
    /// A group by id.
    Group = 8,
    /// The most that named users and all groups get.
    Mask = 16,
    /// Everybody else.
    Other = 32,
}

/// One line of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Whom it is about.
    pub tag: Tag,
    /// What they may: [`READ`](crate::READ), [`WRITE`](crate::WRITE), [`EXECUTE`](crate::EXECUTE).
    pub perm: u16,
    /// Of [`Tag::User`] and [`Tag::Group`], as the caller names ids.
    pub id: u32,
}

impl Entry {
    /// What it gives; only the three bits, which a valid list has alone.
    pub(crate) const fn gives(&self) -> u8 {
        self.perm as u8 & ALL
    }

    const fn set(&mut self, mode: u32) {
        self.perm = (mode & ALL as u32) as u16;
    }
}

/// A list of entries. One read from a value may be any; [`is_valid`](Self::is_valid) says whether it is good.
#[derive(Debug, PartialEq, Eq)]
pub struct Acl(pub(crate) Vec<Entry>);

/// Why a list is none: acl(5), "VALID ACLS".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invalid;

/// There is no room for a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMemory;

/// Whether a list says more than nine bits of a mode can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Owner, group and others alone.
    Minimal,
    /// It has a mask or names somebody.
    Extended,
}

impl Acl {
    /// Its entries in their order.
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// A copy.
    pub fn try_clone(&self) -> Result<Self, NoMemory> {
        let mut entries = Vec::new();
        entries
            .try_reserve_exact(self.0.len())
            .map_err(|_| NoMemory)?;
        entries.extend_reserved(&self.0);
        Ok(Self(entries))
    }

    /// Whether each kind of entry is there as often as it must be, in the order of the values: owner, users, owning group,
    /// groups, mask, others. `names` says whether an id means somebody.
    pub fn is_valid(&self, names: impl Fn(&Entry) -> bool) -> Result<(), Invalid> {
        // The kind of the entry before; a list begins after nobody.
        let mut last = None;
        let mut named = false;
        for entry in &self.0 {
            if entry.perm & !u16::from(ALL) != 0 {
                return Err(Invalid);
            }
            let follows = match entry.tag {
                Tag::Owner => last.is_none(),
                Tag::User => matches!(last, Some(Tag::Owner | Tag::User)) && names(entry),
                Tag::OwningGroup => matches!(last, Some(Tag::Owner | Tag::User)),
                Tag::Group => matches!(last, Some(Tag::OwningGroup | Tag::Group)) && names(entry),
                Tag::Mask => matches!(last, Some(Tag::OwningGroup | Tag::Group)),
                Tag::Other => match last {
                    Some(Tag::Mask) => true,
                    Some(Tag::OwningGroup) => !named,
                    _ => false,
                },
            };
            if !follows {
                return Err(Invalid);
            }
            named |= matches!(entry.tag, Tag::User | Tag::Group);
            last = Some(entry.tag);
        }
        if last == Some(Tag::Other) {
            Ok(())
        } else {
            Err(Invalid)
        }
    }

    /// Whether it says more than a mode.
    pub fn extent(&self) -> Extent {
        let more = |entry: &Entry| matches!(entry.tag, Tag::User | Tag::Group | Tag::Mask);
        if self.0.iter().any(more) {
            Extent::Extended
        } else {
            Extent::Minimal
        }
    }

    /// The nine bits that a file with this list shows: the group's are those of the mask, if there is one.
    pub fn mode(&self) -> u32 {
        self.0.iter().fold(0, |mode, entry| {
            let gives = u32::from(entry.gives());
            match entry.tag {
                Tag::Owner => mode | gives << 6,
                Tag::OwningGroup => mode | gives << 3,
                Tag::Mask => mode & !0o070 | gives << 3,
                Tag::Other => mode | gives,
                Tag::User | Tag::Group => mode,
            }
        })
    }

    /// The entry that the group's bits of a mode stand for.
    fn group_class(&mut self) -> Option<&mut Entry> {
        let mask = self.0.iter().position(|entry| entry.tag == Tag::Mask);
        let group = || {
            self.0
                .iter()
                .position(|entry| entry.tag == Tag::OwningGroup)
        };
        mask.or_else(group).map(|at| &mut self.0[at])
    }

    /// chmod(2): owner, mask (or group) and others become what `mode` says.
    pub fn chmod(&mut self, mode: u32) {
        for entry in &mut self.0 {
            match entry.tag {
                Tag::Owner => entry.set(mode >> 6),
                Tag::Other => entry.set(mode),
                _ => {}
            }
        }
        if let Some(entry) = self.group_class() {
            entry.set(mode >> 3);
        }
    }

    /// Makes a default list the access list of a new file that is asked to have `mode`: neither gives more than the other
    /// (acl(5), "OBJECT CREATION AND DEFAULT ACLS"). The mode's nine bits are then [`mode`](Self::mode).
    pub fn limit(&mut self, mode: u32) {
        let limit = |entry: &mut Entry, mode: u32| entry.perm &= (mode & ALL as u32) as u16;
        for entry in &mut self.0 {
            match entry.tag {
                Tag::Owner => limit(entry, mode >> 6),
                Tag::Other => limit(entry, mode),
                _ => {}
            }
        }
        if let Some(entry) = self.group_class() {
            limit(entry, mode >> 3);
        }
    }
}
