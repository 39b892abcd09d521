//! Deliberate faults in the kernel, each of which must be caught and reported.

use crate::pages;
use crate::user;

pub(crate) fn cause(mode: &str) -> ! {
    user::prepare();
    let text = user::run as *const () as usize;
    let alias = hal::paging::phys_to_virt(hal::paging::virt_to_phys(hal::addr::VirtAddr(text))).0;
    static CODE: [core::sync::atomic::AtomicU64; 2] =
        [const { core::sync::atomic::AtomicU64::new(0xc3c3_c3c3) }; 2];
    // SAFETY: none: every one of these must fault.
    unsafe {
        match mode {
            "overflow" => overflow(),
            "irq-overflow" => {
                crate::traps::OVERFLOW.store(true, core::sync::atomic::Ordering::SeqCst);
                hal::irq::enable();
                crate::time::timer();
            }
            "write-text" => (text as *mut u8).write_volatile(0),
            "write-text-alias" => (alias as *mut u8).write_volatile(0),
            "write-rodata" => "abc".as_ptr().cast_mut().write_volatile(0),
            "write-table" => {
                let root = hal::paging::kernel_root();
                (hal::paging::phys_to_virt(root).0 as *mut u8).write_volatile(0);
            }
            "write-interrupt-table" => {
                let mut table = [0u16; 5];
                core::arch::asm!("sidt [{}]", in(reg) table.as_mut_ptr(), options(nostack));
                let base = table[1..].as_ptr().cast::<u64>().read_unaligned();
                (base as *mut u8).write_volatile(0);
            }
            "run-direct-map" => core::mem::transmute::<usize, fn()>(alias)(),
            "run-data" => core::mem::transmute::<usize, fn()>(&raw const CODE as usize)(),
            "run-user" => core::mem::transmute::<usize, fn()>(pages::CODE)(),
            "read-user" => {
                let _ = (pages::DATA as *const u8).read_volatile();
            }
            "null" => {
                let _ = (16 as *const u8).read_volatile();
            }
            _ => panic!("no such test"),
        }
    }
    panic!("{mode}: no fault")
}

/// Uses the whole stack and more.
pub(crate) fn overflow() {
    say!("{}", recurse(u64::MAX));
}

fn recurse(depth: u64) -> u64 {
    let here = core::hint::black_box([depth; 64]);
    if depth == 0 {
        0
    } else {
        recurse(depth - 1) + here[3]
    }
}
