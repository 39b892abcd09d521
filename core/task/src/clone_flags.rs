//! What clone(2) and clone3(2) are asked for, and which combinations make sense. Pure: no task in sight.
use abi::raw::*;
use abi::{Errno, Result};

/// The arguments of every call that makes a task, as clone3(2) has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CloneArgs {
    /// `CLONE_*`, without the exit signal.
    pub flags: u64,
    /// Where the new pidfd's number goes.
    pub pidfd: usize,
    /// `CLONE_CHILD_SETTID`, `CLONE_CHILD_CLEARTID`: in the child's memory.
    pub child_tid: usize,
    /// `CLONE_PARENT_SETTID`: in the parent's memory.
    pub parent_tid: usize,
    /// What the parent gets when the child ends; 0 for nothing.
    pub exit_signal: u32,
    /// The child's stack pointer; 0 for the parent's.
    pub stack: usize,
    /// `CLONE_SETTLS`: the child's FS base.
    pub tls: usize,
    /// Where the numbers are that the child is to have, and how many; the one in its own namespace first.
    pub set_tid: (usize, usize),
}

/// Sharing that clone(2) and clone3(2) both know.
const KNOWN: u64 = 0xffff_ff00;
/// The flags of every kind of namespace that Linux has.
pub const NAMESPACES: u32 = CLONE_NEWNS
    | CLONE_NEWCGROUP
    | CLONE_NEWUTS
    | CLONE_NEWIPC
    | CLONE_NEWUSER
    | CLONE_NEWPID
    | CLONE_NEWNET
    | CLONE_NEWTIME;
const CLEAR_SIGHAND: u64 = 1 << 32;
const DETACHED: u64 = 0x0040_0000;
/// `MAX_PID_NS_LEVEL`.
const MOST_NUMBERS: u64 = 32;

impl CloneArgs {
    /// fork(2).
    pub const fn fork() -> Self {
        Self {
            flags: 0,
            pidfd: 0,
            child_tid: 0,
            parent_tid: 0,
            exit_signal: SIGCHLD,
            stack: 0,
            tls: 0,
            set_tid: (0, 0),
        }
    }

    /// vfork(2).
    pub const fn vfork() -> Self {
        let mut args = Self::fork();
        args.flags = (CLONE_VFORK | CLONE_VM) as u64;
        args
    }

    /// clone(2) with the argument order of x86-64. `EINVAL`: pidfd and parent's tid would go to one place.
    pub fn legacy(
        flags: usize,
        stack: usize,
        parent: usize,
        child: usize,
        tls: usize,
    ) -> Result<Self> {
        let flags = flags as u64 & 0xffff_ffff;
        let args = Self {
            flags: flags & !u64::from(CSIGNAL),
            pidfd: parent,
            child_tid: child,
            parent_tid: parent,
            exit_signal: (flags & u64::from(CSIGNAL)) as u32,
            stack,
            tls,
            set_tid: (0, 0),
        };
        if args.has(CLONE_PIDFD) && args.has(CLONE_PARENT_SETTID) {
            return Err(Errno::EINVAL);
        }
        Ok(args)
    }

    /// clone3(2) from the words of `struct clone_args`, already read. `EINVAL`: see the manual page.
    pub fn modern(words: &[u64; 11]) -> Result<Self> {
        let [
            flags,
            pidfd,
            child_tid,
            parent_tid,
            exit_signal,
            stack,
            stack_size,
            tls,
            set_tid,
            set_tid_size,
            _cgroup,
        ] = *words;
        let bad_stack = (stack == 0) != (stack_size == 0)
            || stack
                .checked_add(stack_size)
                .is_none_or(|end| end > abi::USER_END as u64);
        let bad_flags = flags & !(KNOWN | CLEAR_SIGHAND | u64::from(CLONE_NEWTIME)) != 0
            || flags & (DETACHED | u64::from(CSIGNAL & !CLONE_NEWTIME)) != 0
            || flags & CLEAR_SIGHAND != 0 && flags & u64::from(CLONE_SIGHAND) != 0
            || flags & u64::from(CLONE_THREAD | CLONE_PARENT) != 0 && exit_signal != 0;
        let bad_numbers = set_tid_size > MOST_NUMBERS || (set_tid == 0) != (set_tid_size == 0);
        if bad_stack || bad_flags || exit_signal > 64 || bad_numbers {
            return Err(Errno::EINVAL);
        }
        Ok(Self {
            flags,
            pidfd: pidfd as usize,
            child_tid: child_tid as usize,
            parent_tid: parent_tid as usize,
            exit_signal: exit_signal as u32,
            stack: (stack + stack_size) as usize,
            tls: tls as usize,
            set_tid: (set_tid as usize, set_tid_size as usize),
        })
    }

    /// Whether a flag is set.
    #[inline]
    pub const fn has(&self, flag: u32) -> bool {
        self.flags & flag as u64 != 0
    }

    /// Whether handlers go back to their default (`CLONE_CLEAR_SIGHAND`).
    pub const fn clears_handlers(&self) -> bool {
        self.flags & CLEAR_SIGHAND != 0
    }

    /// Checks the combination. `EINVAL`: it makes no sense, or asks for a namespace of a kind that is not among `kinds`;
    /// `EPERM`: for a namespace without privilege (`privileged` is `CAP_SYS_ADMIN`).
    pub fn validate(&self, privileged: bool, kinds: u32) -> Result<()> {
        let both = |a, b| self.has(a) && self.has(b);
        let needs = |a, b| self.has(a) && !self.has(b);
        if both(CLONE_NEWNS, CLONE_FS)
            || both(CLONE_NEWUSER, CLONE_FS)
            || needs(CLONE_THREAD, CLONE_SIGHAND)
            || needs(CLONE_SIGHAND, CLONE_VM)
            || self.has(CLONE_THREAD) && self.has(CLONE_NEWUSER | CLONE_NEWPID)
            || self.has(CLONE_PIDFD) && (self.has(CLONE_THREAD) || self.flags & DETACHED != 0)
        {
            return Err(Errno::EINVAL);
        }
        match self.flags & NAMESPACES as u64 {
            0 => Ok(()),
            _ if !privileged && !self.has(CLONE_NEWUSER) => Err(Errno::EPERM),
            // Changes of semaphores can't be undone from another namespace.
            _ if both(CLONE_NEWIPC, CLONE_SYSVSEM) => Err(Errno::EINVAL),
            wanted if wanted & !u64::from(kinds) != 0 => Err(Errno::EINVAL),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(flags: u32) -> Result<()> {
        CloneArgs::legacy(flags as usize | SIGCHLD as usize, 0, 0, 0, 0)?
            .validate(false, CLONE_NEWUTS)
    }

    #[test]
    fn combinations() {
        assert_eq!(check(0), Ok(()));
        assert_eq!(check(CLONE_VM | CLONE_VFORK), Ok(()));
        assert_eq!(check(CLONE_THREAD), Err(Errno::EINVAL));
        assert_eq!(check(CLONE_THREAD | CLONE_SIGHAND), Err(Errno::EINVAL));
        assert_eq!(check(CLONE_THREAD | CLONE_SIGHAND | CLONE_VM), Ok(()));
        assert_eq!(check(CLONE_NEWNS), Err(Errno::EPERM));
        assert_eq!(check(CLONE_NEWUTS), Err(Errno::EPERM));
        let args = |flags: u32| CloneArgs::legacy(flags as usize, 0, 0, 0, 0).unwrap();
        assert_eq!(args(CLONE_NEWUTS).validate(true, CLONE_NEWUTS), Ok(()));
        assert_eq!(
            args(CLONE_NEWUTS | CLONE_NEWNET).validate(true, CLONE_NEWUTS),
            Err(Errno::EINVAL)
        );
        assert_eq!(check(CLONE_NEWNS | CLONE_FS), Err(Errno::EINVAL));
        assert_eq!(check(CLONE_NEWUSER), Err(Errno::EINVAL));
        assert_eq!(check(CLONE_PIDFD | CLONE_PARENT_SETTID), Err(Errno::EINVAL));
    }

    #[test]
    fn modern_stack_grows_from_its_end() {
        let mut words = [0; 11];
        words[4] = u64::from(SIGCHLD);
        words[5] = 0x1000;
        assert_eq!(CloneArgs::modern(&words), Err(Errno::EINVAL));
        words[6] = 0x2000;
        assert_eq!(CloneArgs::modern(&words).unwrap().stack, 0x3000);
        words[0] = u64::from(CLONE_PARENT);
        assert_eq!(CloneArgs::modern(&words), Err(Errno::EINVAL));
    }
}
