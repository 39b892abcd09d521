//! What happens to a call that a signal interrupted (signal(7), "Interruption of system calls"). Pure.
use abi::Errno;

/// What the signal does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// No handler runs: the signal was ignored, or stopped and continued the process.
    NoHandler,
    /// A handler runs; whether it has `SA_RESTART`.
    Handler { restart: bool },
}

/// What the interrupted call returns to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resume {
    /// Its result stands.
    Keep,
    /// It fails with `EINTR`.
    Interrupted,
    /// It is made again with its arguments.
    Again,
    /// It goes on through restart_syscall(2).
    Continue,
}

/// Decides by the call's result and what the signal does.
pub fn decide(result: usize, delivery: Delivery) -> Resume {
    let is = |errno: Errno| result == errno.as_ret();
    if result < Errno::ERESTART_RESTARTBLOCK.as_ret() || result > Errno::ERESTARTSYS.as_ret() {
        return Resume::Keep;
    }
    match delivery {
        _ if is(Errno::ERESTARTNOINTR) => Resume::Again,
        Delivery::NoHandler if is(Errno::ERESTART_RESTARTBLOCK) => Resume::Continue,
        Delivery::NoHandler if is(Errno::ERESTARTSYS) || is(Errno::ERESTARTNOHAND) => Resume::Again,
        Delivery::Handler { restart: true } if is(Errno::ERESTARTSYS) => Resume::Again,
        Delivery::Handler { .. }
            if is(Errno::ERESTARTSYS)
                || is(Errno::ERESTARTNOHAND)
                || is(Errno::ERESTART_RESTARTBLOCK) =>
        {
            Resume::Interrupted
        }
        _ => Resume::Keep,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table() {
        let with = Delivery::Handler { restart: true };
        let without = Delivery::Handler { restart: false };
        let none = Delivery::NoHandler;
        for (errno, want_with, want_without, want_none) in [
            (
                Errno::ERESTARTSYS,
                Resume::Again,
                Resume::Interrupted,
                Resume::Again,
            ),
            (
                Errno::ERESTARTNOINTR,
                Resume::Again,
                Resume::Again,
                Resume::Again,
            ),
            (
                Errno::ERESTARTNOHAND,
                Resume::Interrupted,
                Resume::Interrupted,
                Resume::Again,
            ),
            (
                Errno::ERESTART_RESTARTBLOCK,
                Resume::Interrupted,
                Resume::Interrupted,
                Resume::Continue,
            ),
            (Errno::EINTR, Resume::Keep, Resume::Keep, Resume::Keep),
        ] {
            assert_eq!(decide(errno.as_ret(), with), want_with);
            assert_eq!(decide(errno.as_ret(), without), want_without);
            assert_eq!(decide(errno.as_ret(), none), want_none);
        }
        assert_eq!(decide(0, with), Resume::Keep);
        assert_eq!(decide(usize::MAX, with), Resume::Keep);
    }
}
