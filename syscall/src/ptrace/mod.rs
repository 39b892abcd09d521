//! ptrace(2): decodes requests, makes them of `task::ptrace`, encodes what they answer.
//!
//! Requests come in three kinds: those that make a bond, those for a tracee whatever it does, and the rest, for one that
//! stands still. Seccomp's events, `PTRACE_SYSEMU` and block steps are not there: `EINVAL` for the option, `EIO` for the rest.
mod info;
mod state;

use crate::Call;
use crate::process::{may_inspect, thread_of};
use abi::raw::__NR_ptrace;
use abi::{Errno, Result};
use hal::addr::UserAddr;
use kmem::user;
use pid::SigInfo;
use pid::signals::SIGKILL;
use task::Cx;
use task::objects::Follow;
use task::ptrace::{Grip, Held, option};

/// This family.
pub(crate) const CALLS: &[Call] = &[(__NR_ptrace, "ptrace", sys_ptrace)];

/// Requests (sys/ptrace.h).
mod request {
    pub(super) const TRACEME: u32 = 0;
    pub(super) const PEEKTEXT: u32 = 1;
    pub(super) const PEEKDATA: u32 = 2;
    pub(super) const PEEKUSER: u32 = 3;
    pub(super) const POKETEXT: u32 = 4;
    pub(super) const POKEDATA: u32 = 5;
    pub(super) const POKEUSER: u32 = 6;
    pub(super) const CONT: u32 = 7;
    pub(super) const KILL: u32 = 8;
    pub(super) const SINGLESTEP: u32 = 9;
    pub(super) const GETREGS: u32 = 12;
    pub(super) const SETREGS: u32 = 13;
    pub(super) const GETFPREGS: u32 = 14;
    pub(super) const SETFPREGS: u32 = 15;
    pub(super) const ATTACH: u32 = 16;
    pub(super) const DETACH: u32 = 17;
    pub(super) const SYSCALL: u32 = 24;
    pub(super) const ARCH_PRCTL: u32 = 30;
    pub(super) const SETOPTIONS: u32 = 0x4200;
    pub(super) const GETEVENTMSG: u32 = 0x4201;
    pub(super) const GETSIGINFO: u32 = 0x4202;
    pub(super) const SETSIGINFO: u32 = 0x4203;
    pub(super) const GETREGSET: u32 = 0x4204;
    pub(super) const SETREGSET: u32 = 0x4205;
    pub(super) const SEIZE: u32 = 0x4206;
    pub(super) const INTERRUPT: u32 = 0x4207;
    pub(super) const LISTEN: u32 = 0x4208;
    pub(super) const PEEKSIGINFO: u32 = 0x4209;
    pub(super) const GETSIGMASK: u32 = 0x420a;
    pub(super) const SETSIGMASK: u32 = 0x420b;
    pub(super) const GET_SYSCALL_INFO: u32 = 0x420e;
}

/// A request to a tracee: where in it, and where in the caller (or a number).
#[derive(Clone, Copy)]
struct Args {
    addr: usize,
    data: usize,
}

fn sys_ptrace(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let (what, tid) = (a[0] as u32, a[1] as i32);
    let args = Args {
        addr: a[2],
        data: a[3],
    };
    // The request is a long: more than an int's worth of it is no request.
    if a[0] > u32::MAX as usize {
        return Err(Errno::EIO);
    }
    match what {
        request::TRACEME => task::ptrace::trace_me(cx)?,
        request::ATTACH => attach(cx, tid, Grip::Attach, 0)?,
        request::SEIZE => {
            if args.addr != 0 || args.data & !(option::KNOWN as usize) != 0 {
                known(cx, tid)?;
                return Err(Errno::EIO);
            }
            attach(cx, tid, Grip::Seize, args.data as u32)?;
        }
        request::KILL => {
            let (target, _) = traced(cx, tid)?;
            let _ = task::signal::send_to_task(&target, &SigInfo::user(SIGKILL, 0, 0)); // it may have ended
        }
        request::INTERRUPT => traced(cx, tid)?.1.interrupt()?,
        _ => {
            known(cx, tid)?;
            return to_held(&Held::find(cx, tid)?, what, args);
        }
    }
    Ok(0)
}

/// `ESRCH`: there is no such thread. Numbers are positive here: 0 is not the caller.
fn known(cx: &Cx, tid: i32) -> Result<()> {
    if tid <= 0 {
        return Err(Errno::ESRCH);
    }
    thread_of(cx, tid).map(|_| ())
}

fn traced(cx: &Cx, tid: i32) -> Result<(alloc::sync::Arc<task::Task>, Held)> {
    task::ptrace::tracee(cx, tid)
}

/// `EPERM`: it is the caller's own, or not to be looked into.
fn attach(cx: &Cx, tid: i32, grip: Grip, options: u32) -> Result<()> {
    known(cx, tid)?;
    let target = thread_of(cx, tid)?;
    let own = alloc::sync::Arc::ptr_eq(target.process(), cx.process());
    if own || !may_inspect(cx, &target)? {
        return Err(Errno::EPERM);
    }
    task::ptrace::attach(cx, &target, grip, options)
}

fn to_held(held: &Held, what: u32, args: Args) -> Result<usize> {
    match what {
        request::PEEKTEXT | request::PEEKDATA => peek(held, args)?,
        request::POKETEXT | request::POKEDATA => poke(held, args)?,
        request::PEEKUSER => {
            let word = state::peek_user(held, args.addr)?;
            user::write(UserAddr(args.data), &word)?;
        }
        request::POKEUSER => state::poke_user(held, args.addr, args.data as u64)?,
        request::CONT => go_on(held, Follow::Free, args)?,
        request::SYSCALL => go_on(held, Follow::Calls, args)?,
        request::SINGLESTEP => go_on(held, Follow::Step, args)?,
        request::DETACH => held.detach(signal(args)?)?,
        request::LISTEN => held.listen()?,
        request::GETREGS => state::get_general(held, UserAddr(args.data), task::registers::SIZE)?,
        request::SETREGS => state::set_general(held, UserAddr(args.data), task::registers::SIZE)?,
        request::GETFPREGS => {
            state::get_legacy_fpu(held, UserAddr(args.data), hal::fpu::LEGACY_SIZE)?;
        }
        request::SETFPREGS => {
            state::set_legacy_fpu(held, UserAddr(args.data), hal::fpu::LEGACY_SIZE)?;
        }
        request::GETREGSET | request::SETREGSET => {
            state::register_set(
                held,
                what == request::SETREGSET,
                args.addr as u32,
                args.data,
            )?;
        }
        request::ARCH_PRCTL => state::arch_prctl(held, args.data as u32, args.addr)?,
        request::SETOPTIONS => held.set_options(args.data)?,
        request::GETEVENTMSG => {
            let message = held.with(|state| state.message)?;
            user::write(UserAddr(args.data), &message)?;
        }
        request::GETSIGINFO => info::get_signal(held, UserAddr(args.data))?,
        request::SETSIGINFO => info::set_signal(held, UserAddr(args.data))?,
        request::PEEKSIGINFO => return info::peek_signals(held, args.addr, args.data),
        request::GETSIGMASK | request::SETSIGMASK if args.addr != 8 => return Err(Errno::EINVAL),
        request::GETSIGMASK => user::write(UserAddr(args.data), &held.mask()?.0)?,
        request::SETSIGMASK => {
            let mask: u64 = user::read(UserAddr(args.data))?;
            held.set_mask(pid::SigSet(mask))?;
        }
        request::GET_SYSCALL_INFO => return info::get_call(held, args.addr, UserAddr(args.data)),
        _ => return Err(Errno::EIO),
    }
    Ok(0)
}

/// The signal to go on with. `EIO`: there is no such signal.
fn signal(args: Args) -> Result<u32> {
    if args.data == 0 || args.data <= 64 {
        Ok(args.data as u32)
    } else {
        Err(Errno::EIO)
    }
}

fn go_on(held: &Held, follow: Follow, args: Args) -> Result<()> {
    held.go_on(follow, signal(args)?)
}

const WORD: usize = size_of::<u64>();

/// `EIO`: nothing is mapped there.
fn peek(held: &Held, args: Args) -> Result<()> {
    let mut word = [0; WORD];
    let space = held.task().mm().ok_or(Errno::EIO)?;
    match space.read_remote(UserAddr(args.addr), &mut word) {
        Ok(WORD) => user::copy_to_user(UserAddr(args.data), &word),
        _ => Err(Errno::EIO),
    }
}

/// `EIO`: nothing is mapped there, or it is shared and read-only.
fn poke(held: &Held, args: Args) -> Result<()> {
    let space = held.task().mm().ok_or(Errno::EIO)?;
    let word = args.data.to_le_bytes();
    match space.write_remote(UserAddr(args.addr), &word, true) {
        Ok(WORD) => Ok(()),
        _ => Err(Errno::EIO),
    }
}
