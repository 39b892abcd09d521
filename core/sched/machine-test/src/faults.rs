//! Deliberate bugs: a thread dies of some, the machine of others.
use crate::spawn;
use sync::{LockClass, Mutex, SpinLock};

static CLASS: LockClass = LockClass::new("victim", 0);

/// A bug in a thread that holds a mutex: the thread dies, whoever wants the mutex is told and dies as well.
pub fn bug() {
    static LOCK: Mutex<()> = Mutex::new(&CLASS, ());
    let victim = spawn("victim", || {
        let _held = LOCK.lock();
        panic!("deliberate");
    });
    victim.wait_exit();
    let heir = spawn("heir", || drop(LOCK.lock()));
    heir.wait_exit();
    assert_eq!(trace::oops::count(), 2);
    trace::pr_info!("the machine goes on");
    hal::power::off();
}

/// A bug under a spinlock: nobody could ever take that lock again.
pub fn bug_in_spinlock() {
    static LOCK: SpinLock<()> = SpinLock::new(&CLASS, ());
    spawn("victim", || {
        let _held = LOCK.lock();
        panic!("deliberate");
    })
    .wait_exit();
}

pub fn overflow() {
    spawn("victim", || trace::pr_info!("{}", deeper(1))).wait_exit();
}

#[inline(never)]
#[expect(unconditional_recursion, reason = "that is the test")]
fn deeper(n: u64) -> u64 {
    let frame = core::hint::black_box([n; 64]);
    deeper(n + 1) + frame[3]
}
