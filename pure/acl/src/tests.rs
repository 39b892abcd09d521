//! Lists that are none, each step of the check, and the mode that follows the list.
extern crate std;
use crate::{Acl, Asker, Entry, Extent, Invalid, Reject, Tag, size_of_value};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::vec;
use std::vec::Vec;

fn entry(tag: Tag, perm: u16, id: u32) -> Entry {
    Entry { tag, perm, id }
}

fn of(entries: &[(Tag, u16, u32)]) -> Acl {
    Acl(entries.iter().map(|e| entry(e.0, e.1, e.2)).collect())
}

const NONE: u32 = u32::MAX;

struct User {
    id: u32,
    groups: BTreeSet<u32>,
    owner: u32,
    group: u32,
}

impl Asker for User {
    fn owns(&self) -> bool {
        self.id == self.owner
    }
    fn is_user(&self, id: u32) -> bool {
        self.id == id
    }
    fn in_owning_group(&self) -> bool {
        self.groups.contains(&self.group)
    }
    fn in_group(&self, id: u32) -> bool {
        self.groups.contains(&id)
    }
}

fn user(id: u32, groups: &[u32]) -> User {
    User {
        id,
        groups: groups.iter().copied().collect(),
        owner: 10,
        group: 20,
    }
}

/// What of the eight sets of rights somebody is given.
fn gives(list: &Acl, who: &User) -> Vec<u8> {
    (0..8).filter(|want| list.gives(*want, who)).collect()
}

#[test]
fn who_is_given_what() {
    let list = of(&[
        (Tag::Owner, 4, NONE),
        (Tag::User, 7, 11),
        (Tag::User, 0, 12),
        (Tag::OwningGroup, 2, NONE),
        (Tag::Group, 4, 21),
        (Tag::Group, 7, 22),
        (Tag::Mask, 6, NONE),
        (Tag::Other, 1, NONE),
    ]);
    assert_eq!(gives(&list, &user(10, &[22])), [0, 4]);
    assert_eq!(gives(&list, &user(11, &[20])), [0, 2, 4, 6]);
    assert_eq!(gives(&list, &user(12, &[22])), [0]);
    assert_eq!(gives(&list, &user(13, &[20])), [0, 2]);
    // Either by one of the groups, both at once by none.
    assert_eq!(gives(&list, &user(13, &[20, 21])), [0, 2, 4]);
    assert_eq!(gives(&list, &user(13, &[21, 22])), [0, 2, 4, 6]);
    assert_eq!(gives(&list, &user(13, &[30])), [0, 1]);
}

#[test]
fn the_mode_follows_the_list_and_the_list_the_mode() {
    let mut list = of(&[
        (Tag::Owner, 6, NONE),
        (Tag::User, 7, 11),
        (Tag::OwningGroup, 5, NONE),
        (Tag::Mask, 4, NONE),
        (Tag::Other, 1, NONE),
    ]);
    assert_eq!(list.mode(), 0o641);
    assert_eq!(list.extent(), Extent::Extended);
    list.chmod(0o4127);
    assert_eq!(list.mode(), 0o127);
    assert_eq!(list.0[2].perm, 5);
    list.limit(0o750);
    assert_eq!(list.mode(), 0o100);
    let mut list = of(&[
        (Tag::Owner, 6, NONE),
        (Tag::OwningGroup, 5, NONE),
        (Tag::Other, 1, NONE),
    ]);
    assert_eq!((list.mode(), list.extent()), (0o651, Extent::Minimal));
    list.limit(0o644);
    assert_eq!(list.mode(), 0o640);
    list.chmod(0o777);
    assert_eq!(list.mode(), 0o777);
}

#[test]
fn values_that_are_no_list() {
    let any = |_: Tag, id: u32| (id != 99).then_some(id);
    let read = |value: &[u8]| Acl::read(value, any);
    assert_eq!(read(b""), Err(Reject::Form));
    assert_eq!(read(b"\x02\0\0"), Err(Reject::Form));
    assert_eq!(read(b"\x01\0\0\0"), Err(Reject::Version));
    assert_eq!(read(b"\x02\0\0\0"), Ok(None));
    assert_eq!(read(b"\x02\0\0\0\x01\0\x07\0\0\0\0"), Err(Reject::Form));
    assert_eq!(read(b"\x02\0\0\0\x03\0\x07\0\0\0\0\0"), Err(Reject::Form));
    assert_eq!(read(b"\x02\0\0\0\x02\0\x07\0\x63\0\0\0"), Err(Reject::Form));
    let list = read(b"\x02\0\0\0\x01\0\x07\0\x63\0\0\0").unwrap().unwrap();
    assert_eq!(list.entries(), [entry(Tag::Owner, 7, NONE)]);
    assert_eq!(list.is_valid(|_| true), Err(Invalid));
}

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    const TAGS: [Tag; 6] = [
        Tag::Owner,
        Tag::User,
        Tag::OwningGroup,
        Tag::Group,
        Tag::Mask,
        Tag::Other,
    ];
    let one = (prop::sample::select(&TAGS[..]), 0_u16..9, 0_u32..4);
    prop::collection::vec(one, 0..8).prop_map(|all| {
        let named = |tag| matches!(tag, Tag::User | Tag::Group);
        all.iter()
            .map(|&(tag, perm, id)| entry(tag, perm, if named(tag) { id } else { NONE }))
            .collect()
    })
}

/// A list that is valid but for what `is_valid` is asked in the tests above.
fn valid() -> impl Strategy<Value = Acl> {
    entries().prop_map(|all| {
        let mut list = vec![entry(Tag::Owner, 5, NONE)];
        let part = |tag| {
            all.iter()
                .filter(move |e| e.tag == tag)
                .map(move |e| entry(tag, e.perm & 7, e.id))
        };
        list.extend(part(Tag::User));
        list.push(entry(Tag::OwningGroup, 6, NONE));
        list.extend(part(Tag::Group));
        if list.len() > 2 || part(Tag::Mask).next().is_some() {
            list.push(entry(Tag::Mask, 3, NONE));
        }
        list.push(entry(Tag::Other, 1, NONE));
        Acl(list)
    })
}

proptest! {
    /// What is valid, counted instead of followed.
    #[test]
    fn valid_is_one_of_each_in_order(all in entries()) {
        let count = |tag| all.iter().filter(|e| e.tag == tag).count();
        let named = count(Tag::User) + count(Tag::Group);
        let one_each = [Tag::Owner, Tag::OwningGroup, Tag::Other].iter().all(|tag| count(*tag) == 1);
        let good = all.is_sorted_by_key(|e| e.tag as u16)
            && one_each
            && count(Tag::Mask) <= 1
            && (named == 0 || count(Tag::Mask) == 1)
            && all.iter().all(|e| e.perm < 8);
        prop_assert_eq!(Acl(all).is_valid(|_| true).is_ok(), good);
    }

    #[test]
    fn what_is_written_is_read(all in entries()) {
        let list = Acl(all);
        let mut value = vec![0; size_of_value(list.entries().len())];
        list.write(&mut value, |_, id| id + 7);
        let again = Acl::read(&value, |_, id| Some(id - 7)).unwrap();
        if list.entries().is_empty() {
            prop_assert_eq!(again, None);
        } else {
            prop_assert_eq!(again, Some(list));
        }
    }

    #[test]
    fn bytes_do_no_harm(value: Vec<u8>) {
        if let Ok(Some(list)) = Acl::read(&value, |_, id| Some(id)) {
            let _ = list.is_valid(|_| true);
            let _ = gives(&list, &user(1, &[2]));
        }
    }

    /// A new file never has more than its mode asks for nor than the default list gives.
    #[test]
    fn a_new_file_gives_no_more(list in valid(), mode in 0_u32..0o1000) {
        prop_assert!(list.is_valid(|_| true).is_ok());
        let mut new = list.try_clone().unwrap();
        new.limit(mode);
        prop_assert_eq!(new.mode(), list.mode() & mode);
        for id in 0..4 {
            for want in 0..8 {
                let who = user(id, &[id + 1]);
                prop_assert!(list.gives(want, &who) || !new.gives(want, &who));
            }
        }
        new.chmod(mode);
        prop_assert_eq!(new.mode(), mode);
        prop_assert!(new.is_valid(|_| true).is_ok());
    }
}
