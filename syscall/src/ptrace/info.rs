//! What a tracee's stop is about: its signal, others that wait, the system call.
use abi::{Errno, Result};
use hal::addr::UserAddr;
use kmem::user;
use pid::SigInfo;
use task::ptrace::{CALL_ENTRY, Held, is_call};

const INFO_SIZE: usize = 128;

/// `PTRACE_GETSIGINFO`. `EINVAL`: a stop of the whole process, for which there is none.
pub(super) fn get_signal(held: &Held, to: UserAddr) -> Result<()> {
    let info = held.with(|state| state.info)?.ok_or(Errno::EINVAL)?;
    user::copy_to_user(to, &info.encode())
}

/// `PTRACE_SETSIGINFO`. `EINVAL` as above.
pub(super) fn set_signal(held: &Held, from: UserAddr) -> Result<()> {
    let mut bytes = [0; INFO_SIZE];
    user::copy_from_user(&mut bytes, from)?;
    let number = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    held.with(|state| {
        let info = state.info.as_mut().ok_or(Errno::EINVAL)?;
        *info = SigInfo::decode(number, &bytes);
        Ok(())
    })?
}

/// `PTRACE_PEEKSIGINFO`: how many were copied. `EINVAL`: unknown flags, a negative count.
pub(super) fn peek_signals(held: &Held, args: usize, to: usize) -> Result<usize> {
    const SHARED: u32 = 1;
    let mut bytes = [0; 16];
    user::copy_from_user(&mut bytes, UserAddr(args))?;
    let word =
        |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let first = u64::from(word(4)) << 32 | u64::from(word(0));
    let (flags, count) = (word(8), word(12) as i32);
    if flags & !SHARED != 0 || count < 0 {
        return Err(Errno::EINVAL);
    }
    let mut done = 0;
    while done < count as usize {
        let at = first.wrapping_add(done as u64) as usize;
        let Some(info) = held.nth_pending(at, flags & SHARED != 0) else {
            break;
        };
        let to = UserAddr(to).add(done * INFO_SIZE);
        if let Err(error) = user::copy_to_user(to, &info.encode()) {
            return if done == 0 { Err(error) } else { Ok(done) };
        }
        done += 1;
    }
    Ok(done)
}

/// `PTRACE_GET_SYSCALL_INFO`: how many bytes there are to tell; as many as fit are copied.
pub(super) fn get_call(held: &Held, size: usize, to: UserAddr) -> Result<usize> {
    const ENTRY: u64 = 1;
    const EXIT: u64 = 2;
    const ARCH: u64 = 0xc000_003e;
    const HEAD: usize = 24;
    const ERRORS: u64 = 0u64.wrapping_sub(4095);
    let (regs, code, message) = held.with(|state| (state.regs, state.code, state.message))?;
    let mut words = [0u64; 10];
    let (op, len) = if !is_call(code) {
        (0, HEAD)
    } else if message == CALL_ENTRY {
        let args = [
            regs.orig_rax,
            regs.rdi,
            regs.rsi,
            regs.rdx,
            regs.r10,
            regs.r8,
            regs.r9,
        ];
        words[3..].copy_from_slice(&args);
        (ENTRY, HEAD + 56)
    } else {
        words[3] = regs.rax;
        words[4] = u64::from(regs.rax >= ERRORS);
        (EXIT, HEAD + 9)
    };
    words[0] = op | ARCH << 32;
    (words[1], words[2]) = (regs.rip, regs.rsp);
    let mut bytes = [0; 80];
    for (bytes, word) in bytes.chunks_exact_mut(8).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    user::copy_to_user(to, &bytes[..len.min(size)])?;
    Ok(len)
}
