//! What happens when pages run out: reclaimers give some back; at the end a victim is chosen.
use sync::Once;

/// Can give pages back: the page cache, the dentry cache.
pub trait Reclaim: Sync {
    /// Its name, for reports.
    fn name(&self) -> &'static str;
    /// Frees about `pages` pages if it can without waiting for what the caller may hold; returns how many it freed.
    /// Called in a task that may sleep, one caller at a time per reclaimer not guaranteed.
    fn reclaim(&self, pages: usize) -> usize;
}

/// Can choose a process to kill: the OOM killer, which lives with the tasks.
pub trait VictimSource: Sync {
    /// Kills the process whose end frees most, logs its choice, and waits a moment for it to go. `false`: nobody left.
    fn kill_one(&self) -> bool;
}

const MOST: usize = 8;
static RECLAIMERS: [Once<&'static dyn Reclaim>; MOST] = [const { Once::new() }; MOST];
static VICTIMS: Once<&'static dyn VictimSource> = Once::new();

/// Adds a reclaimer; asked in the order of registration. At most 8, registered at boot; `false` when there is no room.
pub fn register_reclaim(reclaim: &'static dyn Reclaim) -> bool {
    RECLAIMERS.iter().any(|slot| slot.set(reclaim).is_ok())
}

/// Sets who chooses victims; the first one stays.
pub fn register_victims(source: &'static dyn VictimSource) -> bool {
    VICTIMS.set(source).is_ok()
}
