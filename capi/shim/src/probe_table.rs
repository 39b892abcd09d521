//! All kprobes, by address, and the breakpoints in the text.
//!
//! The table and the text change while all CPUs are stopped. So at a breakpoint, where interrupts are off until the
//! instruction that it stands for is done, both stay as they are, and nobody stands in a slot that goes.
//!
//! Lock order: the change of the table is a sleeping lock, held over the stopping; the table's lock is a leaf.
use crate::probe_return::Returns;
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};
use hal::addr::VirtAddr;
use insn::Insn;
use kmem::modspace::{self, ModArea, Rights};
use kmem::{Reserved, try_arc};
use module::Module;
use sync::{LockClass, Mutex, MutexGuard, RwSpinLock, rank};

static CHANGE_CLASS: LockClass = LockClass::new("capi.kprobes", rank::NONE);
static CHANGE: Mutex<()> = Mutex::new(&CHANGE_CLASS, ());
static CLASS: LockClass = LockClass::new("capi.kprobe-table", rank::NONE);
static ALL: RwSpinLock<Vec<Arc<Probe>>> = RwSpinLock::new(&CLASS, Vec::new());
/// /sys/kernel/debug/kprobes/enabled.
static ENABLED: AtomicBool = AtomicBool::new(true);

const INT3: u8 = 0xcc;

/// An address that has probes.
pub(crate) struct Site {
    pub(crate) address: usize,
    pub(crate) insn: Insn,
    /// Where the instruction runs, if it is not done by hand.
    slot: Option<ModArea>,
    /// The breakpoint is in the text.
    armed: AtomicBool,
}

impl Site {
    /// A site without a breakpoint. ENOMEM; EINVAL: the instruction can't be moved.
    pub(crate) fn new(address: usize, insn: Insn) -> Result<Arc<Self>> {
        let slot = match insn.kind {
            insn::Kind::Plain => Some(slot(address, &insn)?),
            _ => None,
        };
        try_arc(Self {
            address,
            insn,
            slot,
            armed: AtomicBool::new(false),
        })
    }

    /// Where the instruction runs.
    pub(crate) fn slot(&self) -> Option<usize> {
        self.slot.as_ref().map(|area| area.range().start)
    }

    /// Puts the breakpoint in or takes it out, as the table wants it. All CPUs are stopped.
    fn settle(&self, all: &[Arc<Probe>]) {
        let mut here = all
            .iter()
            .filter(|probe| probe.site.address == self.address);
        let wanted = ENABLED.load(Ordering::Relaxed) && here.any(|probe| probe.is_wanted());
        if self.armed.swap(wanted, Ordering::Relaxed) != wanted {
            let byte = if wanted { INT3 } else { self.insn.bytes[0] };
            // SAFETY: all CPUs are stopped; the first byte of an instruction becomes a breakpoint that stands for it, or
            // itself again. A module's text stays until its probes are taken out.
            unsafe { hal::text_poke(VirtAddr(self.address), &[byte]) };
        }
    }
}

/// The instruction for another place, with a breakpoint behind it.
fn slot(address: usize, insn: &Insn) -> Result<ModArea> {
    let mut draft = modspace::alloc(insn.len + 1)?;
    let moved = insn.moved(address as u64, draft.address() as u64);
    let (bytes, len) = moved.ok_or(Errno::EINVAL)?;
    draft.bytes_mut()[..len].copy_from_slice(&bytes[..len]);
    Ok(draft.seal(&[(0..1, Rights::Text)]))
}

/// A probe.
pub(crate) struct Probe {
    pub(crate) site: Arc<Site>,
    pub(crate) module: Arc<Module>,
    /// Its `struct kprobe`.
    pub(crate) record: usize,
    /// It stands at the beginning of a function of the system call table.
    pub(crate) is_call: bool,
    /// The handlers' addresses, 0 for none: before the instruction, behind it.
    pub(crate) before: usize,
    pub(crate) behind: usize,
    /// It wants to be told of returns.
    pub(crate) returns: Option<Arc<Returns>>,
    pub(crate) disabled: AtomicBool,
    /// The text it was in is no more.
    pub(crate) gone: AtomicBool,
}

impl Probe {
    pub(crate) fn is_disabled(&self) -> bool {
        self.disabled.load(Ordering::Relaxed)
    }

    /// Whether it wants to be told.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.is_disabled() && self.module.may_enter()
    }
}

/// Keeps the table as it is but for who has this.
pub(crate) fn changing() -> MutexGuard<'static, ()> {
    CHANGE.lock()
}

fn stopped(mut f: impl FnMut(&mut Vec<Arc<Probe>>)) {
    sched::stop::stop_machine(&mut || f(&mut ALL.write_irq()));
}

/// The probe at a place in the table, which is in the order of addresses.
pub(crate) fn nth(index: usize) -> Option<Arc<Probe>> {
    ALL.read_irq().get(index).cloned()
}

/// The place of the first probe at an address.
pub(crate) fn first_at(address: usize) -> Option<usize> {
    let all = ALL.read_irq();
    let index = all.partition_point(|probe| probe.site.address < address);
    let there = all
        .get(index)
        .is_some_and(|probe| probe.site.address == address);
    there.then_some(index)
}

/// The site at an address.
pub(crate) fn site_at(address: usize) -> Option<Arc<Site>> {
    nth(first_at(address)?).map(|probe| probe.site.clone())
}

/// What a breakpoint at an address stands for.
pub(crate) fn original(address: usize) -> Option<u8> {
    site_at(address).map(|site| site.insn.bytes[0])
}

/// Adds a probe before those of its address: the last one is told first. ENOMEM.
pub(crate) fn add(_changing: &MutexGuard<'static, ()>, probe: &Arc<Probe>) -> Result<()> {
    let mut room = Vec::new();
    let wanted = ALL.read_irq().len() + 1;
    room.try_reserve(wanted).map_err(|_| Errno::ENOMEM)?;
    let at = probe.site.address;
    stopped(|all| {
        if room.capacity() > all.len() {
            let index = all.partition_point(|other| other.site.address < at);
            room.extend_reserved(&all[..index]);
            room.extend_reserved(core::slice::from_ref(probe));
            room.extend_reserved(&all[index..]);
            core::mem::swap(all, &mut room);
        }
        probe.site.settle(all);
    });
    Ok(())
}

/// Takes a probe out. The caller's reference is not the last one to go.
pub(crate) fn remove(_changing: &MutexGuard<'static, ()>, probe: &Arc<Probe>) {
    stopped(|all| {
        all.retain(|other| !Arc::ptr_eq(other, probe));
        probe.site.settle(all);
    });
}

/// Puts breakpoints in or takes them out after `probe` became another, or all of them.
pub(crate) fn settle(_changing: &MutexGuard<'static, ()>, probe: Option<&Probe>) {
    stopped(|all| match probe {
        Some(probe) => probe.site.settle(all),
        None => all.iter().for_each(|probe| probe.site.settle(all)),
    });
}

pub(crate) fn is_enabled() -> bool {
    ENABLED.load(Ordering::Relaxed)
}

/// Lets all probes act, or none.
pub(crate) fn set_enabled(on: bool) {
    let changing = changing();
    ENABLED.store(on, Ordering::Relaxed);
    settle(&changing, None);
}
