//! What a task's communication costs (`/proc/PID/ipc_cost`), while somebody wants to know (`/proc/sys/kernel/ipc_cost`).
//!
//! The way into a system call has one NOP for this. When it is a jump it leads here, where the call is made as ever and
//! what it did is added up: to the task, which alone writes its sums, and to the open files that the call names. Most of
//! it is known from the call's number, arguments and result; what is not, and how long the thread was away, is noted at
//! its place ([`sync::cost`]). Faults of user mode come here in the same way.
use crate::calls;
use crate::cost_rules::{Bytes, Rule, Wait};
use crate::cx::Cx;
use crate::objects::{Process, Task};
use sync::cost::{Noted, noted};
use sync::{LockClass, Mutex, rank};
use vfs::Cost;

static CLASS: LockClass = LockClass::new("ipc-cost", rank::NONE);
static ON: Mutex<bool> = Mutex::new(&CLASS, false);

/// Begins to count, or ends it; sums stay. May sleep.
pub fn set(on: bool) {
    let mut now = ON.lock();
    if core::mem::replace(&mut *now, on) != on {
        if on {
            sync::cost::begin();
        } else {
            sync::cost::end();
        }
    }
}

/// Makes the call that the registers ask for, puts its result into `rax`, and counts it.
#[cold]
#[inline(never)]
pub(crate) fn counted_call(cx: &mut Cx) {
    let number = cx.regs.orig_rax as u32;
    let arguments = [cx.regs.rdi, cx.regs.rsi, cx.regs.rdx].map(|a| a as usize);
    let rule = Rule::of(number);
    for (place, at) in cx.counted.iter_mut().zip(rule.files) {
        *place = cx.files.get(arguments[usize::from(*at)] as i32).ok();
    }
    let crossing = Cost {
        calls: 1,
        ..Cost::default()
    };
    cx.task.cost.add_alone(&crossing);
    let before = noted();
    let answer = calls::call(cx.calls, cx);
    cx.regs.rax = answer;
    let mut cost = rule.cost(&arguments, answer, &noted().since(&before));
    let files = core::mem::take(&mut cx.counted);
    // A call that has seen the end of counting is left out.
    if sync::cost::is_on() {
        cx.task.cost.add_alone(&cost);
        cost.calls = 1;
        for file in files.iter().flatten() {
            file.add_cost(&cost);
        }
    }
}

/// Resolves a fault that the task took in user mode, and counts it.
#[cold]
#[inline(never)]
pub(crate) fn counted_fault(cx: &mut Cx, resolve: impl FnOnce(&mut Cx)) {
    let before = noted();
    resolve(cx);
    let did = noted().since(&before);
    let cost = Cost {
        faults: 1,
        referenced: did.referenced,
        lock_ns: did.locked_ns,
        ..Cost::default()
    };
    if sync::cost::is_on() {
        cx.task.cost.add_alone(&cost);
    }
}

impl Rule {
    /// What a call cost besides its crossing.
    fn cost(&self, arguments: &[usize; 3], answer: u64, did: &Noted) -> Cost {
        let done = usize::try_from(answer as i64).ok();
        let mut cost = Cost {
            copied_in: did.copied_in,
            copied_out: did.copied_out,
            copied_inside: did.copied_inside,
            referenced: did.referenced,
            passed: did.passed,
            lock_ns: did.locked_ns,
            ..Cost::default()
        };
        match (self.bytes, done) {
            (Bytes::In, Some(n)) => cost.copied_in += n as u64,
            (Bytes::Out, Some(n)) => cost.copied_out += n as u64,
            (Bytes::Inside, Some(n)) => cost.copied_inside += n as u64,
            (Bytes::InAll(at), Some(_)) => cost.copied_in += arguments[usize::from(at)] as u64,
            _ => {}
        }
        let away = did.parked_ns.saturating_sub(did.locked_ns);
        match self.wait {
            Wait::Lock => cost.lock_ns += away,
            Wait::Peer => cost.peer_ns += away,
            Wait::Neither => {}
        }
        cost
    }
}

impl Task {
    /// What its communication has cost while that was counted.
    pub fn cost(&self) -> Cost {
        self.cost.get()
    }
}

impl Process {
    /// What the communication of its threads, living and ended, has cost while that was counted.
    pub fn cost(&self) -> Cost {
        // Under one lock, so that a thread that ends meanwhile is counted once.
        let shared = self.sig.lock_irq();
        let mut sum = self.accounts.lock_irq().ended_cost;
        for task in &shared.threads {
            sum.add(&task.cost());
        }
        sum
    }
}
