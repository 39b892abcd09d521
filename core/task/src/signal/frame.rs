//! The handler's frame on the user stack, and the way back (rt_sigreturn(2)).
use crate::cx::{AltStack, Cx, SS_AUTODISARM};
use crate::signal::action::{SigAction, sa};
use crate::signal::layout::{
    Frame, INFO_OFFSET, MAGIC2, RED_ZONE, SW_RESERVED, SigContext, StackT, UC_FP_XSTATE, UC_OFFSET,
    UC_SIGCONTEXT_SS, UC_STRICT_RESTORE_SS, UContext, claimed_size, place, software_bytes,
};
use crate::signal::altstack::set_altstack;
use crate::signal::mask::set_blocked;
use abi::raw::{SS_DISABLE, SS_ONSTACK};
use abi::{Errno, Result};
use hal::addr::UserAddr;
use hal::fpu;
use hal::user::UserRegs;
use kmem::{TryVec, user};
use pid::{SigInfo, SigSet};

const FLAG_TF: u64 = 1 << 8;
const FLAG_DF: u64 = 1 << 10;
const FLAG_RF: u64 = 1 << 16;
/// Flags that sigreturn takes from the frame: OF DF SF ZF AF PF CF, TF, RF, AC.
const FIX_FLAGS: u64 = 0x0001_0000 | 0x0004_0000 | 0x0dd5;

/// Puts the handler's frame on the user stack and makes the task run the handler next.
///
/// # Errors
/// `EFAULT`: no restorer, or the stack cannot be written.
pub(crate) fn push(cx: &mut Cx, info: &SigInfo, action: &SigAction) -> Result<()> {
    if !action.has(sa::RESTORER) {
        return Err(Errno::EFAULT);
    }
    let sp = cx.regs.rsp as usize;
    let nested = cx.altstack.in_use(sp);
    let enters = action.has(sa::ONSTACK)
        && cx.altstack.size != 0
        && !cx.altstack.in_use(sp - RED_ZONE.min(sp));
    let top = if enters {
        cx.altstack.base + cx.altstack.size
    } else {
        sp.wrapping_sub(RED_ZONE)
    };
    let image = fpu::xstate_size();
    let features = fpu::xfeatures();
    let trailer = if features.is_some() { 4 } else { 0 };
    let at = place(top, image + trailer).ok_or(Errno::EFAULT)?;
    if (nested || enters) && !cx.altstack.contains(at.frame) {
        return Err(Errno::EFAULT);
    }
    save_fpu(cx, at.fpstate, image, features)?;
    let mask = cx.saved_mask.take().unwrap_or_else(|| cx.task.blocked());
    let frame = Frame {
        restorer: action.restorer as u64,
        uc: UContext {
            flags: UC_SIGCONTEXT_SS
                | UC_STRICT_RESTORE_SS
                | if features.is_some() { UC_FP_XSTATE } else { 0 },
            link: 0,
            stack: stack_of(&cx.altstack),
            mcontext: save_regs(cx, mask, at.fpstate),
            sigmask: mask.0,
        },
        info: info.encode(),
    };
    user::write(UserAddr(at.frame), &frame)?;
    if cx.altstack.flags & SS_AUTODISARM != 0 {
        cx.altstack = AltStack::NONE;
    }
    let regs = &mut cx.regs;
    regs.rdi = u64::from(info.signo);
    regs.rsi = (at.frame + INFO_OFFSET) as u64;
    regs.rdx = (at.frame + UC_OFFSET) as u64;
    regs.rax = 0;
    regs.rip = action.handler as u64;
    regs.rsp = at.frame as u64;
    regs.rflags &= !(FLAG_DF | FLAG_RF | FLAG_TF);
    regs.orig_rax = u64::MAX;
    Ok(())
}

fn stack_of(alt: &AltStack) -> StackT {
    StackT {
        sp: alt.base,
        flags: alt.flags,
        pad: 0,
        size: alt.size,
    }
}

fn save_regs(cx: &Cx, mask: SigSet, fpstate: usize) -> SigContext {
    let r = &cx.regs;
    SigContext {
        r8: r.r8,
        r9: r.r9,
        r10: r.r10,
        r11: r.r11,
        r12: r.r12,
        r13: r.r13,
        r14: r.r14,
        r15: r.r15,
        rdi: r.rdi,
        rsi: r.rsi,
        rbp: r.rbp,
        rbx: r.rbx,
        rdx: r.rdx,
        rax: r.rax,
        rcx: r.rcx,
        rsp: r.rsp,
        rip: r.rip,
        rflags: r.rflags,
        cs: UserRegs::USER_CS as u16,
        gs: 0,
        fs: 0,
        ss: UserRegs::USER_SS as u16,
        err: cx.fault.error_code,
        trapno: cx.fault.vector,
        oldmask: mask.0,
        cr2: cx.fault.addr,
        fpstate: fpstate as u64,
        reserved: [0; 8],
    }
}

/// The task's buffer for FPU images, long enough for one with its trailer. It is kept: clearing one each time would be a
/// tenth of a signal's cost. `EFAULT`: no memory for it, which ends the handler's call as a bad stack would.
fn with_scratch<R>(cx: &mut Cx, f: impl FnOnce(&Cx, &mut [u8]) -> Result<R>) -> Result<R> {
    let len = fpu::xstate_size() + 4;
    let mut scratch = core::mem::take(&mut cx.scratch);
    if scratch.len() != len {
        scratch.try_resize(len, 0).map_err(|_| Errno::EFAULT)?;
    }
    let result = f(cx, &mut scratch);
    cx.scratch = scratch;
    result
}

fn save_fpu(cx: &mut Cx, to: usize, size: usize, features: Option<u64>) -> Result<()> {
    with_scratch(cx, |cx, image| {
        let copied = cx
            .context()
            .with_fpu(|bytes| image[..size].copy_from_slice(bytes));
        copied.ok_or(Errno::EFAULT)?;
        let software = software_bytes(size, features.unwrap_or(3));
        image[SW_RESERVED..SW_RESERVED + software.len()].copy_from_slice(&software);
        image[size..].copy_from_slice(&MAGIC2.to_le_bytes());
        let len = if features.is_some() { size + 4 } else { size };
        user::copy_to_user(UserAddr(to), &image[..len])
    })
}

/// rt_sigreturn(2): takes the frame at the stack pointer back. The result is what `rax` was; a bad frame is SIGSEGV.
pub fn sigreturn(cx: &mut Cx) -> usize {
    if restore(cx).is_err() {
        crate::signal::send::force_segv(&cx.task, 0);
        return 0;
    }
    cx.regs.rax as usize
}

fn restore(cx: &mut Cx) -> Result<()> {
    let at = (cx.regs.rsp as usize).wrapping_sub(8);
    let uc: UContext = user::read(UserAddr(at.wrapping_add(UC_OFFSET)))?;
    set_blocked(&cx.task, SigSet(uc.sigmask));
    restore_regs(&mut cx.regs, &uc.mcontext);
    cx.regs_changed();
    restore_fpu(cx, uc.mcontext.fpstate as usize)?;
    // A stack that is bad by now is left as it is, as in Linux.
    let _ = set_altstack(cx, Some(uc.stack));
    Ok(())
}

fn restore_regs(r: &mut UserRegs, c: &SigContext) {
    (r.r8, r.r9, r.r10, r.r11) = (c.r8, c.r9, c.r10, c.r11);
    (r.r12, r.r13, r.r14, r.r15) = (c.r12, c.r13, c.r14, c.r15);
    (r.rdi, r.rsi, r.rbp, r.rbx) = (c.rdi, c.rsi, c.rbp, c.rbx);
    (r.rdx, r.rax, r.rcx, r.rsp) = (c.rdx, c.rax, c.rcx, c.rsp);
    r.rip = c.rip;
    r.rflags = r.rflags & !FIX_FLAGS | c.rflags & FIX_FLAGS;
    r.orig_rax = u64::MAX;
}

fn restore_fpu(cx: &mut Cx, from: usize) -> Result<()> {
    if from == 0 {
        let fresh = |bytes: &mut [u8]| {
            bytes.fill(0);
            bytes[0..2].copy_from_slice(&0x37fu16.to_le_bytes());
            bytes[24..28].copy_from_slice(&0x1f80u32.to_le_bytes());
        };
        return cx.context().with_fpu_mut(fresh).ok_or(Errno::EFAULT);
    }
    with_scratch(cx, |cx, image| load_image(cx, from, image))
}

/// Loads an image in user memory: as much of it as its own software bytes claim.
fn load_image(cx: &Cx, from: usize, image: &mut [u8]) -> Result<()> {
    const LEGACY: usize = fpu::LEGACY_SIZE;
    user::copy_from_user(&mut image[..LEGACY], UserAddr(from))?;
    let size = fpu::xstate_size();
    let mut claimed = if fpu::xfeatures().is_some() {
        claimed_size(image, size)
    } else {
        LEGACY
    };
    if claimed > LEGACY {
        // The rest and the mark behind it in one go.
        user::copy_from_user(
            &mut image[LEGACY..claimed + 4],
            UserAddr(from.wrapping_add(LEGACY)),
        )?;
        if image[claimed..claimed + 4] != MAGIC2.to_le_bytes() {
            claimed = LEGACY;
        }
    }
    let load = |bytes: &mut [u8]| {
        bytes[..claimed].copy_from_slice(&image[..claimed]);
        if claimed == LEGACY && bytes.len() > LEGACY {
            bytes[LEGACY..].fill(0);
            bytes[LEGACY] = 3; // x87 and SSE are what the legacy image has
        }
    };
    cx.context().with_fpu_mut(load).ok_or(Errno::EFAULT)
}

/// What sigaltstack(2) answers with.
pub fn altstack_now(cx: &Cx) -> StackT {
    let alt = &cx.altstack;
    let sp = cx.regs.rsp as usize;
    let state = if alt.size == 0 {
        SS_DISABLE
    } else if alt.in_use(sp) {
        SS_ONSTACK
    } else {
        0
    };
    StackT {
        sp: alt.base,
        flags: state | alt.flags & SS_AUTODISARM,
        pad: 0,
        size: alt.size,
    }
}
