//! Kinds of mounts (mount_namespaces(7), "Shared subtrees"): who is a peer of whom, and whose slave.
//!
//! A shared mount is a member of a [`PeerGroup`]; so are its copies. A group may have a master group, the same for all its
//! members, whose mounts reach them and not the other way round; a mount that is only a slave has a master of its own. Groups
//! know what is below them weakly, mounts and groups below hold what is above. A group that its last member left has no
//! number any more and is passed over: what is below it belongs to its master. So nobody has to be told, and to leave a group
//! takes no memory.
//!
//! Who changes a kind holds the lock of changes (`mountns`); a mount that is freed leaves without it.
use crate::objects::{Below, Kind, Mount, Path, PeerGroup};
use abi::{Errno, Result};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use kmem::{TryVec, try_arc};
use sync::{LockClass, SpinLock, rank};

static GROUP: LockClass = LockClass::new("mount.group", rank::MOUNT_GROUP);
static NUMBERS: LockClass = LockClass::new("mount.group_numbers", rank::MOUNT_GROUP_NUMBERS);

/// One bit for each number that a group has; the first is never given.
static TAKEN: SpinLock<Vec<u64>> = SpinLock::new(&NUMBERS, Vec::new());

/// The lowest number that no group has. ENOMEM.
fn take_number() -> Result<u32> {
    let mut taken = TAKEN.lock();
    if taken.is_empty() {
        taken.try_push(1)?;
    }
    let word = match taken.iter().position(|word| *word != u64::MAX) {
        Some(word) => word,
        None => {
            taken.try_push(0)?;
            taken.len() - 1
        }
    };
    let bit = taken[word].trailing_ones();
    taken[word] |= 1 << bit;
    Ok(word as u32 * 64 + bit)
}

fn give_number(number: u32) {
    if let Some(word) = TAKEN.lock().get_mut(number as usize / 64) {
        *word &= !(1 << (number % 64));
    }
}

impl PeerGroup {
    /// A group without members. ENOMEM.
    pub(crate) fn new(master: Option<Arc<Self>>) -> Result<Arc<Self>> {
        let number = take_number()?;
        let below = Below {
            number,
            members: Vec::new(),
            slaves: Vec::new(),
            groups: Vec::new(),
        };
        // What is not made is dropped, and gives its number back.
        let group = try_arc(Self {
            master,
            below: SpinLock::new(&GROUP, below),
        })?;
        if let Some(master) = &group.master {
            let weak = Arc::downgrade(&group);
            master.below.lock().groups.try_push(weak)?;
        }
        Ok(group)
    }

    /// Its number; `None` once nobody is in it any more.
    fn number(&self) -> Option<u32> {
        let number = self.below.lock().number;
        (number != 0).then_some(number)
    }

    /// This group, or the first above it that has members.
    pub(crate) fn live(self: Arc<Self>) -> Option<Arc<Self>> {
        let mut group = self;
        while group.number().is_none() {
            group = group.master.clone()?;
        }
        Some(group)
    }

    /// Announces a member. ENOMEM.
    pub(crate) fn add_member(&self, mount: &Arc<Mount>) -> Result<()> {
        self.below.lock().members.try_push(Arc::downgrade(mount))
    }

    fn add_slave(&self, mount: &Arc<Mount>) -> Result<()> {
        self.below.lock().slaves.try_push(Arc::downgrade(mount))
    }

    fn remove_member(&self, mount: &Mount) {
        let mut below = self.below.lock();
        remove(&mut below.members, mount);
        if below.members.is_empty() {
            let number = core::mem::take(&mut below.number);
            drop(below);
            give_number(number);
        }
    }

    /// Takes it off its master's list; answers the master.
    fn unlist(&mut self) -> Option<Arc<Self>> {
        let master = self.master.take()?;
        let is_there = |group: &Weak<Self>| group.strong_count() != 0;
        master.below.lock().groups.retain(is_there);
        Some(master)
    }
}

impl Drop for PeerGroup {
    fn drop(&mut self) {
        if let Some(number) = self.number() {
            give_number(number);
        }
        // One after the other: those above may be many that nobody else holds.
        let mut next = self.unlist();
        while let Some(mut last) = next.and_then(Arc::into_inner) {
            next = last.unlist();
        }
    }
}

fn remove(list: &mut Vec<Weak<Mount>>, mount: &Mount) {
    let is_it = |one: &Weak<Mount>| core::ptr::eq(one.as_ptr(), mount);
    if let Some(at) = list.iter().position(is_it) {
        list.swap_remove(at);
    }
}

impl Mount {
    pub(crate) fn kind(&self) -> Kind {
        self.kind.lock().clone()
    }

    pub(crate) fn is_shared(&self) -> bool {
        matches!(*self.kind.lock(), Kind::Shared(_))
    }

    pub(crate) fn is_unbindable(&self) -> bool {
        matches!(*self.kind.lock(), Kind::Unbindable)
    }

    /// A private mount becomes one of this kind. ENOMEM.
    pub(crate) fn join(self: &Arc<Self>, kind: Kind) -> Result<()> {
        match &kind {
            Kind::Shared(group) => group.add_member(self)?,
            Kind::Slave(master) => master.add_slave(self)?,
            Kind::Private | Kind::Unbindable => {}
        }
        *self.kind.lock() = kind;
        Ok(())
    }

    /// It is of another kind, which knows it already, and leaves its old one.
    fn turn(&self, kind: Kind) {
        let old = core::mem::replace(&mut *self.kind.lock(), kind);
        match &old {
            Kind::Shared(group) => group.remove_member(self),
            Kind::Slave(master) => remove(&mut master.below.lock().slaves, self),
            Kind::Private | Kind::Unbindable => {}
        }
    }

    /// It becomes private (`MS_PRIVATE`).
    pub(crate) fn make_private(&self) {
        self.turn(Kind::Private);
    }

    /// It becomes unbindable (`MS_UNBINDABLE`).
    pub(crate) fn make_unbindable(&self) {
        self.turn(Kind::Unbindable);
    }

    /// Tells a shared mount's group that it will be a slave of it. ENOMEM.
    pub(crate) fn announce_slave(self: &Arc<Self>) -> Result<()> {
        match self.kind() {
            Kind::Shared(group) => group.add_slave(self),
            _ => Ok(()),
        }
    }

    /// Takes back what [`announce_slave`](Self::announce_slave) told.
    pub(crate) fn withdraw_slave(&self) {
        if let Kind::Shared(group) = self.kind() {
            remove(&mut group.below.lock().slaves, self);
        }
    }

    /// A shared mount that was announced becomes a slave of those that were its peers, or of their master (`MS_SLAVE`).
    pub(crate) fn make_slave(&self) {
        if let Kind::Shared(group) = self.kind() {
            self.turn(Kind::Slave(group));
        }
    }

    /// A group for it to become a member of; `None`: it is in one. ENOMEM.
    pub(crate) fn group_to_be(self: &Arc<Self>) -> Result<Option<Arc<PeerGroup>>> {
        let master = match self.kind() {
            Kind::Shared(_) => return Ok(None),
            Kind::Slave(master) => master.live(),
            Kind::Private | Kind::Unbindable => None,
        };
        let group = PeerGroup::new(master)?;
        group.add_member(self)?;
        Ok(Some(group))
    }

    /// It becomes a member of what [`group_to_be`](Self::group_to_be) made (`MS_SHARED`).
    pub(crate) fn make_shared(&self, group: Arc<PeerGroup>) {
        self.turn(Kind::Shared(group));
    }
}

/// What `/proc/PID/mountinfo` says of a mount's kind.
#[derive(Clone, Copy, Debug, Default)]
pub struct Propagation {
    /// The number of its peer group.
    pub shared: Option<u32>,
    /// The number of the group whose slave it is.
    pub master: Option<u32>,
    /// The nearest group above that can be seen, where that is not the master.
    pub from: Option<u32>,
    /// It can't be bound.
    pub unbindable: bool,
}

impl Mount {
    /// Of what kind it is, for a process whose root is `root`. ENOMEM.
    pub fn propagation(&self, root: &Path) -> Result<Propagation> {
        let mut said = Propagation::default();
        let mut above = match self.kind() {
            Kind::Private => None,
            Kind::Unbindable => {
                said.unbindable = true;
                None
            }
            Kind::Shared(group) => {
                said.shared = group.number();
                group.master.clone()
            }
            Kind::Slave(master) => Some(master),
        };
        while let Some(group) = above.and_then(PeerGroup::live) {
            let number = group.number();
            said.master = said.master.or(number);
            if group.is_seen(self, root)? {
                said.from = number.filter(|_| number != said.master);
                break;
            }
            above = group.master.clone();
        }
        Ok(said)
    }
}

impl PeerGroup {
    /// Whether a member is in the namespace of `mount` and below `root`. ENOMEM.
    fn is_seen(&self, mount: &Mount, root: &Path) -> Result<bool> {
        let mut members = Vec::new();
        {
            let below = self.below.lock();
            members
                .try_reserve(below.members.len())
                .map_err(|_| Errno::ENOMEM)?;
            for member in below.members.iter().filter_map(Weak::upgrade) {
                members.try_push(member)?;
            }
        }
        let ns = mount.ns.get().map(Weak::as_ptr);
        let here = |member: &&Arc<Mount>| member.ns.get().map(Weak::as_ptr) == ns;
        Ok(members
            .iter()
            .filter(here)
            .any(|member| member.root_path().is_below(root)))
    }
}

impl Path {
    /// Whether it can be reached from `root`, going down alone.
    pub(crate) fn is_below(&self, root: &Self) -> bool {
        let mut at = self.clone();
        while !Arc::ptr_eq(&at.mnt, &root.mnt) {
            match at.mnt.place() {
                Some(place) => at = place,
                None => return false,
            }
        }
        root.dentry.is_ancestor_of(&at.dentry)
    }
}
