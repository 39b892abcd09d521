//! Structures of calls about processes, times and the system that `linux-raw-sys` has only as bindgen types; here they
//! are [`zerocopy`]-safe.
use crate::pod::{Timespec, Timeval};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

macro_rules! pod {
    ($($(#[$doc:meta])* $name:ident[$size:literal] { $($field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
        #[repr(C)]
        pub struct $name { $(pub $field: $type,)* }
        const _: () = assert!(size_of::<$name>() == $size);
    )*};
}

pod! {
    /// `struct rusage` (getrusage(2)).
    Rusage[144] {
        utime: Timeval,
        stime: Timeval,
        maxrss: i64,
        ixrss: i64,
        idrss: i64,
        isrss: i64,
        minflt: i64,
        majflt: i64,
        nswap: i64,
        inblock: i64,
        oublock: i64,
        msgsnd: i64,
        msgrcv: i64,
        nsignals: i64,
        nvcsw: i64,
        nivcsw: i64,
    }
    /// `struct tms` (times(2)).
    Tms[32] {
        utime: i64,
        stime: i64,
        cutime: i64,
        cstime: i64,
    }
    /// `struct itimerval` (setitimer(2)).
    Itimerval[32] {
        interval: Timeval,
        value: Timeval,
    }
    /// `struct itimerspec` (timer_settime(2)).
    Itimerspec[32] {
        interval: Timespec,
        value: Timespec,
    }
    /// `struct rlimit` of 64 bits a half (prlimit(2)).
    Rlimit[16] {
        cur: u64,
        max: u64,
    }
    /// `struct sysinfo` (sysinfo(2)).
    Sysinfo[112] {
        uptime: i64,
        loads: [u64; 3],
        totalram: u64,
        freeram: u64,
        sharedram: u64,
        bufferram: u64,
        totalswap: u64,
        freeswap: u64,
        procs: u16,
        pad: u16,
        pad2: u32,
        totalhigh: u64,
        freehigh: u64,
        mem_unit: u32,
        pad3: u32,
    }
    /// `struct __user_cap_header_struct` (capget(2)).
    CapHeader[8] {
        version: u32,
        pid: i32,
    }
    /// `struct __user_cap_data_struct`: 32 capabilities.
    CapData[12] {
        effective: u32,
        permitted: u32,
        inheritable: u32,
    }
    /// `struct sched_attr`, the first version (sched_setattr(2)).
    SchedAttr[48] {
        size: u32,
        policy: u32,
        flags: u64,
        nice: i32,
        priority: u32,
        runtime: u64,
        deadline: u64,
        period: u64,
    }
    /// `struct sigevent` (timer_create(2)): the parts that the kernel reads.
    Sigevent[64] {
        value: u64,
        signo: i32,
        notify: i32,
        tid: i32,
        pad: [i32; 11],
    }
}
