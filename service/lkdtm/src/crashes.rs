//! The crashes. Names that Linux has are Linux' own; the others say where it happens.
use abi::Result;
use alloc::boxed::Box;
use sync::{LockClass, Mutex, RwLock, SpinLock, WaitMode, WaitQueue, rank};

/// A name and what it does.
pub(crate) struct Crash {
    pub(crate) name: &'static str,
    pub(crate) cause: fn() -> Result<()>,
}

const fn crash(name: &'static str, cause: fn() -> Result<()>) -> Crash {
    Crash { name, cause }
}

pub(crate) static CRASHES: [Crash; 17] = [
    crash("PANIC", || {
        trace::panic::panic(format_args!("provoke-crash"))
    }),
    crash("BUG", || bug()),
    crash("EXCEPTION", || {
        hal::provoke::write_null();
        Ok(())
    }),
    crash("ACCESS_NULL", || {
        hal::provoke::read_null();
        Ok(())
    }),
    crash("EXEC_NULL", || {
        hal::provoke::call_null();
        Ok(())
    }),
    crash("WRITE_RO", || {
        hal::provoke::write_read_only();
        Ok(())
    }),
    crash("WILD_POINTER", || {
        hal::provoke::read_wild();
        Ok(())
    }),
    crash("EXHAUST_STACK", || {
        trace::pr_info!("provoke-crash: {}", deeper(1));
        Ok(())
    }),
    // With locks held, and where nobody may die alone.
    crash("BUG_IN_SPINLOCK", || {
        let _held = SPIN.lock();
        bug()
    }),
    crash("BUG_IN_INTERRUPT", in_interrupt),
    crash("BUG_IN_KTHREAD", in_kthread),
    crash("BUG_IN_WAIT", || {
        let mut looks = 0;
        let _ = QUEUE.wait(WaitMode::Interruptible, None, || {
            looks += 1;
            (looks > 1).then(|| bug())
        });
        Ok(())
    }),
    // The lock is held for a second first, so that others can come to wait for it.
    crash("BUG_IN_MUTEX", || {
        let _held = MUTEX.lock();
        sleep_a_second();
        bug()
    }),
    crash("TAKE_MUTEX", || {
        drop(MUTEX.lock());
        Ok(())
    }),
    crash("BUG_IN_RWLOCK", || {
        let _held = RWLOCK.write();
        sleep_a_second();
        bug()
    }),
    crash("READ_RWLOCK", || {
        drop(RWLOCK.read());
        Ok(())
    }),
    crash("WRITE_RWLOCK", || {
        drop(RWLOCK.write());
        Ok(())
    }),
];

static CLASS: LockClass = LockClass::new("provoke-crash", rank::NONE);
static SPIN: SpinLock<()> = SpinLock::new(&CLASS, ());
static MUTEX: Mutex<()> = Mutex::new(&CLASS, ());
static RWLOCK: RwLock<()> = RwLock::new(&CLASS, ());
static QUEUE: WaitQueue = WaitQueue::new();

const SECOND_NS: u64 = 1_000_000_000;

fn bug() -> ! {
    panic!("deliberate");
}

fn sleep_a_second() {
    let until = time::monotonic_ns() + SECOND_NS;
    let nothing = || None::<()>;
    let _ = QUEUE.wait(WaitMode::Uninterruptible, Some(until), nothing);
}

fn in_interrupt() -> Result<()> {
    let timer = time::Timer::new(|_| bug())?;
    timer.arm_in(0);
    sleep_a_second();
    Ok(())
}

fn in_kthread() -> Result<()> {
    let body: Box<dyn FnOnce() + Send> = kmem::try_box(|| bug())?;
    let thread = sched::Thread::spawn_kthread("provoked", body)?;
    thread.wait_exit();
    Ok(())
}

#[inline(never)]
#[expect(unconditional_recursion, reason = "that is the crash")]
fn deeper(n: u64) -> u64 {
    let frame = core::hint::black_box([n; 64]);
    deeper(n + 1) + frame[3]
}
