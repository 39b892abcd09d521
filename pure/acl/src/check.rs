//! The access check (acl(5), "ACCESS CHECK ALGORITHM").
use crate::list::{Acl, Entry, Tag};

/// Who wants to do something with the file.
pub trait Asker {
    /// The asker owns it.
    fn owns(&self) -> bool;
    /// The asker is this user.
    fn is_user(&self, id: u32) -> bool;
    /// The asker is in the file's group.
    fn in_owning_group(&self) -> bool;
    /// The asker is in this group.
    fn in_group(&self, id: u32) -> bool;
}

impl Acl {
    /// Whether the list gives `asker` all of `wanted`. An access that only two groups together give is given by none.
    pub fn gives(&self, wanted: u8, asker: &impl Asker) -> bool {
        let enough = |gives: u8| gives & wanted == wanted;
        let mut in_some_group = false;
        for entry in &self.0 {
            let is_in = match entry.tag {
                Tag::Owner if asker.owns() => return enough(entry.gives()),
                Tag::User if asker.is_user(entry.id) => {
                    return enough(entry.gives() & self.mask());
                }
                Tag::OwningGroup => asker.in_owning_group(),
                Tag::Group => asker.in_group(entry.id),
                Tag::Other => return !in_some_group && enough(entry.gives()),
                Tag::Owner | Tag::User | Tag::Mask => false,
            };
            if is_in && enough(entry.gives()) {
                return enough(self.mask());
            }
            in_some_group |= is_in;
        }
        false
    }

    /// What the mask leaves; all without one.
    fn mask(&self) -> u8 {
        let mask = self.0.iter().rev().find(|entry| entry.tag == Tag::Mask);
        mask.map_or(crate::ALL, Entry::gives)
    }
}
