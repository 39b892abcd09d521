//! How groups are told (fanotify(7)): once for each event, whatever rows of theirs it meets, the mightiest class first.
//!
//! An event of a file meets the rows of the file, of its directory where that watches entries, of the mount it came through
//! and of the file system. Groups are told with no lock of the table held: they may wait for an answer.
use crate::happening::{Group, Happening, Met, Of};
use crate::marks::{self, Mark, SURVIVES, hash_of};
use crate::objects::{Inode, Mount, SuperBlock};
use crate::watcher::{Watcher, address};
use abi::{Result, fan};
use alloc::sync::Arc;
use core::sync::atomic::Ordering;

/// Where rows are looked for.
#[derive(Clone, Copy)]
pub(crate) struct Places<'a> {
    pub(crate) inode: &'a Inode,
    pub(crate) parent: Option<&'a Inode>,
    pub(crate) second: Option<&'a Inode>,
    pub(crate) mount: Option<&'a Mount>,
    pub(crate) sb: &'a SuperBlock,
}

impl<'a> Places<'a> {
    pub(crate) fn of(inode: &'a Inode) -> Self {
        Self {
            inode,
            parent: None,
            second: None,
            mount: None,
            sb: inode.sb(),
        }
    }

    /// Whether there may be a row anywhere.
    pub(crate) fn any_watched(&self) -> bool {
        let watched = |inode: &Inode| inode.watched.load(Ordering::Relaxed);
        watched(self.inode)
            || self.sb.watched.load(Ordering::Relaxed)
            || self.parent.is_some_and(watched)
            || self.second.is_some_and(watched)
            || self
                .mount
                .is_some_and(|m| m.watched.load(Ordering::Relaxed))
    }

    fn each(&self) -> [Option<(usize, Of)>; 5] {
        [
            Some((address(self.inode), Of::INODE)),
            self.mount.map(|m| (address(m), Of::MOUNT)),
            Some((address(self.sb), Of::SUPERBLOCK)),
            self.parent.map(|p| (address(p), Of::PARENT)),
            self.second.map(|s| (address(s), Of::SECOND)),
        ]
    }
}

/// Tells the groups with rows at `places`. The first that refuses ends it; only permission events are refused.
pub(crate) fn tell(places: &Places<'_>, what: &Happening<'_>) -> Result<()> {
    let mut after = None;
    while let Some((group, watcher, met)) = next(places, what.mask, after) {
        after = Some(group);
        let answer = watcher.hear(what, &met);
        if what.mask & fan::PERM_EVENTS != 0 {
            answer?;
        }
    }
    Ok(())
}

/// The next group after one that cares about an event.
fn next(
    places: &Places<'_>,
    mask: u32,
    mut after: Option<Group>,
) -> Option<(Group, Arc<dyn Watcher>, Met)> {
    let mut table = marks::table();
    loop {
        let mut first: Option<Group> = None;
        for (at, _) in places.each().into_iter().flatten() {
            let groups = table
                .iter_hash(hash_of(at))
                .filter(|m| m.at == at)
                .filter_map(|m| m.group);
            for group in groups.filter(|g| after.is_none_or(|after| *g > after)) {
                first = Some(first.map_or(group, |first| first.min(group)));
            }
        }
        let group = first?;
        let mut met = Met {
            mask: 0,
            ignored: 0,
            of: Of::empty(),
        };
        let mut watcher = None;
        for (at, of) in places.each().into_iter().flatten() {
            let rows = table.iter_hash_mut(hash_of(at));
            for row in rows.filter(|m| m.at == at && m.group == Some(group)) {
                meet(row, of, mask, &mut met);
                watcher = Some(row.watcher.clone());
            }
        }
        if mask & met.mask & !met.ignored & fan::ALL_EVENTS != 0 {
            return watcher.map(|watcher| (group, watcher, met));
        }
        // Its rows hold it: this was not the last count.
        drop(watcher);
        after = Some(group);
    }
}

fn meet(row: &mut Mark, of: Of, mask: u32, met: &mut Met) {
    let on_child = fan::FAN_EVENT_ON_CHILD;
    let as_parent = of == Of::PARENT;
    if as_parent && (row.mask | row.ignore_mask()) & on_child == 0 {
        return;
    }
    if mask & fan::FAN_MODIFY != 0 && row.how & SURVIVES == 0 {
        row.ignored = 0;
    }
    let on_dir = mask & fan::FAN_ONDIR != 0;
    let applies = |flags: u32| {
        (!on_dir || flags & fan::FAN_ONDIR != 0) && (!as_parent || flags & on_child != 0)
    };
    if row.ignored & fan::ALL_EVENTS != 0 && applies(row.ignore_mask()) {
        met.ignored |= row.ignored & fan::ALL_EVENTS;
    }
    if applies(row.mask) {
        met.mask |= row.mask;
        met.of |= of;
    }
}
