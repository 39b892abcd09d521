//! Options: `SOL_SOCKET`, which all sockets have, and the values of all.
use crate::base::Base;
use crate::limits::{Limit, RMEM_MAX, WMEM_MAX};
use crate::program::{Filter, FilterProgram};
use crate::who::Caller;
use abi::net::{
    AF_INET, SO_ACCEPTCONN, SO_ATTACH_FILTER, SO_BROADCAST, SO_COOKIE, SO_DETACH_FILTER, SO_DOMAIN,
    SO_DONTROUTE, SO_ERROR, SO_KEEPALIVE, SO_LINGER, SO_LOCK_FILTER, SO_OOBINLINE, SO_PASSCRED,
    SO_PRIORITY, SO_PROTOCOL, SO_RCVBUF, SO_RCVBUFFORCE, SO_RCVLOWAT, SO_RCVTIMEO_OLD,
    SO_REUSEADDR, SO_REUSEPORT, SO_SNDBUF, SO_SNDBUFFORCE, SO_SNDLOWAT, SO_SNDTIMEO_OLD, SO_TYPE,
};
use abi::pod::Timeval;
use abi::{Errno, Result};
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use cred::cap;
use kmem::try_arc;
use kmem::user::{self, UserAddr};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// The least room that there is.
const LEAST_RECEIVE: usize = 2304;
const LEAST_SEND: usize = 4608;
/// Most memory of a socket's options (`/proc/sys/net/core/optmem_max`).
const OPTION_MEMORY: usize = 20_480;
/// The highest priority that anybody may ask for.
const MOST_PRIORITY: i32 = 6;

/// Options that are on or off and say something to some families only; to the others it is the same.
const SWITCHES: [u32; 6] = [
    SO_BROADCAST,
    SO_DONTROUTE,
    SO_KEEPALIVE,
    SO_OOBINLINE,
    SO_REUSEADDR,
    SO_REUSEPORT,
];

/// The value of an option that user space sets.
#[derive(Clone, Copy, Debug)]
pub struct OptionIn {
    /// Where it stands.
    pub at: UserAddr,
    /// Its length.
    pub len: usize,
}

impl OptionIn {
    /// A whole value. EINVAL: it is shorter; EFAULT.
    pub fn read<T: FromBytes>(&self) -> Result<T> {
        if self.len < size_of::<T>() {
            return Err(Errno::EINVAL);
        }
        user::read(self.at)
    }
}

/// The value of an option that user space gets.
#[derive(Clone, Copy, Debug)]
pub struct OptionOut {
    /// Where it goes.
    pub at: UserAddr,
    /// The room there, then how much was written.
    pub len: usize,
}

impl OptionOut {
    /// Writes what fits. EFAULT.
    pub fn write<T: IntoBytes + Immutable>(&mut self, value: &T) -> Result<()> {
        let bytes = value.as_bytes();
        self.len = self.len.min(bytes.len());
        user::copy_to_user(self.at, &bytes[..self.len])
    }
}

impl Base {
    /// Sets an option of `SOL_SOCKET`. ENOPROTOOPT: there is no such; EINVAL, EFAULT, EPERM, ENOMEM.
    pub fn set_option(&self, who: &Caller<'_>, name: u32, value: &OptionIn) -> Result<()> {
        let number: i32 = value.read()?;
        let on = number != 0;
        match name {
            SO_RCVBUF => {
                set_room(&self.receive_room, cut(number, &RMEM_MAX), LEAST_RECEIVE);
            }
            SO_SNDBUF => set_room(&self.send_room, cut(number, &WMEM_MAX), LEAST_SEND),
            SO_RCVBUFFORCE | SO_SNDBUFFORCE if !who.may(cap::NET_ADMIN) => {
                return Err(Errno::EPERM);
            }
            SO_RCVBUFFORCE => set_room(&self.receive_room, number.max(0), LEAST_RECEIVE),
            SO_SNDBUFFORCE => set_room(&self.send_room, number.max(0), LEAST_SEND),
            SO_RCVLOWAT => {
                let least = if number < 0 { i32::MAX } else { number.max(1) };
                self.receive_least.store(least as u32, Ordering::Relaxed);
            }
            SO_LINGER => {
                let value: [i32; 2] = value.read()?;
                let seconds = if value[0] == 0 { -1 } else { value[1].max(0) };
                self.linger.store(seconds, Ordering::Relaxed);
            }
            SO_PRIORITY => {
                let usual = (0..=MOST_PRIORITY).contains(&number);
                if !usual && !who.may(cap::NET_ADMIN) && !who.may(cap::NET_RAW) {
                    return Err(Errno::EPERM);
                }
                self.priority.store(number, Ordering::Relaxed);
            }
            // Ports are the Internet's.
            SO_REUSEPORT if on && self.family != AF_INET => return Err(Errno::EOPNOTSUPP),
            name if SWITCHES.contains(&name) => match on {
                true => drop(self.switches.fetch_or(1 << name, Ordering::Relaxed)),
                false => drop(self.switches.fetch_and(!(1 << name), Ordering::Relaxed)),
            },
            SO_PASSCRED => self.pass_credentials.store(on, Ordering::Relaxed),
            SO_RCVTIMEO_OLD => set_timeout(&self.receive_ns, value)?,
            SO_SNDTIMEO_OLD => set_timeout(&self.send_ns, value)?,
            SO_ATTACH_FILTER => self.attach(value)?,
            SO_DETACH_FILTER => {
                self.check_filter_lock()?;
                let old = self.set_filter(None);
                old.ok_or(Errno::ENOENT)?;
            }
            SO_LOCK_FILTER => {
                if !on {
                    self.check_filter_lock()?;
                }
                self.filter_is_locked.store(on, Ordering::Relaxed);
            }
            // SO_TYPE, SO_PROTOCOL, SO_DOMAIN and SO_ERROR too: they are only told.
            _ => return Err(Errno::ENOPROTOOPT),
        }
        Ok(())
    }

    fn check_filter_lock(&self) -> Result<()> {
        match self.filter_is_locked.load(Ordering::Relaxed) {
            true => Err(Errno::EPERM),
            false => Ok(()),
        }
    }

    fn attach(&self, value: &OptionIn) -> Result<()> {
        if value.len != size_of::<FilterProgram>() {
            return Err(Errno::EINVAL);
        }
        let program: FilterProgram = value.read()?;
        self.check_filter_lock()?;
        let len = program.instructions()?;
        if !program.has_place() {
            return Err(Errno::EINVAL);
        }
        let program = program.fetch()?;
        // As large as it is for Linux, which makes each instruction one of eight bytes, and some more.
        if 72 + 8 * (len + 3) > OPTION_MEMORY {
            return Err(Errno::ENOMEM);
        }
        let old = self.set_filter(Some(try_arc(program)?));
        drop(old);
        Ok(())
    }

    /// Tells an option of `SOL_SOCKET`. ENOPROTOOPT: there is no such; EFAULT.
    pub fn option(&self, name: u32, out: &mut OptionOut) -> Result<()> {
        let flag = |on: bool| i32::from(on);
        let value = match name {
            SO_TYPE => self.kind as i32,
            SO_DOMAIN => self.family as i32,
            SO_PROTOCOL => self.protocol,
            SO_ERROR => self.take_error().map_or(0, |e| e.code()),
            SO_RCVBUF => self.receive_room() as i32,
            SO_SNDBUF => self.send_room() as i32,
            SO_SNDLOWAT => 1,
            SO_RCVLOWAT => self.receive_least() as i32,
            SO_PRIORITY => self.priority.load(Ordering::Relaxed),
            SO_LINGER => {
                let seconds = self.linger.load(Ordering::Relaxed);
                return out.write(&[i32::from(seconds >= 0), seconds.max(0)]);
            }
            name if SWITCHES.contains(&name) => flag(self.is_on(name)),
            SO_PASSCRED => flag(self.passes_credentials()),
            SO_ACCEPTCONN => flag(self.listens.load(Ordering::Relaxed)),
            SO_LOCK_FILTER => flag(self.filter_is_locked.load(Ordering::Relaxed)),
            SO_RCVTIMEO_OLD => return out.write(&timeout(&self.receive_ns)),
            SO_SNDTIMEO_OLD => return out.write(&timeout(&self.send_ns)),
            SO_COOKIE if out.len < size_of::<u64>() => return Err(Errno::EINVAL),
            SO_COOKIE => return out.write(&self.cookie()),
            SO_ATTACH_FILTER => return self.tell_filter(out),
            _ => return Err(Errno::ENOPROTOOPT),
        };
        out.write(&value)
    }

    /// `SO_GET_FILTER`: its length is in instructions.
    fn tell_filter(&self, out: &mut OptionOut) -> Result<()> {
        let Some(filter) = self.filter() else {
            out.len = 0;
            return Ok(());
        };
        let room = core::mem::replace(&mut out.len, filter.code().len());
        if room == 0 {
            return Ok(());
        }
        if room < out.len {
            return Err(Errno::EINVAL);
        }
        for (at, instruction) in filter.code().iter().enumerate() {
            let word = Filter {
                code: instruction.code,
                jt: instruction.jt,
                jf: instruction.jf,
                k: instruction.k,
            };
            user::write(out.at.add(at * size_of::<Filter>()), &word)?;
        }
        Ok(())
    }
}

/// What of a wish for room is granted. A negative number is as large as can be to Linux.
fn cut(wanted: i32, most: &Limit) -> i32 {
    (wanted as u32).min(most.get()) as i32
}

/// Twice what was asked for: half of it is bookkeeping.
fn set_room(room: &AtomicUsize, wanted: i32, least: usize) {
    let wanted = usize::try_from(wanted).unwrap_or(0);
    let wanted = wanted.min(i32::MAX as usize / 2);
    room.store((2 * wanted).max(least), Ordering::Relaxed);
}

fn set_timeout(ns: &AtomicU64, value: &OptionIn) -> Result<()> {
    let time: Timeval = value.read()?;
    if !(0..1_000_000).contains(&time.tv_usec) {
        return Err(Errno::EDOM);
    }
    // None is for ever, a negative one is over at once.
    let wanted = match (time.tv_sec, time.tv_usec) {
        (0, 0) => 0,
        (..0, _) => 1,
        (sec, usec) => (sec as u64)
            .saturating_mul(1_000_000_000)
            .saturating_add(usec as u64 * 1000),
    };
    ns.store(wanted, Ordering::Relaxed);
    Ok(())
}

fn timeout(ns: &AtomicU64) -> Timeval {
    let us = ns.load(Ordering::Relaxed) / 1000;
    Timeval {
        tv_sec: (us / 1_000_000) as i64,
        tv_usec: (us % 1_000_000) as i64,
    }
}
