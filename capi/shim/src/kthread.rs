//! `linux/kthread.h`: threads that run a function of a module.
//!
//! Specification: kthread_run(9), kthread_stop(9).
use crate::enter::{self, misuse};
use crate::export::exports;
use crate::ledger::{self, Kind, Resource};
use crate::task::{self, Task};
use crate::va_list::{VaList, variadic};
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use kmem::{try_arc, try_box};
use module::Module;
use sched::{CpuSet, Thread};
use trace::pr_warn;

/// A kernel thread of a module.
pub(crate) struct Kthread {
    module: Arc<Module>,
    function: usize,
    data: usize,
    stop: AtomicBool,
    park: AtomicBool,
    parked: AtomicBool,
    /// What `kthread_stop` answers.
    result: AtomicI32,
}

impl Kthread {
    fn run(&self) {
        if self.stop.load(Ordering::SeqCst) {
            return;
        }
        let arguments = [self.data as u64, 0, 0, 0, 0, 0];
        let answer = enter::call(&self.module, self.function, &arguments);
        if let Ok(answer) = answer {
            self.result.store(answer as i32, Ordering::SeqCst);
        }
    }

    /// Asks it to stop and waits until it has; what its function answered.
    fn stop(&self, task: &Task) -> i32 {
        self.stop.store(true, Ordering::SeqCst);
        self.park.store(false, Ordering::SeqCst);
        if !task.start() {
            task.wake();
        }
        task.thread.wait_exit();
        self.result.load(Ordering::SeqCst)
    }
}

/// The kernel thread that a record is of.
fn of(task: &Task) -> Option<Arc<Kthread>> {
    task.kthread.get()?.clone().downcast().ok()
}

/// Kernel threads; the object is the [`Task`].
static KTHREAD: Kind = Kind {
    name: "",
    give_back: |_, resource| {
        if let Some(task) = resource.object::<Task>() {
            if let Some(kthread) = of(&task) {
                if !task.thread.has_exited() {
                    let (name, thread) = (kthread.module.name(), task.thread.name());
                    pr_warn!("{name}: kernel thread {} was not stopped", thread.as_str());
                }
                kthread.stop(&task);
            }
            task::forget(&task);
        }
    },
};

/// Wakes all kernel threads of a module, which may not be entered any more, and asks them to stop.
pub(crate) fn stop_all(module: &Module) {
    ledger::for_each(module, &KTHREAD, |resource| {
        if let Some(task) = resource.object::<Task>()
            && let Some(kthread) = of(&task)
        {
            kthread.stop.store(true, Ordering::SeqCst);
            task.wake();
        }
    });
}

fn make(function: usize, data: usize, name: &str) -> Result<usize> {
    let module = enter::running().ok_or(Errno::EINVAL)?;
    let kthread = try_arc(Kthread {
        module,
        function,
        data,
        stop: AtomicBool::new(false),
        park: AtomicBool::new(false),
        parked: AtomicBool::new(false),
        result: AtomicI32::new(-Errno::EINTR.code()),
    })?;
    let body = kthread.clone();
    let entry = try_box(move || body.run())? as Box<dyn FnOnce() + Send>;
    let thread = Thread::new_kthread(name, entry)?;
    let task = Task::of(thread.clone()).inspect_err(|_| thread.discard())?;
    let _ = task.kthread.set(kthread);
    task.refresh_name();
    let address = task.address();
    let resource = Resource {
        kind: &KTHREAD,
        words: [0; 2],
        object: Some(task),
    };
    ledger::enter_or_undo(address, resource)?;
    Ok(address)
}

fn as_pointer(made: Result<usize>) -> usize {
    made.unwrap_or_else(|e| (-i64::from(e.code())) as usize)
}

fn named(function: usize, data: usize, format: usize, list: &VaList) -> usize {
    let mut name = [0; 15];
    let wanted = crate::print::format_to(&mut name, format, *list);
    let name = &name[..wanted.min(15)];
    enter::must_sleep("kthread_create");
    as_pointer(make(
        function,
        data,
        core::str::from_utf8(name).unwrap_or("kthread"),
    ))
}

extern "C" fn on_node(
    function: usize,
    data: usize,
    _node: i32,
    format: usize,
    list: &VaList,
) -> usize {
    named(function, data, format, list)
}

variadic! {
    /// `kthread_create_on_node(function, data, node, format, ...)`: a thread that runs once it is woken.
    kthread_create_on_node(4, "r8") => on_node;
}

/// The kernel thread behind an address; ends the call when it is none.
fn checked(address: usize) -> (Arc<Task>, Arc<Kthread>) {
    let task = task::checked(address);
    match of(&task) {
        Some(kthread) => (task, kthread),
        None => {
            drop(task);
            misuse("a kthread function for what is no kernel thread")
        }
    }
}

/// The running kernel thread.
fn mine() -> Option<Arc<Kthread>> {
    of(&*task::known()?)
}

/// `kthread_stop(task)`: what its function answered; -EINTR when it never ran.
extern "C" fn kthread_stop(address: usize) -> i32 {
    enter::must_sleep("kthread_stop");
    let (task, kthread) = checked(address);
    if task.is_running() {
        drop((task, kthread));
        misuse("a kernel thread stops itself");
    }
    let result = kthread.stop(&task);
    drop(ledger::take(address, &KTHREAD));
    task::forget(&task);
    result
}

/// `kthread_should_stop()`.
extern "C" fn kthread_should_stop() -> bool {
    mine().is_some_and(|kthread| kthread.stop.load(Ordering::SeqCst))
}

/// `kthread_should_park()`.
extern "C" fn kthread_should_park() -> bool {
    mine().is_some_and(|kthread| kthread.park.load(Ordering::SeqCst))
}

/// `kthread_park(task)`: 0 once it stands in `kthread_parkme`.
extern "C" fn kthread_park(address: usize) -> i32 {
    enter::must_sleep("kthread_park");
    let (task, kthread) = checked(address);
    if task.thread.has_exited() {
        return -Errno::ENOSYS.code();
    }
    kthread.park.store(true, Ordering::SeqCst);
    if !task.start() {
        task.wake();
    }
    let place = Arc::as_ptr(&kthread) as usize;
    let there = || {
        let done = kthread.parked.load(Ordering::SeqCst) || task.thread.has_exited();
        done.then_some(())
    };
    let _ = crate::park::wait(place, sync::WaitMode::Uninterruptible, None, there);
    0
}

/// `kthread_unpark(task)`.
extern "C" fn kthread_unpark(address: usize) {
    let (task, kthread) = checked(address);
    kthread.park.store(false, Ordering::SeqCst);
    task.wake();
}

/// `kthread_parkme()`: stays until it is told to go on.
extern "C" fn kthread_parkme() {
    let Some(kthread) = mine() else {
        misuse("kthread_parkme outside of a kernel thread");
    };
    let place = Arc::as_ptr(&kthread) as usize;
    let parked = kthread.park.load(Ordering::SeqCst);
    kthread.parked.store(parked, Ordering::SeqCst);
    crate::park::wake(place);
    let _ = crate::park::wait(place, sync::WaitMode::Idle, None, || {
        let go = !kthread.park.load(Ordering::SeqCst) || !enter::landing_is_alive();
        go.then_some(())
    });
    kthread.parked.store(false, Ordering::SeqCst);
}

/// `kthread_bind(task, cpu)`: before it runs.
extern "C" fn kthread_bind(address: usize, cpu: u32) {
    let (task, _) = checked(address);
    let cpu = cpu as usize & 63;
    match task.thread.set_allowed(CpuSet::only(cpu)) {
        Ok(()) => task.thread.bind(cpu),
        Err(_) => pr_warn!("kthread_bind: CPU {cpu} is not there"),
    }
}

/// `kthread_complete_and_exit(completion, code)`: the thread's end.
extern "C" fn kthread_complete_and_exit(completion: usize, code: i64) {
    match mine() {
        Some(kthread) => kthread.result.store(code as i32, Ordering::SeqCst),
        None => misuse("kthread_exit outside of a kernel thread"),
    }
    if completion != 0 {
        crate::wait::complete(completion);
    }
    enter::finish();
}

exports![
    kthread_create_on_node,
    kthread_stop,
    kthread_should_stop,
    kthread_should_park,
    kthread_park,
    kthread_unpark,
    kthread_parkme,
    kthread_bind,
    kthread_complete_and_exit,
];
