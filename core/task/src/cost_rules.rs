//! What the numbers of system calls say about what they cost: which arguments are descriptors of what is read or written,
//! what the result says of bytes, and for whom the call waits. Calls that move nothing stand in no row.
use abi::raw as nr;

/// What a call copies, as far as its result tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bytes {
    /// Nothing, or its own code notes it.
    Noted,
    /// The result is how many came from user memory.
    In,
    /// The result is how many went to user memory.
    Out,
    /// The result is how many the kernel copied for itself.
    Inside,
    /// If it succeeds, as many as this argument says came from user memory.
    InAll(u8),
}

/// For what a call waits, locks of the kernel's own apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// For time to pass, for a child: for nothing that is counted.
    Neither,
    /// For a lock of the program's.
    Lock,
    /// For the other side.
    Peer,
}

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    /// Arguments that are descriptors to which the call is put down.
    pub(crate) files: &'static [u8],
    pub(crate) bytes: Bytes,
    pub(crate) wait: Wait,
}

const fn rule(files: &'static [u8], bytes: Bytes, wait: Wait) -> Rule {
    Rule { files, bytes, wait }
}

/// How many files a call is put down to at most.
pub(crate) const FILES: usize = 2;

impl Rule {
    /// The row of a call.
    pub(crate) fn of(number: u32) -> Self {
        match number {
            nr::__NR_read
            | nr::__NR_readv
            | nr::__NR_pread64
            | nr::__NR_preadv
            | nr::__NR_preadv2
            | nr::__NR_mq_timedreceive => rule(&[0], Bytes::Out, Wait::Peer),
            nr::__NR_write
            | nr::__NR_writev
            | nr::__NR_pwrite64
            | nr::__NR_pwritev
            | nr::__NR_pwritev2 => rule(&[0], Bytes::In, Wait::Peer),
            nr::__NR_mq_timedsend => rule(&[0], Bytes::InAll(2), Wait::Peer),
            // Of these the result is no measure: a message may be cut, or several.
            nr::__NR_sendto
            | nr::__NR_sendmsg
            | nr::__NR_sendmmsg
            | nr::__NR_recvfrom
            | nr::__NR_recvmsg
            | nr::__NR_recvmmsg
            | nr::__NR_vmsplice
            | nr::__NR_accept
            | nr::__NR_accept4
            | nr::__NR_connect
            | nr::__NR_epoll_wait
            | nr::__NR_epoll_pwait
            | nr::__NR_epoll_pwait2 => rule(&[0], Bytes::Noted, Wait::Peer),
            nr::__NR_splice => rule(&[0, 2], Bytes::Noted, Wait::Peer),
            nr::__NR_tee => rule(&[0, 1], Bytes::Noted, Wait::Peer),
            nr::__NR_sendfile => rule(&[0, 1], Bytes::Inside, Wait::Peer),
            nr::__NR_copy_file_range => rule(&[0, 2], Bytes::Inside, Wait::Peer),
            nr::__NR_process_vm_readv | nr::__NR_process_vm_writev => {
                rule(&[], Bytes::Inside, Wait::Peer)
            }
            nr::__NR_msgsnd
            | nr::__NR_msgrcv
            | nr::__NR_poll
            | nr::__NR_ppoll
            | nr::__NR_select
            | nr::__NR_pselect6
            | nr::__NR_rt_sigtimedwait
            | nr::__NR_rt_sigsuspend
            | nr::__NR_pause
            // A FIFO is opened by both sides at once.
            | nr::__NR_open
            | nr::__NR_openat
            | nr::__NR_openat2 => rule(&[], Bytes::Noted, Wait::Peer),
            nr::__NR_futex | nr::__NR_futex_waitv | nr::__NR_semop | nr::__NR_semtimedop => {
                rule(&[], Bytes::Noted, Wait::Lock)
            }
            nr::__NR_flock | nr::__NR_fcntl => rule(&[0], Bytes::Noted, Wait::Lock),
            _ => rule(&[], Bytes::Noted, Wait::Neither),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_name_arguments_that_are_kept() {
        for number in 0..512 {
            let rule = Rule::of(number);
            assert!(rule.files.len() <= FILES && rule.files.iter().all(|at| *at < 3));
            assert!(!matches!(rule.bytes, Bytes::InAll(at) if at > 2));
        }
        assert_eq!(Rule::of(nr::__NR_getpid).wait, Wait::Neither);
        assert_eq!(Rule::of(nr::__NR_read).bytes, Bytes::Out);
        assert_eq!(Rule::of(nr::__NR_semop).wait, Wait::Lock);
    }
}
