//! Starting the other CPUs: INIT, then a start-up message with the page of a trampoline below 1 MiB (SDM volume 3, 9.4).
//! One at a time, so that they can share it.

use core::arch::global_asm;
use core::mem::offset_of;
use core::sync::atomic::{AtomicBool, Ordering};

use super::descriptors::{self, IRQ_STACK_SIZE, IST_STACK_SIZE, IST_STACKS};
use super::landing::UPPER_HALF;
use super::paging::phys_to_virt;
use super::{acpi, apic, boot, clock, control, cpu, paging, percpu, timer};
use crate::MAX_CPUS;
use crate::addr::PAGE_SIZE;

/// Bytes of the stack on which a CPU starts, which becomes its idle thread's.
const FIRST_STACK: usize = 2 * UPPER_HALF;

global_asm!(include_str!("trampoline.s"), ap_start = sym ap_start, options(att_syntax));

unsafe extern "C" {
    static trampoline_begin: u8;
    static trampoline_end: u8;
    static trampoline_parameters: u8;
    static boot_pml4: u8;
}

/// What the trampoline reads; filled in at its end for each CPU.
#[repr(C)]
struct Parameters {
    gdt: [u64; 4],
    reserved: u16,
    gdt_limit: u16,
    gdt_base: u32,
    far_offset: u32,
    far_selector: u16,
    boot_root: u32,
    root: u64,
    stack: u64,
    header: u64,
    high: u64,
}

static STARTED: AtomicBool = AtomicBool::new(false);
static RELEASED: AtomicBool = AtomicBool::new(false);
/// `fn(usize) -> !` for the CPU being started.
static ENTRY: core::sync::atomic::AtomicPtr<()> =
    core::sync::atomic::AtomicPtr::new(core::ptr::null_mut());

/// How many CPUs the firmware tells of (at least 1, at most [`MAX_CPUS`]).
#[must_use]
pub fn present() -> usize {
    acpi::machine().cpus.clamp(1, MAX_CPUS)
}

/// Starts the other CPUs, until there are `max_cpus` online; gives how many are. Each calls `entry(cpu)` on a stack of
/// its own, with interrupts off. `memory(n)` gives `n` bytes for good, in a place that is a multiple of 16, and of `n` where that
/// is 16 KiB ([`UPPER_HALF`]); it is called for each stack apart, so that one with a guard page below it catches overflows.
/// `None` ends the starting. Call it once, on the boot CPU.
pub fn start_all(
    entry: fn(usize) -> !,
    max_cpus: usize,
    mut memory: impl FnMut(usize) -> Option<&'static mut [u8]>,
) -> usize {
    let Some(page) = boot::trampoline() else {
        return cpu::online();
    };
    ENTRY.store(entry as *mut (), Ordering::Relaxed);
    let machine = acpi::machine();
    let own = cpu::apic_id(0);
    for &apic_id in machine.apic_ids[..machine.cpus]
        .iter()
        .filter(|id| **id != own)
    {
        let number = cpu::online();
        if number >= max_cpus.min(MAX_CPUS) {
            break;
        }
        let Some(stacks) = Stacks::take(&mut memory) else {
            break;
        };
        if start(apic_id, number, page.0, &stacks) {
            cpu::ONLINE.store(number + 1, Ordering::Release);
            RELEASED.store(true, Ordering::Release);
        }
    }
    cpu::online()
}

/// The low ends of a CPU's stacks.
struct Stacks {
    first: usize,
    interrupt: usize,
    exception: usize,
}

impl Stacks {
    fn take(memory: &mut impl FnMut(usize) -> Option<&'static mut [u8]>) -> Option<Self> {
        let mut take = |length: usize| {
            let aligned = if length == 2 * UPPER_HALF { length } else { 16 };
            let stack = memory(length)?;
            let base = stack.as_mut_ptr() as usize;
            assert!(
                stack.len() >= length && base.is_multiple_of(aligned),
                "memory for a stack"
            );
            Some(base)
        };
        Some(Self {
            first: take(FIRST_STACK)?,
            interrupt: take(IRQ_STACK_SIZE)?,
            exception: take(IST_STACKS * IST_STACK_SIZE)?,
        })
    }
}

/// Starts one CPU as `number`; whether it came up.
fn start(apic_id: u32, number: usize, page: usize, stacks: &Stacks) -> bool {
    let local = percpu::header(number);
    // SAFETY: the header of a CPU that doesn't run; the stacks are its own from here on.
    unsafe {
        (*local).this = local;
        (*local).id = number as u32;
        (*local).apic_id = apic_id;
        (*local).stack = [stacks.first, stacks.first + FIRST_STACK];
        descriptors::prepare(local, stacks.interrupt, stacks.exception);
    }
    STARTED.store(false, Ordering::Relaxed);
    RELEASED.store(false, Ordering::Relaxed);
    // SAFETY: the trampoline page is RAM set aside for this; no CPU executes there now.
    unsafe { write_trampoline(page, local as usize, stacks.first + FIRST_STACK) };
    core::sync::atomic::fence(Ordering::SeqCst);
    apic::send_init(apic_id);
    wait(10_000_000, false);
    for _ in 0..2 {
        apic::send_startup(apic_id, (page / PAGE_SIZE) as u8);
        if wait(200_000, true) {
            return true;
        }
    }
    // As long as Linux: a host may have other things to do than to run this CPU.
    wait(10_000_000_000, true)
}

/// Waits for the CPU to come up, if asked, and in any case no longer than a time; whether it is up.
fn wait(ns: u64, until_started: bool) -> bool {
    let end = clock::now_ns()
        + if until_started {
            ns
        } else {
            ns.min(init_delay_ns())
        };
    while clock::now_ns() < end {
        if until_started && STARTED.load(Ordering::Acquire) {
            return true;
        }
        core::hint::spin_loop();
    }
    STARTED.load(Ordering::Acquire)
}

/// The 10 ms between INIT and start-up are for CPUs before 2000; none of those has long mode.
const fn init_delay_ns() -> u64 {
    10_000
}

unsafe fn write_trampoline(page: usize, header: usize, stack: usize) {
    let target = phys_to_virt(crate::addr::PhysAddr(page)).0;
    let begin = &raw const trampoline_begin;
    let length = &raw const trampoline_end as usize - begin as usize;
    let parameters_at = &raw const trampoline_parameters as usize - begin as usize;
    assert!(length <= PAGE_SIZE && parameters_at + size_of::<Parameters>() <= PAGE_SIZE);
    let parameters = Parameters {
        gdt: [0, 0, 0x00af_9b00_0000_ffff, 0x00cf_9300_0000_ffff],
        reserved: 0,
        gdt_limit: 31,
        gdt_base: (page + parameters_at) as u32,
        far_offset: (page + TRAMPOLINE_LONG) as u32,
        far_selector: 0x10,
        boot_root: paging::virt_to_phys(crate::addr::VirtAddr(&raw const boot_pml4 as usize)).0
            as u32,
        root: paging::kernel_root().0 as u64,
        stack: stack as u64,
        header: header as u64,
        high: trampoline_high as *const () as u64,
    };
    // SAFETY: the caller gives a page of RAM, which the direct map has; both parts fit.
    unsafe {
        core::ptr::copy_nonoverlapping(begin, target as *mut u8, length);
        ((target + parameters_at) as *mut Parameters).write_unaligned(parameters);
    }
}

/// Offset of the trampoline's 64-bit part.
const TRAMPOLINE_LONG: usize = 0x80;
const _: () = {
    assert!(offset_of!(Parameters, gdt_limit) == 34 && offset_of!(Parameters, gdt_base) == 36);
    assert!(offset_of!(Parameters, far_offset) == 40 && offset_of!(Parameters, far_selector) == 44);
    assert!(offset_of!(Parameters, boot_root) == 48 && offset_of!(Parameters, root) == 56);
    assert!(offset_of!(Parameters, stack) == 64 && offset_of!(Parameters, header) == 72);
    assert!(offset_of!(Parameters, high) == 80);
};

unsafe extern "C" {
    fn trampoline_high();
}

/// A new CPU's first Rust code: kernel tables, own stack, GS set.
extern "C" fn ap_start() -> ! {
    let local = percpu::this();
    // SAFETY: this CPU's header, filled in by the CPU that starts it; the IDT is complete.
    unsafe { descriptors::load(local) };
    control::set_up();
    apic::init_this_cpu();
    timer::init_this_cpu();
    STARTED.store(true, Ordering::Release);
    while !RELEASED.load(Ordering::Acquire) {
        core::hint::spin_loop();
    }
    // SAFETY: `start_all` stored a `fn(usize) -> !`.
    let entry: fn(usize) -> ! = unsafe { core::mem::transmute(ENTRY.load(Ordering::Relaxed)) };
    entry(cpu::id())
}
