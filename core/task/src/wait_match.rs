//! Which child a wait call means, and what it says of it (wait(2), waitid(2)). Pure.
use abi::raw::*;
use abi::{Errno, Result};
use pid::siginfo::code;

/// Whom a call waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Any child.
    Any,
    /// The child of this number.
    Pid(i32),
    /// A child in this process group.
    Group(i32),
}

/// A wait call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitRequest {
    /// Whom for.
    pub which: Which,
    /// `WNOHANG`, `WEXITED`, `WSTOPPED`, `WCONTINUED`, `WNOWAIT`, `__WALL`, `__WCLONE`, `__WNOTHREAD`.
    pub options: u32,
}

impl WaitRequest {
    /// wait4(2); `own_group` is what pid 0 means. `EINVAL`: unknown options; `ESRCH`: pid is the most negative number.
    pub fn wait4(pid: i32, options: u32, own_group: i32) -> Result<Self> {
        if options & !(WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL) != 0 {
            return Err(Errno::EINVAL);
        }
        let which = match pid {
            i32::MIN => return Err(Errno::ESRCH),
            -1 => Which::Any,
            0 => Which::Group(own_group),
            group if group < 0 => Which::Group(-group),
            pid => Which::Pid(pid),
        };
        Ok(Self {
            which,
            options: options | WEXITED,
        })
    }

    /// waitid(2), `P_PIDFD` aside. `EINVAL`: unknown or no options, a bad id or type.
    pub fn waitid(kind: u32, id: i32, options: u32, own_group: i32) -> Result<Self> {
        let known =
            WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL;
        if options & !known != 0 || options & (WEXITED | WSTOPPED | WCONTINUED) == 0 {
            return Err(Errno::EINVAL);
        }
        let which = match kind {
            P_ALL => Which::Any,
            P_PID if id > 0 => Which::Pid(id),
            P_PGID if id == 0 => Which::Group(own_group),
            P_PGID if id > 0 => Which::Group(id),
            _ => return Err(Errno::EINVAL),
        };
        Ok(Self { which, options })
    }

    /// Whether an option is set.
    pub const fn has(&self, option: u32) -> bool {
        self.options & option != 0
    }

    /// Whether a child of this number, group and exit signal is meant.
    pub fn matches(&self, pid: i32, group: impl FnOnce() -> i32, exit_signal: u32) -> bool {
        let kind = self.has(__WALL) || (exit_signal != SIGCHLD) == self.has(__WCLONE);
        kind && self.names(pid, group)
    }

    /// Whether a tracee of this number and group is meant: of what kind it is does not matter.
    pub fn names(&self, pid: i32, group: impl FnOnce() -> i32) -> bool {
        match self.which {
            Which::Any => true,
            Which::Pid(nr) => nr == pid,
            Which::Group(nr) => nr == group(),
        }
    }
}

/// In a status word of wait(2): there is a core image.
pub const DUMPED: i32 = 0x80;

/// What became of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It ended with this code (low 8 bits count).
    Exited(i32),
    /// A signal ended it.
    Killed(u32),
    /// A signal ended it, and there is a core image.
    Dumped(u32),
    /// A signal stopped it.
    Stopped(u32),
    /// It runs again.
    Continued,
    /// It stands still for its tracer: the signal, and the event above that.
    Trapped(u32),
}

impl Change {
    /// From the status word of an ended process: `code << 8` or the signal.
    pub const fn from_exit_status(status: i32) -> Self {
        match (status & 0x7f, status & DUMPED) {
            (0, _) => Self::Exited(status >> 8 & 0xff),
            (sig, 0) => Self::Killed(sig as u32),
            (sig, _) => Self::Dumped(sig as u32),
        }
    }

    /// The status word of wait(2).
    pub const fn status(self) -> i32 {
        match self {
            Self::Exited(code) => (code & 0xff) << 8,
            Self::Killed(sig) => sig as i32,
            Self::Dumped(sig) => sig as i32 | DUMPED,
            Self::Stopped(sig) => (sig as i32) << 8 | 0x7f,
            Self::Continued => 0xffff,
            Self::Trapped(code) => (code as i32) << 8 | 0x7f,
        }
    }

    /// `si_code` and `si_status` of SIGCHLD and waitid(2).
    pub const fn code_and_status(self) -> (i32, i32) {
        match self {
            Self::Exited(status) => (code::CLD_EXITED, status),
            Self::Killed(sig) => (code::CLD_KILLED, sig as i32),
            Self::Dumped(sig) => (code::CLD_DUMPED, sig as i32),
            Self::Stopped(sig) => (code::CLD_STOPPED, sig as i32),
            Self::Continued => (code::CLD_CONTINUED, SIGCONT as i32),
            Self::Trapped(what) => (code::CLD_TRAPPED, what as i32),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whom() {
        let any = WaitRequest::wait4(-1, 0, 7).unwrap();
        assert!(any.matches(5, || 1, SIGCHLD));
        assert!(
            !any.matches(5, || 1, 0),
            "a clone child needs __WCLONE or __WALL"
        );
        assert!(
            WaitRequest::wait4(-1, __WCLONE, 7)
                .unwrap()
                .matches(5, || 1, 0)
        );
        assert!(
            WaitRequest::wait4(-1, __WALL, 7)
                .unwrap()
                .matches(5, || 1, 0)
        );
        assert_eq!(WaitRequest::wait4(0, 0, 7).unwrap().which, Which::Group(7));
        assert_eq!(WaitRequest::wait4(-3, 0, 7).unwrap().which, Which::Group(3));
        assert_eq!(WaitRequest::wait4(i32::MIN, 0, 7), Err(Errno::ESRCH));
        assert_eq!(WaitRequest::wait4(-1, 1 << 20, 7), Err(Errno::EINVAL));
        assert_eq!(
            WaitRequest::waitid(P_ALL, 0, WNOHANG, 7),
            Err(Errno::EINVAL)
        );
        assert_eq!(
            WaitRequest::waitid(P_PID, 0, WEXITED, 7),
            Err(Errno::EINVAL)
        );
    }

    #[test]
    fn status_words() {
        assert_eq!(Change::Exited(3).status(), 0x300);
        assert_eq!(Change::from_exit_status(0x300), Change::Exited(3));
        assert_eq!(Change::from_exit_status(9), Change::Killed(9));
        assert_eq!(Change::from_exit_status(0x8b), Change::Dumped(11));
        assert_eq!(Change::Dumped(11).status(), 0x8b);
        assert_eq!(Change::Stopped(19).status(), 0x137f);
        assert_eq!(Change::Continued.status(), 0xffff);
    }
}
