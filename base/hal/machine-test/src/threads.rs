//! Contexts: switching, and threads that run user mode on whatever CPU takes them.

use alloc::boxed::Box;
use alloc::vec;
use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering::SeqCst};

use hal::context::{KernelStack, Thread};
use hal::fpu::FpuState;
use hal::user::Trap;

use crate::user;

const STACK_SIZE: usize = 16 << 10;

pub(crate) struct Stack(Box<[u128]>);

// SAFETY: a box's memory is its owner's and stays where it is.
unsafe impl KernelStack for Stack {
    fn range(&self) -> Range<usize> {
        let start = self.0.as_ptr() as usize;
        start..start + STACK_SIZE
    }
}

fn stack() -> Stack {
    Stack(vec![0; STACK_SIZE / 16].into_boxed_slice())
}

type Slot = AtomicPtr<Thread<Stack>>;

/// Threads by number; they are never freed.
struct Table<const N: usize>([Slot; N]);

impl<const N: usize> Table<N> {
    const fn new() -> Self {
        Self([const { AtomicPtr::new(core::ptr::null_mut()) }; N])
    }
    fn put(&self, index: usize, thread: Thread<Stack>) {
        self.0[index].store(Box::leak(Box::new(thread)), SeqCst);
    }
    fn get(&self, index: usize) -> &'static Thread<Stack> {
        // SAFETY: `put` leaked it.
        unsafe { self.0[index].load(SeqCst).as_ref() }.expect("no such thread")
    }
}

static IDLE: Table<{ hal::MAX_CPUS }> = Table::new();
static THREADS: Table<4> = Table::new();
static MIGRANTS: Table<COUNT> = Table::new();

pub(crate) fn adopt_boot_thread() {
    let mut thread = Thread::boot();
    thread
        .context_mut()
        .set_fpu(FpuState::try_new().expect("memory"));
    IDLE.put(0, thread);
    boot_thread().context().adopt_running();
}

pub(crate) fn adopt_idle_thread(cpu: usize) {
    IDLE.put(cpu, Thread::boot());
    IDLE.get(cpu).context().adopt_running();
}

pub(crate) fn boot_thread() -> &'static Thread<Stack> {
    IDLE.get(0)
}

static TURNS: AtomicU64 = AtomicU64::new(0);

extern "C" fn take_turns(me: usize) -> ! {
    loop {
        TURNS.fetch_add(1, SeqCst);
        assert_eq!(hal::current::get()[0] as usize, me + 1000);
        Thread::switch(THREADS.get(me), boot_thread());
    }
}

extern "C" fn finish(me: usize) -> ! {
    THREADS.get(me).context().set_finishing();
    Thread::switch(THREADS.get(me), boot_thread());
    unreachable!("a finished thread runs")
}

pub(crate) fn switching() {
    for index in 0..3 {
        let mut thread = Thread::new(stack(), take_turns, index);
        thread
            .context_mut()
            .set_current([(index + 1000) as *const (), core::ptr::null(), core::ptr::null()]);
        THREADS.put(index, thread);
    }
    let start = hal::registers::rdtsc();
    for turn in 0..30_000 {
        Thread::switch(boot_thread(), THREADS.get(turn % 3));
    }
    say!(
        "{} ticks a switch",
        (hal::registers::rdtsc() - start) / 60_000
    );
    assert_eq!(TURNS.load(SeqCst), 30_000);
    THREADS.put(3, Thread::new(stack(), finish, 3));
    Thread::switch(boot_thread(), THREADS.get(3));
    assert!(!THREADS.get(3).context().is_running());
    let mut finished = Thread::new(stack(), finish, 0);
    assert!(
        finished.take_stack().is_some(),
        "the stack of a thread that never ran"
    );
}

pub(crate) const COUNT: usize = 6;
const GOAL: u64 = 20_000;
static READY: [AtomicBool; COUNT] = [const { AtomicBool::new(false) }; COUNT];
static SWITCHES: AtomicU64 = AtomicU64::new(0);
static CALLS: AtomicU64 = AtomicU64::new(0);
static INTERRUPTS: AtomicU64 = AtomicU64::new(0);

pub(crate) fn prepare_migrants() {
    for index in 0..COUNT {
        user::map_own_page(index);
        let mut thread = Thread::new(stack(), migrant, index);
        thread
            .context_mut()
            .set_fpu(FpuState::try_new().expect("memory"));
        MIGRANTS.put(index, thread);
        READY[index].store(true, SeqCst);
    }
}

/// Runs user code that checks its own FPU registers and segment bases all the time; changes CPU now and then.
extern "C" fn migrant(index: usize) -> ! {
    let me = MIGRANTS.get(index);
    assert!(user::set_bases(me.context(), index));
    let mut regs = user::migrant_regs(index);
    for turn in index as u64.. {
        if turn % 5 == 0 {
            hal::timer::arm_in(1000 * (turn % 50));
        }
        let _ = hal::irq::disable();
        match hal::user::run(&mut regs, me.context()) {
            Trap::Syscall => {
                CALLS.fetch_add(1, SeqCst);
                if turn % 7 == 0 {
                    assert_eq!(user::xmm(me.context(), 5), regs.rbx);
                }
            }
            Trap::Interrupt => {
                INTERRUPTS.fetch_add(1, SeqCst);
            }
            other => panic!("thread {index}: {other:x?} {regs:x?}"),
        }
        if turn % 11 == 0 {
            me.context()
                .with_fpu_mut(|image| image[160] ^= 1)
                .expect("FPU state");
        }
        if turn % 3 == 0 {
            let _ = hal::irq::disable();
            Thread::switch(me, IDLE.get(hal::cpu::id()));
            hal::irq::enable();
        }
    }
    unreachable!()
}

/// What every CPU does until the threads have been switched often enough.
pub(crate) fn schedule_migrants() {
    let mut next = hal::cpu::id();
    while SWITCHES.load(SeqCst) < GOAL {
        next = (next + 1) % COUNT;
        if READY[next].swap(false, SeqCst) {
            let _ = hal::irq::disable();
            Thread::switch(IDLE.get(hal::cpu::id()), MIGRANTS.get(next));
            hal::irq::enable();
            READY[next].store(true, SeqCst);
            SWITCHES.fetch_add(1, SeqCst);
        }
    }
}

pub(crate) fn migration() {
    schedule_migrants();
    say!(
        "migration: {} calls, {} interrupts",
        CALLS.load(SeqCst),
        INTERRUPTS.load(SeqCst)
    );
}
