//! Registers of a tracee: general, floating point, debug; one by one (`struct user`) and in sets.
use abi::pod::Iovec;
use abi::{Errno, Result};
use alloc::vec::Vec;
use hal::addr::UserAddr;
use hal::fpu::{self, LEGACY_SIZE};
use hal::watch::Watch;
use kmem::{TryVec, user};
use task::ptrace::Held;
use task::registers::{FEATURES, FS_BASE, GS_BASE, MXCSR, Registers, SIZE, SOFTWARE};

/// `sizeof(struct user)`, and where its debug registers are.
const USER_SIZE: usize = 928;
const DEBUG: core::ops::Range<usize> = 848..912;

/// `NT_*`: the sets of registers.
const PRSTATUS: u32 = 1;
const PRFPREG: u32 = 2;
const X86_XSTATE: u32 = 0x202;

const MXCSR_KNOWN: u32 = 0xffff;

fn registers(held: &Held) -> Result<Registers> {
    let (fs_base, gs_base) = held.with_context(hal::context::Context::user_bases)?;
    let regs = held.with(|state| state.regs)?;
    Ok(Registers {
        regs,
        fs_base,
        gs_base,
    })
}

fn put_back(held: &Held, all: &Registers) -> Result<()> {
    held.with(|state| state.regs = all.regs)?;
    held.with_context(|context| {
        (context.set_fs_base(all.fs_base) && context.set_gs_base(all.gs_base)).then_some(())
    })
}

/// `PTRACE_PEEKUSER`. `EIO`: not the place of a word.
pub(super) fn peek_user(held: &Held, at: usize) -> Result<u64> {
    if !at.is_multiple_of(8) || at >= USER_SIZE {
        return Err(Errno::EIO);
    }
    if at < SIZE {
        return Ok(registers(held)?.get(at / 8));
    }
    if !DEBUG.contains(&at) {
        return Ok(0);
    }
    held.with(|state| match (at - DEBUG.start) / 8 {
        slot @ 0..=3 => state.watch.addresses[slot],
        6 => state.cause,
        7 => state.watch.control,
        _ => 0,
    })
}

/// `PTRACE_POKEUSER`. `EIO`: not the place of a word that can be set, or not a value for it. `EINVAL`: not a watchpoint.
pub(super) fn poke_user(held: &Held, at: usize, value: u64) -> Result<()> {
    if !at.is_multiple_of(8) || at >= USER_SIZE {
        return Err(Errno::EIO);
    }
    if at < SIZE {
        let mut all = registers(held)?;
        all.set(at / 8, value)?;
        return put_back(held, &all);
    }
    if !DEBUG.contains(&at) {
        return Err(Errno::EIO);
    }
    let slot = (at - DEBUG.start) / 8;
    held.with(|state| {
        let mut watch = state.watch;
        match slot {
            0..=3 => watch.addresses[slot] = value,
            6 => {
                state.cause = value;
                return Ok(());
            }
            7 => watch.control = value & 0xffff_03ff,
            _ => return Err(Errno::EIO),
        }
        check_watch(&watch, slot)?;
        state.watch = watch;
        Ok(())
    })?
}

/// `EINVAL`: an address outside user space; of those that are on, one that is not a multiple of its length, or one of a kind
/// that there is not.
fn check_watch(watch: &Watch, changed: usize) -> Result<()> {
    if changed < 4 && watch.addresses[changed] >= abi::USER_END as u64 {
        return Err(Errno::EINVAL);
    }
    for (slot, address) in watch.addresses.iter().enumerate() {
        if watch.control >> (slot * 2) & 3 == 0 {
            continue;
        }
        let kind = watch.control >> (16 + slot * 4) & 15;
        let mask = match kind >> 2 {
            0 => 0,
            1 => 1,
            2 => 7,
            _ => 3,
        };
        let bad = match kind & 3 {
            0 => mask != 0,
            2 => true, // ports
            _ => address & mask != 0,
        };
        if bad {
            return Err(Errno::EINVAL);
        }
    }
    Ok(())
}

/// General registers to user memory. `EFAULT`.
pub(super) fn get_general(held: &Held, to: UserAddr, len: usize) -> Result<()> {
    user::copy_to_user(to, &registers(held)?.bytes()[..len])
}

/// General registers from user memory, as many as there are: those before a bad one are set, as Linux has it. `EFAULT`,
/// `EIO`.
pub(super) fn set_general(held: &Held, from: UserAddr, len: usize) -> Result<()> {
    let mut bytes = [0; SIZE];
    user::copy_from_user(&mut bytes[..len], from)?;
    let mut all = registers(held)?;
    let mut result = Ok(());
    for (at, word) in bytes[..len].chunks_exact(8).enumerate() {
        let mut eight = [0; 8];
        eight.copy_from_slice(word);
        result = all.set(at, u64::from_le_bytes(eight));
        if result.is_err() {
            break;
        }
    }
    put_back(held, &all)?;
    result
}

/// The whole FPU image, with what the CPU left out for being in its initial state put in.
fn image(held: &Held) -> Result<Vec<u8>> {
    let mut image = Vec::try_filled(0, fpu::xstate_size())?;
    held.with_context(|context| context.with_fpu(|bytes| image.copy_from_slice(bytes)))?;
    task::registers::complete_fpu(&mut image);
    Ok(image)
}

fn eight(bytes: &[u8], at: usize) -> [u8; 8] {
    let mut eight = [0; 8];
    eight.copy_from_slice(&bytes[at..at + 8]);
    eight
}

/// `EINVAL`: bits of MXCSR that must be zero.
fn check_mxcsr(bytes: &[u8]) -> Result<()> {
    let mxcsr = u32::from_le_bytes([
        bytes[MXCSR],
        bytes[MXCSR + 1],
        bytes[MXCSR + 2],
        bytes[MXCSR + 3],
    ]);
    if mxcsr & !MXCSR_KNOWN != 0 {
        return Err(Errno::EINVAL);
    }
    Ok(())
}

/// The part that FXSAVE writes, to user memory. `EFAULT`, `ENOMEM`.
pub(super) fn get_legacy_fpu(held: &Held, to: UserAddr, len: usize) -> Result<()> {
    let mut image = image(held)?;
    if fpu::xfeatures().is_some() {
        image[SOFTWARE..LEGACY_SIZE].fill(0);
    }
    user::copy_to_user(to, &image[..len])
}

/// `EINVAL`: not all of it, or bits of MXCSR that must be zero. `EFAULT`.
pub(super) fn set_legacy_fpu(held: &Held, from: UserAddr, len: usize) -> Result<()> {
    if len != LEGACY_SIZE {
        return Err(Errno::EINVAL);
    }
    let mut new = [0; LEGACY_SIZE];
    user::copy_from_user(&mut new, from)?;
    check_mxcsr(&new)?;
    held.with_context(|context| {
        context.with_fpu_mut(|bytes| {
            bytes[..SOFTWARE].copy_from_slice(&new[..SOFTWARE]);
            if bytes.len() > LEGACY_SIZE {
                bytes[FEATURES] |= 3;
            }
        })
    })
}

/// `EFAULT`: not all of it. `EINVAL`: features that the CPU has not, bits that must be zero.
fn set_whole_fpu(held: &Held, from: UserAddr, len: usize) -> Result<()> {
    if len != fpu::xstate_size() {
        return Err(Errno::EFAULT);
    }
    let mut new = Vec::try_filled(0, len)?;
    user::copy_from_user(&mut new, from)?;
    let features = fpu::xfeatures().unwrap_or(0);
    let reserved = new[FEATURES + 8..FEATURES + 64]
        .iter()
        .any(|byte| *byte != 0);
    if u64::from_le_bytes(eight(&new, FEATURES)) & !features != 0 || reserved {
        return Err(Errno::EINVAL);
    }
    check_mxcsr(&new)?;
    held.with_context(|context| context.with_fpu_mut(|bytes| bytes.copy_from_slice(&new)))
}

/// `PTRACE_GETREGSET` and `PTRACE_SETREGSET`. `EINVAL`: no such set, or not a multiple of its words.
pub(super) fn register_set(held: &Held, set: bool, which: u32, iovec: usize) -> Result<()> {
    let mut iov: Iovec = user::read(UserAddr(iovec))?;
    let size = match which {
        PRSTATUS => SIZE,
        PRFPREG => LEGACY_SIZE,
        X86_XSTATE if fpu::xfeatures().is_some() => fpu::xstate_size(),
        _ => return Err(Errno::EINVAL),
    };
    if !iov.iov_len.is_multiple_of(8) {
        return Err(Errno::EINVAL);
    }
    iov.iov_len = iov.iov_len.min(size);
    let (at, len) = (UserAddr(iov.iov_base), iov.iov_len);
    match (which, set) {
        (PRSTATUS, false) => get_general(held, at, len)?,
        (PRSTATUS, true) => set_general(held, at, len)?,
        (PRFPREG, false) => get_legacy_fpu(held, at, len)?,
        (PRFPREG, true) => set_legacy_fpu(held, at, len)?,
        (_, false) => user::copy_to_user(at, &image(held)?[..len])?,
        (_, true) => set_whole_fpu(held, at, len)?,
    }
    user::write(UserAddr(iovec).add(8), &iov.iov_len)
}

/// `PTRACE_ARCH_PRCTL`. `EINVAL`: no such thing; `EPERM`: a base outside user space.
pub(super) fn arch_prctl(held: &Held, what: u32, addr: usize) -> Result<()> {
    use crate::machine::{ARCH_GET_FS, ARCH_GET_GS, ARCH_SET_FS, ARCH_SET_GS};
    let mut all = registers(held)?;
    let at = match what {
        ARCH_GET_FS | ARCH_SET_FS => FS_BASE,
        ARCH_GET_GS | ARCH_SET_GS => GS_BASE,
        _ => return Err(Errno::EINVAL),
    };
    if matches!(what, ARCH_GET_FS | ARCH_GET_GS) {
        return user::write(UserAddr(addr), &all.get(at));
    }
    all.set(at, addr as u64).map_err(|_| Errno::EPERM)?;
    put_back(held, &all)
}
