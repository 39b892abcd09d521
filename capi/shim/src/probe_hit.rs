//! What happens at a breakpoint of a kprobe: the handlers before, the instruction, the handlers behind.
//!
//! Interrupts are off all the time. The instruction is done by hand where it steers or pushes; any other runs in a slot, with
//! a second breakpoint behind it. (A single step would come by the debug exception, whose stack is too small for handlers.)
//!
//! A handler does what that of an interrupt may do. So one is called only where an interrupt could have come: not where the
//! kernel has them off, not where little stack is left, not from within another's. What is left out is counted in `nmissed`.
use crate::enter;
use crate::foreign;
use crate::kprobe_layout::{CKprobe, CKretprobe, PtRegs};
use crate::probe_return::{self, Returns};
use crate::probe_table::{self, Probe, Site};
use alloc::sync::Arc;
use core::mem::offset_of;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use hal::MAX_CPUS;
use hal::traps::TrapFrame;
use hal::user::UserRegs;
use insn::Machine;
use module::Module;
use sync::Once;
use workqueue::Work;

/// Bytes of stack that a handler finds at least: what functions of the kernel's want, and some for itself.
const ROOM: usize = crate::export::ROOM + 1024;
/// `RFLAGS.IF`.
const INTERRUPTS: u64 = 1 << 9;
/// The flags of arithmetic, and the direction.
const STATUS: u64 = 0xcd5;

/// What a CPU is at.
struct Cpu {
    /// Handlers of a probe run, or the instruction it stands at.
    busy: AtomicBool,
    /// The site whose instruction runs in its slot; 0: none.
    site: AtomicUsize,
    /// Handlers are to be called behind it.
    told: AtomicBool,
    /// The interrupt flag that it had.
    flags: AtomicU64,
}

static CPUS: [Cpu; MAX_CPUS] = [const {
    Cpu {
        busy: AtomicBool::new(false),
        site: AtomicUsize::new(0),
        told: AtomicBool::new(false),
        flags: AtomicU64::new(0),
    }
}; MAX_CPUS];

/// Takes the probes of modules that crashed out of the text.
static SWEEP: Once<Arc<Work>> = Once::new();

/// Makes ready for hits. ENOMEM.
pub(crate) fn prepare() -> abi::Result<()> {
    if SWEEP.get().is_none() {
        let work = Work::new(|| probe_table::settle(&probe_table::changing(), None))?;
        let _ = SWEEP.set(work);
    }
    Ok(())
}

fn here() -> &'static Cpu {
    &CPUS[hal::cpu::id() & (MAX_CPUS - 1)]
}

/// The interrupted registers, for an instruction that is done by hand.
struct Interrupted<'a>(&'a TrapFrame);

impl Machine for Interrupted<'_> {
    fn register(&self, number: u8) -> u64 {
        let f = self.0;
        [
            f.rax, f.rcx, f.rdx, f.rbx, f.rsp, f.rbp, f.rsi, f.rdi, f.r8, f.r9, f.r10, f.r11,
            f.r12, f.r13, f.r14, f.r15,
        ][usize::from(number & 15)]
    }
    fn flags(&self) -> u64 {
        self.0.rflags
    }
    fn read(&self, address: u64) -> Option<u64> {
        foreign::read_u64(address as usize).ok()
    }
}

/// A breakpoint in the kernel. True: it was a probe's, and the frame says where to go on.
pub(crate) fn on_breakpoint(frame: &mut TrapFrame) -> bool {
    let at = (frame.rip as usize).wrapping_sub(1);
    let cpu = here();
    if let Some(site) = stepping(cpu)
        && site.slot().is_some_and(|slot| slot + site.insn.len == at)
    {
        behind_slot(cpu, &site, frame);
        return true;
    }
    if at == probe_return::address() {
        return on_return(cpu, frame);
    }
    let Some(first) = probe_table::first_at(at) else {
        return false;
    };
    let Some(site) = probe_table::site_at(at) else {
        return false;
    };
    if cpu.busy.load(Ordering::Relaxed) || !may_call(frame, at) {
        each(first, at, |probe| missed(probe.record));
        return go_on(cpu, &site, frame, false);
    }
    cpu.busy.store(true, Ordering::Relaxed);
    if before(first, at, frame) {
        cpu.busy.store(false, Ordering::Relaxed);
        return true;
    }
    go_on(cpu, &site, frame, true)
}

/// A fault while an instruction ran in its slot: it is as if it had happened where the instruction belongs.
pub(crate) fn on_fault(frame: &mut TrapFrame) {
    let cpu = here();
    let Some(site) = stepping(cpu) else {
        return;
    };
    let inside = |slot: usize| (slot..=slot + site.insn.len).contains(&(frame.rip as usize));
    if site.slot().is_some_and(inside) {
        frame.rip = site.address as u64;
        leave_slot(cpu, frame);
        if cpu.told.load(Ordering::Relaxed) {
            cpu.busy.store(false, Ordering::Relaxed);
        }
    }
}

fn stepping(cpu: &Cpu) -> Option<Arc<Site>> {
    match cpu.site.load(Ordering::Relaxed) {
        0 => None,
        address => probe_table::site_at(address),
    }
}

fn leave_slot(cpu: &Cpu, frame: &mut TrapFrame) {
    cpu.site.store(0, Ordering::Relaxed);
    frame.rflags |= cpu.flags.load(Ordering::Relaxed);
}

/// Whether a handler may be called here.
fn may_call(frame: &TrapFrame, at: usize) -> bool {
    let could_be_interrupted = frame.rflags & INTERRUPTS != 0 || !hal::patch::is_kernel_text(at);
    could_be_interrupted && hal::landing::stack_left(frame.rsp as usize) >= ROOM
}

/// Calls `f` with each probe at an address that wants to be told.
fn each(first: usize, at: usize, mut f: impl FnMut(&Probe)) {
    let mut index = first;
    while let Some(probe) = probe_table::nth(index).filter(|probe| probe.site.address == at) {
        if probe.is_wanted() {
            f(&probe);
        }
        index += 1;
    }
}

/// Counts a call that was left out.
pub(crate) fn missed(record: usize) {
    let at = record + offset_of!(CKprobe, nmissed);
    if at.is_multiple_of(8) && foreign::read_u64(at).is_ok() {
        // SAFETY: there is memory, the module's own count; any value is a valid word.
        unsafe { &*(at as *const AtomicU64) }.fetch_add(1, Ordering::Relaxed);
    }
}

/// Calls a handler with a copy of the registers, and takes the general ones back; what it answers, and the copy. Nothing:
/// the module has crashed.
fn tell(probe: &Probe, handler: usize, frame: &mut TrapFrame) -> Option<(i32, PtRegs)> {
    let shown = probe.is_call.then(|| of_call(frame.rdi)).flatten();
    tell_with(&probe.module, handler, probe.record as u64, shown, frame)
}

/// As [`tell`], with the handler's first argument, and what stands for the first one of the function.
fn tell_with(
    module: &Arc<Module>,
    handler: usize,
    first: u64,
    shown: Option<u64>,
    frame: &mut TrapFrame,
) -> Option<(i32, PtRegs)> {
    let mut registers = PtRegs::of(frame);
    if let Some(shown) = shown {
        registers.set_di(shown);
    }
    let arguments = [first, (&raw mut registers) as u64, 0, 0, 0, 0];
    hal::preempt::add(hal::preempt::PREEMPT);
    let answer = enter::call(module, handler, &arguments);
    hal::preempt::sub(hal::preempt::PREEMPT);
    let Ok(answer) = answer else {
        if let Some(work) = SWEEP.get() {
            workqueue::queue_work(work);
        }
        return None;
    };
    if shown == Some(registers.di()) {
        registers.set_di(frame.rdi);
    }
    registers.give(frame);
    Some((answer as i32, registers))
}

/// A function of the system call table gets its thread's context where one of Linux' gets the registers of user mode: those
/// that are in the context.
fn of_call(context: u64) -> Option<u64> {
    let within = offset_of!(task::Cx, regs) + UserRegs::AS_PT_REGS.0;
    let shown = context.wrapping_add(within as u64);
    let cs = foreign::read_u64(shown as usize + offset_of!(PtRegs, cs));
    (cs == Ok(UserRegs::USER_CS)).then_some(shown)
}

/// The handlers before the instruction. True: one of them has said where to go on.
fn before(first: usize, at: usize, frame: &mut TrapFrame) -> bool {
    let mut gone_on = false;
    each(first, at, |probe| {
        if gone_on {
            return;
        }
        if let Some(returns) = &probe.returns {
            return at_beginning(probe, returns, frame);
        }
        if probe.before == 0 {
            return;
        }
        let told = tell(probe, probe.before, frame);
        if let Some((answer, registers)) = told
            && answer != 0
        {
            gone_on = redirect(probe, &registers, frame);
        }
    });
    gone_on
}

/// A function begins whose return is to be told.
fn at_beginning(probe: &Probe, returns: &Arc<Returns>, frame: &mut TrapFrame) {
    let shown = probe.is_call.then(|| of_call(frame.rdi)).flatten();
    let Some(index) = returns.take() else {
        return missed_return(probe.record);
    };
    let pointer = returns.pointer(index);
    let wanted = returns.entry == 0
        || tell_with(&probe.module, returns.entry, pointer, shown, frame)
            .is_some_and(|(answer, _)| answer == 0);
    if !wanted {
        returns.put(index);
    } else if !probe_return::replace(frame.rsp as usize, returns, index) {
        returns.put(index);
        missed_return(probe.record);
    }
}

/// Counts a return that is not told.
fn missed_return(record: usize) {
    let at = record + offset_of!(CKretprobe, nmissed);
    if at.is_multiple_of(4) && foreign::read_u64(at - 4).is_ok() {
        // SAFETY: there is memory, the module's own count; any value is a valid word.
        unsafe { &*(at as *const AtomicU32) }.fetch_add(1, Ordering::Relaxed);
    }
}

/// A probed function has returned. False: nobody knows where to.
fn on_return(cpu: &Cpu, frame: &mut TrapFrame) -> bool {
    let place = (frame.rsp as usize).wrapping_sub(8);
    let busy = cpu.busy.swap(true, Ordering::Relaxed);
    let mut known = false;
    while let Some(kept) = probe_return::last(place) {
        let returns = &kept.returns;
        let module = module::by_object(returns.module).filter(|module| {
            let wanted = returns.handler != 0 && !returns.dead.load(Ordering::Relaxed);
            wanted && !busy && module.may_enter() && may_call(frame, kept.goes_to)
        });
        if let Some(module) = module {
            let _ = tell_with(
                &module,
                returns.handler,
                returns.pointer(kept.index),
                None,
                frame,
            );
        }
        returns.put(kept.index);
        known = kept.goes_to != probe_return::address();
        if known {
            frame.rip = kept.goes_to as u64;
            break;
        }
    }
    cpu.busy.store(busy, Ordering::Relaxed);
    known
}

/// Goes on where a handler says. False: there is no text, or it wants another stack.
fn redirect(probe: &Probe, registers: &PtRegs, frame: &mut TrapFrame) -> bool {
    let (ip, sp) = (registers.ip as usize, registers.sp as usize);
    let text = hal::patch::is_kernel_text(ip) || module::owner_of(ip).is_some();
    let stack = registers.sp >= frame.rsp && hal::landing::stack_left(sp) != 0;
    if !text || !stack {
        trace::pr_alert!("BUG: a kprobe's handler goes on at {ip:#x} with its stack at {sp:#x}");
        enter::condemn(&probe.module);
        return false;
    }
    frame.rip = registers.ip;
    frame.rsp = registers.sp;
    frame.rflags = frame.rflags & !STATUS | registers.flags & STATUS;
    true
}

/// Does the instruction, or starts it in its slot. False: it reads where nothing is.
fn go_on(cpu: &Cpu, site: &Site, frame: &mut TrapFrame, told: bool) -> bool {
    if let Some(slot) = site.slot() {
        cpu.site.store(site.address, Ordering::Relaxed);
        cpu.told.store(told, Ordering::Relaxed);
        cpu.flags
            .store(frame.rflags & INTERRUPTS, Ordering::Relaxed);
        frame.rflags &= !INTERRUPTS;
        frame.rip = slot as u64;
        return true;
    }
    let done = site.insn.perform(site.address as u64, &Interrupted(frame));
    let done = done.filter(|done| {
        let write = |word: u64| foreign::write(done.stack as usize, word as usize);
        done.pushed.is_none_or(|word| write(word).is_ok())
    });
    match done {
        Some(done) => (frame.rip, frame.rsp) = (done.next, done.stack),
        None => frame.rip = site.address as u64,
    }
    if told {
        if done.is_some() {
            behind(site, frame);
        }
        cpu.busy.store(false, Ordering::Relaxed);
    }
    done.is_some()
}

/// The instruction has run in its slot.
fn behind_slot(cpu: &Cpu, site: &Site, frame: &mut TrapFrame) {
    frame.rip = (site.address + site.insn.len) as u64;
    leave_slot(cpu, frame);
    if cpu.told.load(Ordering::Relaxed) {
        behind(site, frame);
        cpu.busy.store(false, Ordering::Relaxed);
    }
}

/// The handlers behind the instruction.
fn behind(site: &Site, frame: &mut TrapFrame) {
    let Some(first) = probe_table::first_at(site.address) else {
        return;
    };
    each(first, site.address, |probe| {
        if probe.behind == 0 {
            return;
        }
        let _ = tell(probe, probe.behind, frame);
    });
}
