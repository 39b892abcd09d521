//! The objects of one kind in a namespace: by id without a lock, by key under one.
//!
//! Objects stand in a tree of three levels by their index. Its nodes are made when they are first needed and stay; a place
//! is read as RCU has it.
use crate::ids::{self, Ids, index_of};
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicI32, Ordering::Relaxed};
use kmem::TryVec;
use sync::rcu::{Deferred, Rcu};
use sync::{LockClass, Once, SpinLock, rank};

static BOOK: LockClass = LockClass::new("sysvipc.table", rank::SYSV_TABLE);
static SPARE: LockClass = LockClass::new("sysvipc.spare", rank::NONE);

/// Entries of a node: three levels make 32768.
const WIDTH: usize = 32;

struct Leaf<T>([Rcu<T>; WIDTH]);
struct Node<T>([Once<Box<T>>; WIDTH]);

impl<T> Node<T> {
    const fn new() -> Self {
        Self([const { Once::new() }; WIDTH])
    }
    /// The child at `place`, made by `make` if need be. `ENOMEM`.
    fn child(&self, place: usize, make: fn() -> T) -> Result<&T> {
        if self.0[place].get().is_none() {
            // Made by one at a time: under the table's lock.
            let _ = self.0[place].set(kmem::try_box(make())?);
        }
        self.0[place]
            .get()
            .map(|child| &**child)
            .ok_or(Errno::ENOMEM)
    }
    fn get(&self, place: usize) -> Option<&T> {
        self.0[place].get().map(|child| &**child)
    }
}

/// What every object has: its id, and what lets it go without memory.
pub(crate) struct Head {
    id: AtomicI32,
    spare: SpinLock<Option<Box<Deferred>>>,
}

impl Head {
    /// `ENOMEM`.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            id: AtomicI32::new(-1),
            spare: SpinLock::new(&SPARE, Some(kmem::try_box(Deferred::empty())?)),
        })
    }
    /// Its id.
    #[inline]
    pub(crate) fn id(&self) -> i32 {
        self.id.load(Relaxed)
    }
}

/// An object of a table.
pub(crate) trait Object: Send + Sync + 'static {
    fn head(&self) -> &Head;
}

struct Book {
    ids: Ids,
    /// Keys with the ids of their objects, sorted.
    keys: Vec<(i32, i32)>,
    /// What all objects weigh: pages, semaphores.
    weight: u64,
}

/// See the module.
pub(crate) struct Table<T: Object> {
    book: SpinLock<Book>,
    tree: Box<Node<Node<Leaf<T>>>>,
}

/// What limits a new object.
pub(crate) struct Room {
    /// Most objects.
    pub(crate) most: u32,
    /// What this one weighs,
    pub(crate) weight: u64,
    /// and all may weigh together.
    pub(crate) most_weight: u64,
}

/// The key of an object that nobody finds by a key.
pub(crate) const IPC_PRIVATE: i32 = 0;

impl<T: Object> Table<T> {
    /// An empty one. `ENOMEM`.
    pub(crate) fn new() -> Result<Self> {
        let book = Book {
            ids: Ids::default(),
            keys: Vec::new(),
            weight: 0,
        };
        Ok(Self {
            book: SpinLock::new(&BOOK, book),
            tree: kmem::try_box(Node::new())?,
        })
    }

    fn place(&self, index: u32) -> Option<&Rcu<T>> {
        let index = index as usize;
        let leaf = self.tree.get(index / (WIDTH * WIDTH))?;
        let leaf = leaf.get(index / WIDTH % WIDTH)?;
        Some(&leaf.0[index % WIDTH])
    }

    fn make_place(&self, index: u32) -> Result<&Rcu<T>> {
        let index = index as usize;
        let node = self.tree.child(index / (WIDTH * WIDTH), Node::new)?;
        let make = || Leaf([const { Rcu::empty() }; WIDTH]);
        let leaf = node.child(index / WIDTH % WIDTH, make)?;
        Ok(&leaf.0[index % WIDTH])
    }

    /// The object at an index, whatever its sequence number. `EINVAL`: none.
    pub(crate) fn at(&self, index: i32) -> Result<Arc<T>> {
        let place = u32::try_from(index).ok().map(|_| index_of(index));
        place
            .and_then(|index| self.place(index)?.load_arc())
            .ok_or(Errno::EINVAL)
    }

    /// The object of an id. `EINVAL`: there is none, or another has its index by now.
    #[inline]
    pub(crate) fn get(&self, id: i32) -> Result<Arc<T>> {
        let object = self.at(id)?;
        if object.head().id() == id {
            Ok(object)
        } else {
            Err(Errno::EINVAL)
        }
    }

    /// The object of a key.
    pub(crate) fn find(&self, key: i32) -> Option<Arc<T>> {
        let id = {
            let book = self.book.lock();
            let at = book.keys.binary_search_by_key(&key, |(key, _)| *key).ok()?;
            book.keys[at].1
        };
        self.get(id).ok()
    }

    /// Puts an object in; its id.
    ///
    /// # Errors
    /// `EEXIST`: there is one of that key; `ENOSPC`: too many, or they weigh too much; `ENOMEM`.
    pub(crate) fn insert(&self, object: &Arc<T>, key: i32, room: &Room) -> Result<i32> {
        let mut book = self.book.lock();
        let book = &mut *book;
        let at = book.keys.binary_search_by_key(&key, |(key, _)| *key);
        let at = match at {
            Ok(_) => return Err(Errno::EEXIST),
            Err(at) => (key != IPC_PRIVATE).then_some(at),
        };
        let weight = book.weight.checked_add(room.weight);
        let weight = weight.filter(|weight| *weight <= room.most_weight);
        let weight = weight.ok_or(Errno::ENOSPC)?;
        let id = book.ids.take(room.most)?;
        let kept = self.make_place(index_of(id)).and_then(|place| {
            if let Some(at) = at {
                book.keys.try_insert(at, (key, id))?;
            }
            Ok(place)
        });
        let place = match kept {
            Ok(place) => place,
            Err(error) => {
                book.ids.give(id);
                return Err(error);
            }
        };
        book.weight = weight;
        object.head().id.store(id, Relaxed);
        // The place was empty: its index was free.
        drop(place.swap(Some(object.clone())));
        Ok(id)
    }

    /// Nobody finds it by its key from now on.
    pub(crate) fn forget_key(&self, key: i32, id: i32) {
        let mut book = self.book.lock();
        book.forget(key, id);
    }

    /// Takes an object out; false: it was not there any more.
    pub(crate) fn remove(&self, object: &T, key: i32, weight: u64) -> bool {
        let id = object.head().id();
        let Some(place) = self.place(index_of(id)) else {
            return false;
        };
        let spare = object.head().spare.lock().take();
        let Some(spare) = spare else {
            return false; // somebody else does
        };
        let gone = {
            let mut book = self.book.lock();
            book.forget(key, id);
            let gone = place.swap(None);
            book.ids.give(id);
            book.weight -= weight.min(book.weight);
            gone
        };
        gone.defer(spare);
        true
    }

    /// The first object whose index is at least `from`, and its index.
    pub(crate) fn next(&self, from: u32) -> Option<(u32, Arc<T>)> {
        let mut from = from;
        loop {
            let index = self.book.lock().ids.next_used(from)?;
            if let Some(object) = self.place(index).and_then(Rcu::load_arc) {
                return Some((index, object));
            }
            from = index + 1;
        }
    }

    /// How many there are, the highest index, what all weigh.
    pub(crate) fn totals(&self) -> (u32, usize, u64) {
        let book = self.book.lock();
        let highest = book.ids.highest().unwrap_or(0);
        (book.ids.in_use(), highest as usize, book.weight)
    }

    /// What id the next object is to have (`*_next_id`); -1: any.
    pub(crate) fn wanted(&self) -> i32 {
        self.book.lock().ids.wanted.unwrap_or(-1)
    }
    pub(crate) fn want(&self, id: i32) {
        self.book.lock().ids.wanted = (id >= 0).then_some(id);
    }
}

impl Book {
    fn forget(&mut self, key: i32, id: i32) {
        let at = self.keys.binary_search(&(key, id));
        if let (Ok(at), true) = (at, key != IPC_PRIVATE) {
            self.keys.remove(at);
        }
    }
}

const _: () = assert!(WIDTH * WIDTH * WIDTH == ids::MOST as usize);

#[cfg(test)]
mod tests {
    use super::*;

    struct Thing(Head);
    impl Object for Thing {
        fn head(&self) -> &Head {
            &self.0
        }
    }

    const ROOM: Room = Room {
        most: 100,
        weight: 2,
        most_weight: 9,
    };

    fn thing() -> Arc<Thing> {
        Arc::new(Thing(Head::new().unwrap()))
    }

    #[test]
    fn by_key_and_by_id() {
        let table = Table::new().unwrap();
        let (a, b) = (thing(), thing());
        let id = table.insert(&a, 7, &ROOM).unwrap();
        assert_eq!(table.insert(&b, 7, &ROOM), Err(Errno::EEXIST));
        assert!(Arc::ptr_eq(&table.find(7).unwrap(), &a));
        assert!(Arc::ptr_eq(&table.get(id).unwrap(), &a));
        assert_eq!(table.get(id + 32768).err(), Some(Errno::EINVAL));
        assert_eq!(table.get(id + 1).err(), Some(Errno::EINVAL));
        assert_eq!(table.get(-1).err(), Some(Errno::EINVAL));
        assert!(table.remove(&a, 7, 2));
        assert!(!table.remove(&a, 7, 2));
        assert!(table.find(7).is_none());
        assert_eq!(table.totals(), (0, 0, 0));
    }

    #[test]
    fn weight_and_private_keys() {
        let table = Table::new().unwrap();
        for n in 0..4 {
            assert_eq!(table.insert(&thing(), IPC_PRIVATE, &ROOM), Ok(n));
        }
        assert_eq!(
            table.insert(&thing(), IPC_PRIVATE, &ROOM),
            Err(Errno::ENOSPC)
        );
        assert!(table.find(IPC_PRIVATE).is_none());
        assert_eq!(table.totals(), (4, 3, 8));
        assert_eq!(table.next(2).map(|(index, _)| index), Some(2));
    }
}
