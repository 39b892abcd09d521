//! What a pipe asks about the calling process, and counts for its user; nothing on the host.

#[cfg(target_os = "none")]
mod on_machine {
    use cred::cap;
    use task::user::PipePages;

    fn capable(which: &[u32]) -> bool {
        let cred = task::current().and_then(|task| task.cred().ok());
        cred.is_some_and(|cred| which.iter().any(|cap| cred.capable(*cap)))
    }

    /// `CAP_SYS_RESOURCE`.
    pub(crate) fn may_exceed_limits() -> bool {
        capable(&[cap::SYS_RESOURCE])
    }

    /// For this caller the limits of a user hold not: `CAP_SYS_RESOURCE` or `CAP_SYS_ADMIN`.
    pub(crate) fn may_exceed_share() -> bool {
        capable(&[cap::SYS_RESOURCE, cap::SYS_ADMIN])
    }

    /// The pages of a pipe, as its maker's user has them counted; not those of the kernel's own.
    pub(crate) struct Charge(Option<PipePages>);

    impl Charge {
        pub(crate) fn new(pages: usize) -> Self {
            let user = task::current().map(|task| task.process().user());
            Self(user.map(|user| user.count_pipe(pages as u64)))
        }
        pub(crate) fn set(&self, pages: usize) {
            if let Some(counted) = &self.0 {
                counted.set(pages as u64);
            }
        }
        pub(crate) fn of_user(&self) -> u64 {
            self.0.as_ref().map_or(0, PipePages::of_user)
        }
    }
}

#[cfg(target_os = "none")]
pub(crate) use on_machine::{Charge, may_exceed_limits, may_exceed_share};

#[cfg(not(target_os = "none"))]
pub(crate) use hosted::{Charge, may_exceed_limits, may_exceed_share};

#[cfg(not(target_os = "none"))]
mod hosted {
    pub(crate) fn may_exceed_limits() -> bool {
        false
    }
    pub(crate) fn may_exceed_share() -> bool {
        false
    }

    pub(crate) struct Charge;

    impl Charge {
        pub(crate) fn new(_pages: usize) -> Self {
            Self
        }
        pub(crate) fn set(&self, _pages: usize) {}
        pub(crate) fn of_user(&self) -> u64 {
            0
        }
    }
}
