//! User mode: what enters it and how it comes back.

use core::arch::global_asm;

use hal::context::Context;
use hal::paging::{USER_END, pte};
use hal::user::{Trap, UserRegs};

use crate::pages::{self, CODE, DATA, OWN};
use crate::threads;

global_asm!(include_str!("user.s"));

unsafe extern "C" {
    static user_begin: u8;
    static user_end_of_code: u8;
    static user_exceptions: u8;
    static user_migrant: u8;
    static user_spin: u8;
}

const STACK: u64 = DATA as u64 + 4096;

/// Where a label of `user.s` is in user space.
fn at(label: *const u8) -> u64 {
    (CODE + (label as usize - &raw const user_begin as usize)) as u64
}

pub(crate) fn prepare() {
    let start = &raw const user_begin;
    // SAFETY: the assembler put one label after the other.
    let code = unsafe {
        core::slice::from_raw_parts(start, &raw const user_end_of_code as usize - start as usize)
    };
    pages::map(CODE, 0, code);
    pages::map(DATA, pte::WRITE | pte::NX, &[]);
}

/// Runs user mode on the boot thread.
pub(crate) fn run(regs: &mut UserRegs) -> Trap {
    let _ = hal::irq::disable();
    let trap = hal::user::run(regs, threads::boot_thread().context());
    assert!(hal::irq::enabled());
    trap
}

fn own_number(index: usize) -> u64 {
    0x1111_2222_3333_0000 + index as u64
}

/// The page at which a migrant's segment bases point.
pub(crate) fn map_own_page(index: usize) {
    pages::map(
        OWN + 4096 * index,
        pte::NX,
        &own_number(index).to_le_bytes(),
    );
}

pub(crate) fn set_bases(context: &Context, index: usize) -> bool {
    let base = (OWN + 4096 * index) as u64;
    context.set_fs_base(base) && context.set_gs_base(base)
}

pub(crate) fn migrant_regs(index: usize) -> UserRegs {
    let mut regs = UserRegs::start(at(&raw const user_migrant), STACK);
    regs.rbx = own_number(index);
    regs
}

/// The low half of an SSE register, from the saved image.
pub(crate) fn xmm(context: &Context, number: usize) -> u64 {
    let offset = 160 + 16 * number;
    let read = |image: &[u8]| image[offset..offset + 8].try_into().map(u64::from_le_bytes);
    context.with_fpu(read).expect("FPU state").expect("8 bytes")
}

pub(crate) fn system_calls() {
    prepare();
    let mut regs = UserRegs::start(CODE as u64, STACK);
    (regs.rbx, regs.r12, regs.r15, regs.rbp) = (1000, 0x1212, 0x1515, 0xbbb);
    assert_eq!(run(&mut regs), Trap::Syscall);
    assert_eq!(
        (regs.orig_rax, regs.rax, regs.rip, regs.rcx),
        (39, 39, CODE as u64 + 7, CODE as u64 + 7)
    );
    assert_eq!(
        (regs.r12, regs.r15, regs.rbp, regs.rsp),
        (0x1212, 0x1515, 0xbbb, STACK)
    );
    assert_eq!((regs.cs, regs.ss), (0x33, 0x2b));
    let mut calls = 0;
    let start = hal::registers::rdtsc();
    loop {
        match run(&mut regs) {
            Trap::Syscall => calls += 1,
            Trap::Fault { vector: 6, .. } => break,
            other => panic!("{other:x?}"),
        }
    }
    assert_eq!(calls, 1000);
    say!(
        "{} ticks a system call",
        (hal::registers::rdtsc() - start) / calls
    );
    assert_eq!(xmm(threads::boot_thread().context(), 3), 0x3f80_0000);
}

pub(crate) fn exceptions() {
    let start = at(&raw const user_exceptions);
    let mut regs = UserRegs::start(start, STACK);
    for (vector, rip, next) in [(3, 1, 1), (0, 3, 5), (13, 5, 7), (13, 7, 8), (13, 18, 21)] {
        let trap = run(&mut regs);
        let Trap::Fault { vector: found, .. } = trap else {
            panic!("{trap:x?}")
        };
        assert_eq!(
            (found, regs.rip - start, regs.orig_rax),
            (vector, rip, u64::MAX)
        );
        regs.rip = start + next;
    }
    assert_eq!(run(&mut regs), Trap::Syscall);
    for (rip, error_code) in [(0x1000, 0x14), (DATA as u64, 0x15)] {
        // Without SMEP and NX an instruction fetch isn't told from a read; all CPUs here have NX.
        regs = UserRegs::start(rip, STACK);
        assert_eq!(
            run(&mut regs),
            Trap::Fault {
                vector: 14,
                error_code,
                addr: rip
            }
        );
    }
}

/// Whatever the registers say, user mode runs as user mode, and returning to it doesn't fault.
pub(crate) fn hostile_registers() {
    let general_protection = Trap::Fault {
        vector: 13,
        error_code: 0,
        addr: 0,
    };
    for rip in [
        0xffff_ffff_8020_0000,
        0x8000_0000_0000,
        USER_END as u64,
        u64::MAX,
        1 << 63,
    ] {
        for fast in [false, true] {
            let mut regs = UserRegs::start(rip, STACK);
            if fast {
                (regs.rcx, regs.r11) = (regs.rip, regs.rflags);
            }
            assert_eq!(run(&mut regs), general_protection, "{rip:#x}");
        }
    }
    for flags in [
        0x3000,
        0x4000,
        0x2_0000,
        0x8_0000,
        0x1f_f0ff,
        u64::MAX & !0x100,
        0,
    ] {
        for fast in [false, true] {
            let mut regs = UserRegs::start(at(&raw const user_spin), 1 << 63);
            (regs.rflags, regs.cs, regs.ss) = (flags & !0x100, 0x10, 0x18);
            if fast {
                (regs.rcx, regs.r11) = (regs.rip, regs.rflags);
            }
            let _ = hal::irq::disable();
            hal::timer::arm_in(50_000);
            assert_eq!(run(&mut regs), Trap::Interrupt);
            // IF on; IOPL, NT and VM off.
            assert_eq!(
                (regs.cs, regs.ss, regs.rflags & 0x2_7200),
                (0x33, 0x2b, 0x200)
            );
        }
    }
}

pub(crate) fn single_step() {
    let spin = at(&raw const user_spin);
    let mut regs = UserRegs::start(spin, STACK);
    regs.rflags |= 0x100;
    let trap = run(&mut regs);
    let Trap::Fault {
        vector: 1, addr, ..
    } = trap
    else {
        panic!("{trap:x?}")
    };
    assert_eq!((addr & 0x4000, regs.r15, regs.rip), (0x4000, 1, spin + 3));
    // Over a system call: the kernel isn't stepped, the program goes on being.
    regs = UserRegs::start(CODE as u64, STACK);
    regs.rflags |= 0x100;
    let traps = [(); 3].map(|()| run(&mut regs));
    assert!(
        matches!(
            traps,
            [
                Trap::Fault { vector: 1, .. },
                Trap::Syscall,
                Trap::Fault { vector: 1, .. }
            ]
        ),
        "{traps:x?}"
    );
}

pub(crate) fn segment_bases() {
    let context = threads::boot_thread().context();
    assert!(context.set_fs_base(0x12_3000) && context.set_gs_base(0x45_6000));
    assert!(!context.set_fs_base(USER_END as u64) && !context.set_gs_base(1 << 63));
    let mut regs = UserRegs::start(at(&raw const user_spin), STACK);
    let _ = hal::irq::disable();
    hal::timer::arm_in(50_000);
    assert_eq!(run(&mut regs), Trap::Interrupt);
    assert_eq!(context.user_bases(), Some((0x12_3000, 0x45_6000)));
    context.reset_user();
    assert_eq!(context.user_bases(), Some((0, 0)));
    assert_eq!(xmm(context, 3), 0);
}
