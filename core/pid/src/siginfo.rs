//! What a signal carries: `siginfo_t` (sigaction(2)), typed inside the kernel, 128 bytes outside.
use crate::sigset::Signal;

/// `si_code` values (asm-generic/siginfo.h).
pub mod code {
    macro_rules! codes {
        ($($name:ident = $value:literal)*) => { $(#[doc = stringify!($name)] pub const $name: i32 = $value;)* };
    }
    codes! {
        SI_USER = 0 SI_KERNEL = 0x80 SI_QUEUE = -1 SI_TIMER = -2 SI_MESGQ = -3 SI_ASYNCIO = -4 SI_SIGIO = -5
        SI_TKILL = -6
        ILL_ILLOPC = 1 ILL_ILLOPN = 2
        FPE_INTDIV = 1 FPE_INTOVF = 2 FPE_FLTDIV = 3 FPE_FLTOVF = 4 FPE_FLTUND = 5 FPE_FLTRES = 6 FPE_FLTINV = 7
        SEGV_MAPERR = 1 SEGV_ACCERR = 2 SEGV_BNDERR = 3 SEGV_PKUERR = 4
        BUS_ADRALN = 1 BUS_ADRERR = 2 BUS_OBJERR = 3
        TRAP_BRKPT = 1 TRAP_TRACE = 2 TRAP_HWBKPT = 4
        CLD_EXITED = 1 CLD_KILLED = 2 CLD_DUMPED = 3 CLD_TRAPPED = 4 CLD_STOPPED = 5 CLD_CONTINUED = 6
        POLL_IN = 1 POLL_OUT = 2 POLL_MSG = 3 POLL_ERR = 4 POLL_PRI = 5 POLL_HUP = 6
        SYS_SECCOMP = 1
    }
}

/// The part of a siginfo that depends on its origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SigData {
    /// Nothing but number and code (from the kernel).
    None,
    /// kill(2), tkill(2): who sent it.
    Kill { pid: i32, uid: u32 },
    /// sigqueue(3) and message queues: who sent it and a value.
    Queue { pid: i32, uid: u32, value: u64 },
    /// A POSIX timer.
    Timer { id: i32, overrun: i32, value: u64 },
    /// SIGCHLD: which child, its status, its times in clock ticks.
    Child {
        pid: i32,
        uid: u32,
        status: i32,
        utime: i64,
        stime: i64,
    },
    /// SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP: where.
    Fault { addr: usize },
    /// SIGIO: what is ready, on which descriptor.
    Poll { band: i64, fd: i32 },
    /// SIGSYS.
    Sys { addr: usize, nr: i32, arch: u32 },
    /// Bytes 16 to 47 as another process gave them to rt_sigqueueinfo(2).
    Raw([u8; 32]),
}

/// A signal with its origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SigInfo {
    /// Which signal.
    pub signo: Signal,
    /// `si_errno`.
    pub errno: i32,
    /// `si_code`: see [`code`].
    pub code: i32,
    /// The rest.
    pub data: SigData,
}

impl SigInfo {
    /// A signal that the kernel itself sends.
    pub const fn kernel(signo: Signal) -> Self {
        Self {
            signo,
            errno: 0,
            code: code::SI_KERNEL,
            data: SigData::None,
        }
    }
    /// A signal by kill(2).
    pub const fn user(signo: Signal, pid: i32, uid: u32) -> Self {
        Self {
            signo,
            errno: 0,
            code: code::SI_USER,
            data: SigData::Kill { pid, uid },
        }
    }
    /// A signal for a fault at an address.
    pub const fn fault(signo: Signal, code: i32, addr: usize) -> Self {
        Self {
            signo,
            errno: 0,
            code,
            data: SigData::Fault { addr },
        }
    }
    /// Whether a user process made it (`SI_FROMUSER`).
    pub const fn from_user(&self) -> bool {
        self.code <= 0
    }

    /// The 128 bytes that user space sees.
    pub fn encode(&self) -> [u8; 128] {
        let mut out = [0; 128];
        let mut put = |at: usize, bytes: &[u8]| out[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &(self.signo as i32).to_le_bytes());
        put(4, &self.errno.to_le_bytes());
        put(8, &self.code.to_le_bytes());
        match self.data {
            SigData::None => {}
            SigData::Kill { pid, uid } => {
                put(16, &pid.to_le_bytes());
                put(20, &uid.to_le_bytes());
            }
            SigData::Queue { pid, uid, value } => {
                put(16, &pid.to_le_bytes());
                put(20, &uid.to_le_bytes());
                put(24, &value.to_le_bytes());
            }
            SigData::Timer { id, overrun, value } => {
                put(16, &id.to_le_bytes());
                put(20, &overrun.to_le_bytes());
                put(24, &value.to_le_bytes());
            }
            SigData::Child {
                pid,
                uid,
                status,
                utime,
                stime,
            } => {
                put(16, &pid.to_le_bytes());
                put(20, &uid.to_le_bytes());
                put(24, &status.to_le_bytes());
                put(32, &utime.to_le_bytes());
                put(40, &stime.to_le_bytes());
            }
            SigData::Fault { addr } => put(16, &addr.to_le_bytes()),
            SigData::Poll { band, fd } => {
                put(16, &band.to_le_bytes());
                put(24, &fd.to_le_bytes());
            }
            SigData::Sys { addr, nr, arch } => {
                put(16, &addr.to_le_bytes());
                put(24, &nr.to_le_bytes());
                put(28, &arch.to_le_bytes());
            }
            SigData::Raw(bytes) => put(16, &bytes),
        }
        out
    }

    /// A siginfo as user space gave it; the signal's number is the caller's.
    pub fn decode(signo: Signal, bytes: &[u8; 128]) -> Self {
        let int = |at: usize| {
            i32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        let mut raw = [0; 32];
        raw.copy_from_slice(&bytes[16..48]);
        Self {
            signo,
            errno: int(4),
            code: int(8),
            data: SigData::Raw(raw),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_of_a_child_signal() {
        let info = SigInfo {
            signo: 17,
            errno: 0,
            code: code::CLD_KILLED,
            data: SigData::Child {
                pid: 5,
                uid: 6,
                status: 9,
                utime: 1,
                stime: 2,
            },
        };
        let bytes = info.encode();
        assert_eq!(bytes[0], 17);
        assert_eq!(bytes[8], 2);
        assert_eq!(
            (bytes[16], bytes[20], bytes[24], bytes[32], bytes[40]),
            (5, 6, 9, 1, 2)
        );
    }

    #[test]
    fn user_bytes_survive() {
        let mut bytes = [0u8; 128];
        bytes[8..12].copy_from_slice(&(-1i32).to_le_bytes());
        bytes[24] = 77;
        let info = SigInfo::decode(34, &bytes);
        assert!(info.from_user());
        assert_eq!(info.encode()[24], 77);
        assert_eq!(info.encode()[0], 34);
    }
}
