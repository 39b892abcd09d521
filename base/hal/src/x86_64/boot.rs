//! From the PVH entry to `gaon_main`: what the loader said is copied, the kernel's page tables are built, CPU 0 gets its
//! descriptors, interrupt controllers and clock. Specification: Xen PVH boot ABI (hvm_start_info), loader's side.
//!
//! Until the kernel's own tables are loaded, physical memory below 4 GiB is mapped at its own addresses (`boot.s`).

use core::arch::global_asm;
use core::cell::UnsafeCell;
use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering};

pub use crate::memmap::{MemoryKind, MemoryRegion};

use super::paging::{self, virt_to_phys};
use super::percpu::{self, HEADERS};
use super::{
    acpi, apic, clock, control, cpu, descriptors, directmap, early, extable, patch, pic, timer,
};
use crate::addr::{PAGE_SIZE, PhysAddr, VirtAddr};
use crate::memmap::{MemoryMap, memory_limit};

/// What the loader said, copied out of its memory.
#[derive(Debug)]
pub struct BootInfo {
    /// The command line.
    pub cmdline: &'static str,
    /// Physical memory, sorted, without overlaps. What boot uses of it has kinds of its own: RAM of kind
    /// [`MemoryKind::Usable`] is all free.
    pub memory: &'static [MemoryRegion],
    /// The initial file system.
    pub initrd: Option<Range<PhysAddr>>,
    /// ACPI's root pointer, if the loader gave it.
    pub rsdp: Option<PhysAddr>,
    /// The TSC at the kernel's first instruction in Rust.
    pub start_tsc: u64,
}

/// Declares the function that the kernel goes on with after boot: `hal::kernel_main!(main)`, where `main` is a
/// `fn(&'static hal::boot::BootInfo) -> !`. It is called on the boot stack with interrupts and preemption off
/// (the preemption count is 0).
#[macro_export]
macro_rules! kernel_main {
    ($main:path) => {
        const _: () = {
            #[unsafe(no_mangle)]
            extern "Rust" fn gaon_main(info: &'static $crate::boot::BootInfo) -> ! {
                let main: fn(&'static $crate::boot::BootInfo) -> ! = $main;
                main(info)
            }
        };
    };
}

unsafe extern "Rust" {
    fn gaon_main(info: &'static BootInfo) -> !;
}

/// What lies below the boot stack and below that of interrupts, which are aligned as [`super::landing::UPPER_HALF`] asks. The last
/// page of it is a guard.
const BELOW: usize = 2 * super::landing::UPPER_HALF;
/// The first thread stays on it, as CPU 0's idle thread: modules' timers and tasklets run there too.
const BOOT_STACK_SIZE: usize = BELOW + (32 << 10);
const CPU0_STACKS: usize =
    BELOW + descriptors::IRQ_STACK_SIZE + descriptors::IST_STACKS * descriptors::IST_STACK_SIZE;

#[repr(C, align(16384))] // as `BELOW`
struct Stack<const N: usize>(UnsafeCell<[u8; N]>);
// SAFETY: used as stacks by the boot CPU only.
unsafe impl<const N: usize> Sync for Stack<N> {}
/// A page of each is unmapped once the kernel's own tables are loaded: a guard.
static BOOT_STACK: Stack<BOOT_STACK_SIZE> = Stack(UnsafeCell::new([0; BOOT_STACK_SIZE]));
static TRAP_STACKS: Stack<CPU0_STACKS> = Stack(UnsafeCell::new([0; CPU0_STACKS]));

global_asm!(
    include_str!("boot.s"),
    boot_stack = sym BOOT_STACK,
    boot_stack_size = const BOOT_STACK_SIZE,
    headers = sym HEADERS,
    rust_entry = sym start,
);

unsafe extern "C" {
    static _text: u8;
    static _end: u8;
}

static INFO: super::Once<BootInfo> = super::Once::new();
static MEMORY: super::Once<MemoryMap> = super::Once::new();
static CMDLINE: super::Once<Cmdline> = super::Once::new();
static TRAMPOLINE: AtomicUsize = AtomicUsize::new(0);

/// What the loader said.
///
/// # Panics
/// If called before `gaon_main`.
#[must_use]
pub fn info() -> &'static BootInfo {
    INFO.get().expect("boot::info before boot")
}

/// The command line, as soon as it has been copied.
pub(crate) fn command_line() -> &'static str {
    CMDLINE.get().map_or("", Cmdline::as_str)
}

/// Where other CPUs start: a page below 1 MiB.
pub(crate) fn trampoline() -> Option<PhysAddr> {
    let address = TRAMPOLINE.load(Ordering::Relaxed);
    (address != 0).then_some(PhysAddr(address))
}

/// Whether physical addresses are in the direct map.
#[must_use]
pub fn direct_map_covers(range: Range<usize>) -> bool {
    directmap::covers(range)
}

/// The boot stack, above its guard.
pub(crate) fn boot_stack() -> Range<usize> {
    let low = BOOT_STACK.0.get() as usize;
    low + BELOW..low + BOOT_STACK_SIZE
}

const START_INFO_MAGIC: u32 = 0x336e_c578;
/// Longest command line kept; Linux' limit.
const CMDLINE_LENGTH: usize = 2048;

#[repr(C)]
struct StartInfo {
    magic: u32,
    version: u32,
    flags: u32,
    modules: u32,
    module_list: u64,
    cmdline: u64,
    rsdp: u64,
    memory_map: u64,
    memory_map_entries: u32,
    reserved: u32,
}

#[repr(C)]
struct Module {
    address: u64,
    size: u64,
    cmdline: u64,
    reserved: u64,
}

#[repr(C)]
struct MapEntry {
    address: u64,
    size: u64,
    kind: u32,
    reserved: u32,
}

struct Cmdline {
    bytes: [u8; CMDLINE_LENGTH],
    length: usize,
}

impl Cmdline {
    /// Copies a C string; what isn't ASCII becomes '?'.
    ///
    /// # Safety
    /// `from` is 0 or a NUL-terminated string in mapped memory.
    unsafe fn copy(from: u64) -> Self {
        let mut copy = Self {
            bytes: [0; CMDLINE_LENGTH],
            length: 0,
        };
        while from != 0 && copy.length < CMDLINE_LENGTH {
            // SAFETY: not beyond the NUL.
            let byte = unsafe { ((from as usize + copy.length) as *const u8).read() };
            if byte == 0 {
                break;
            }
            copy.bytes[copy.length] = if byte.is_ascii() { byte } else { b'?' };
            copy.length += 1;
        }
        copy
    }

    fn as_str(&self) -> &str {
        core::str::from_utf8(&self.bytes[..self.length]).unwrap_or("")
    }
}

/// The first Rust code, on the boot stack, with the boot tables.
extern "C" fn start(start_info: *const StartInfo) -> ! {
    let start_tsc = super::registers::rdtsc();
    let local = percpu::header(0);
    // SAFETY: CPU 0's header, before anything uses it; the trap stacks are CPU 0's.
    unsafe {
        (*local).stack = [boot_stack().start, boot_stack().end];
        let irq_stack = TRAP_STACKS.0.get() as usize + BELOW;
        descriptors::prepare(local, irq_stack, irq_stack + descriptors::IRQ_STACK_SIZE);
        descriptors::prepare_idt();
        descriptors::load(local);
        if cpu::features().smap {
            patch::apply_smap();
        }
    }
    debug_assert!(extable::is_sorted());
    // SAFETY: the loader's structures, mapped at their physical addresses until the next call.
    let (mut map, initrd, rsdp) = unsafe { read_start_info(&*start_info) };
    early::note_command_line(command_line());
    if let Some(rsdp) = rsdp {
        acpi::set_root_pointer(rsdp);
    }
    carve(&mut map, initrd.as_ref());
    directmap::build(
        &mut map,
        [
            boot_stack().start - PAGE_SIZE,
            TRAP_STACKS.0.get() as usize + BELOW - PAGE_SIZE,
        ],
    );
    MEMORY.get_or_init(|| map);
    control::set_up();
    super::fpu::decide(cpu::features().xsave, cpu::features().fsgsbase);
    INFO.get_or_init(|| BootInfo {
        cmdline: command_line(),
        memory: MEMORY.get().map_or(&[], MemoryMap::regions),
        initrd,
        rsdp,
        start_tsc,
    });
    pic::silence();
    let apic_id = apic::init_boot_cpu();
    // SAFETY: CPU 0's header, this CPU's.
    unsafe { (*local).apic_id = apic_id };
    timer::set_rate(clock::init());
    timer::init_this_cpu();
    // SAFETY: image defines it with `kernel_main!`.
    unsafe { gaon_main(info()) }
}

/// Copies what the loader left.
///
/// # Safety
/// `info` and all it points to must be mapped at their physical addresses.
unsafe fn read_start_info(
    info: &StartInfo,
) -> (MemoryMap, Option<Range<PhysAddr>>, Option<PhysAddr>) {
    let mut map = MemoryMap::new();
    if info.magic != START_INFO_MAGIC {
        super::early::fail_with("not started by the PVH protocol");
    }
    CMDLINE.get_or_init(|| {
        // SAFETY: the caller vouches for the string.
        unsafe { Cmdline::copy(info.cmdline) }
    });
    if info.version >= 1 {
        for index in 0..info.memory_map_entries as usize {
            // SAFETY: within the loader's array.
            let entry = unsafe { (info.memory_map as *const MapEntry).add(index).read() };
            let (start, end) = (
                entry.address as usize,
                entry.address.saturating_add(entry.size) as usize,
            );
            let kind = match entry.kind {
                1 => MemoryKind::Usable,
                3 | 4 => MemoryKind::Acpi,
                _ => MemoryKind::Reserved,
            };
            map.add(start, end, kind);
        }
    }
    let initrd = (info.modules > 0 && info.module_list != 0).then(|| {
        // SAFETY: the loader's array has at least one entry.
        let module = unsafe { (info.module_list as *const Module).read() };
        PhysAddr(module.address as usize)
            ..PhysAddr(module.address.saturating_add(module.size) as usize)
    });
    (
        map,
        initrd.filter(|range| range.start < range.end),
        (info.rsdp != 0).then_some(PhysAddr(info.rsdp as usize)),
    )
}

/// Takes what is in use out of the usable RAM.
fn carve(map: &mut MemoryMap, initrd: Option<&Range<PhysAddr>>) {
    if let Some(limit) = CMDLINE
        .get()
        .and_then(|cmdline| memory_limit(cmdline.as_str()))
    {
        map.limit(PhysAddr(limit));
    }
    map.carve(PhysAddr(0)..PhysAddr(PAGE_SIZE), MemoryKind::Reserved);
    let image = |symbol: *const u8| virt_to_phys(VirtAddr(symbol as usize));
    map.carve(
        image(&raw const _text)..image(&raw const _end),
        MemoryKind::Kernel,
    );
    if let Some(initrd) = initrd {
        map.carve(initrd.clone(), MemoryKind::Initrd);
    }
    if let Some(page) = map.find_free(1, 0x8000..0x9_f000) {
        map.carve(page..page.add(PAGE_SIZE), MemoryKind::Trampoline);
        TRAMPOLINE.store(page.0, Ordering::Relaxed);
    }
}

/// An ACPI table by its signature ("MCFG", "DSDT"…), checked only as far as its header goes.
#[must_use]
pub fn acpi_table(signature: &[u8; 4]) -> Option<&'static [u8]> {
    acpi::find_table(signature)
}

const _: () = assert!(paging::KERNEL_FIRST_SLOT == 256);
