//! What happens when pages run out: reclaimers give some back; at the end a victim is chosen.
use crate::frame::Gfp;
use core::sync::atomic::{AtomicUsize, Ordering};
use sync::{LockClass, Mutex, Once, rank};

/// Can give pages back: the page cache, the dentry cache.
pub trait Reclaim: Sync {
    /// Its name, for reports.
    fn name(&self) -> &'static str;
    /// Frees about `pages` pages if it can without waiting for a lock that an allocating caller may hold (so: by
    /// `try_lock`); returns how many it freed. Called in a task that may sleep, by one caller at a time.
    fn reclaim(&self, pages: usize) -> usize;
}

/// Can choose a process to kill: the OOM killer, which lives with the tasks.
pub trait VictimSource: Sync {
    /// Kills the process whose end frees most, logs its choice, and waits a moment for it to go. `false`: nobody left,
    /// or the caller itself is dying, so that its allocation should fail now.
    fn kill_one(&self) -> bool;
}

const MOST: usize = 8;
static RECLAIMERS: [Once<&'static dyn Reclaim>; MOST] = [const { Once::new() }; MOST];
static VICTIMS: Once<&'static dyn VictimSource> = Once::new();

/// Gives free pages back that the caches of objects hold; asked last, since reclaimers free objects.
static SHRINK: Once<fn()> = Once::new();

/// Sets what gives free pages of caches back; the first one stays.
pub(crate) fn set_shrink(shrink: fn()) {
    let _ = SHRINK.set(shrink);
}

/// Takes back what all CPUs keep at hand.
static DRAIN: Once<fn()> = Once::new();

/// Sets what does so: all that stands above.
#[cfg(target_os = "none")]
pub(crate) fn set_drain(drain: fn()) {
    let _ = DRAIN.set(drain);
}

/// Adds a reclaimer; asked in the order of registration. At most 8, registered at boot; `false` when there is no room.
pub fn register_reclaim(reclaim: &'static dyn Reclaim) -> bool {
    RECLAIMERS.iter().any(|slot| slot.set(reclaim).is_ok())
}

/// Sets who chooses victims; the first one stays.
pub fn register_victims(source: &'static dyn VictimSource) -> bool {
    VICTIMS.set(source).is_ok()
}

/// How often pages ran out and reclaim was asked.
static DIRECT_RECLAIMS: AtomicUsize = AtomicUsize::new(0);
/// How many victims were chosen.
static KILLS: AtomicUsize = AtomicUsize::new(0);

/// Direct reclaims and OOM kills since boot (Linux' `allocstall` and `oom_kill`).
pub fn counts() -> (usize, usize) {
    (
        DIRECT_RECLAIMS.load(Ordering::Relaxed),
        KILLS.load(Ordering::Relaxed),
    )
}

/// Pages asked of the reclaimers per round.
const ROUND: usize = 64;
/// Rounds before an allocation gives up: a victim needs a moment to die.
const ROUNDS: usize = 32;

/// Asks the reclaimers until they have nothing more. Returns how many pages they gave. In task context.
pub(crate) fn reclaim_all() -> usize {
    let mut freed = 0;
    for reclaimer in RECLAIMERS.iter().filter_map(Once::get) {
        loop {
            match reclaimer.reclaim(ROUND) {
                0 => break,
                n => freed += n,
            }
        }
    }
    freed
}

static RECLAIM_CLASS: LockClass = LockClass::new("reclaim", rank::NONE);
/// One at a time makes memory; the others wait for it and try again.
static RECLAIMING: Mutex<()> = Mutex::new(&RECLAIM_CLASS, ());
/// Who does: the running thread's word, so that a reclaimer that allocates does not come in again.
static OWNER: AtomicUsize = AtomicUsize::new(0);

fn me() -> usize {
    hal::current::get()[0] as usize
}

/// Makes memory until `alloc` succeeds, as far as `gfp` and the caller's context allow.
#[cold]
pub(crate) fn retry<T>(gfp: Gfp, mut alloc: impl FnMut() -> Option<T>) -> Option<T> {
    let again = me() != 0 && OWNER.load(Ordering::Relaxed) == me();
    if !gfp.may_reclaim() || !sync::context::may_sleep() || again {
        return None;
    }
    let _lock = RECLAIMING.lock();
    if let Some(got) = alloc() {
        return Some(got);
    }
    OWNER.store(me(), Ordering::Relaxed);
    DIRECT_RECLAIMS.fetch_add(1, Ordering::Relaxed);
    let got = make_room(gfp, alloc);
    OWNER.store(0, Ordering::Relaxed);
    got
}

fn make_room<T>(gfp: Gfp, mut alloc: impl FnMut() -> Option<T>) -> Option<T> {
    // Before anybody loses anything: what CPUs keep at hand.
    if let Some(drain) = DRAIN.get() {
        drain();
    }
    if let Some(got) = alloc() {
        return Some(got);
    }
    for _ in 0..ROUNDS {
        let freed: usize = RECLAIMERS
            .iter()
            .filter_map(Once::get)
            .map(|r| r.reclaim(ROUND))
            .sum();
        if let Some(shrink) = SHRINK.get() {
            shrink();
        }
        if let Some(got) = alloc() {
            return Some(got);
        }
        if freed == 0 && !(gfp.may_kill() && kill_one()) {
            return None;
        }
    }
    None
}

fn kill_one() -> bool {
    let killed = VICTIMS.get().is_some_and(|v| v.kill_one());
    if killed {
        KILLS.fetch_add(1, Ordering::Relaxed);
    }
    killed
}
