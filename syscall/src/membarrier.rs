//! Barriers for other threads (membarrier(2)): who seldom needs one pays for those who often would.
use abi::{Errno, Result};
use task::Cx;
use task::rseq;

const QUERY: u32 = 0;
const GLOBAL: u32 = 1;
const GLOBAL_EXPEDITED: u32 = 1 << 1;
const REGISTER_GLOBAL: u32 = 1 << 2;
const PRIVATE: u32 = 1 << 3;
const REGISTER_PRIVATE: u32 = 1 << 4;
const PRIVATE_SYNC_CORE: u32 = 1 << 5;
const REGISTER_SYNC_CORE: u32 = 1 << 6;
const PRIVATE_RSEQ: u32 = 1 << 7;
const REGISTER_RSEQ: u32 = 1 << 8;
/// All of them.
const KNOWN: u32 = (1 << 9) - 1;
/// `MEMBARRIER_CMD_FLAG_CPU`.
const ONE_CPU: u32 = 1;

pub(super) fn sys_membarrier(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let (command, flags, cpu) = (a[0] as u32, a[1] as u32, a[2] as i32);
    if flags != 0 && !(command == PRIVATE_RSEQ && flags == ONE_CPU) {
        return Err(Errno::EINVAL);
    }
    // EPERM: the process did not say that it would.
    let registered = |by: u32| match cx.mm.barriers() & by {
        0 => Err(Errno::EPERM),
        _ => Ok(()),
    };
    match command {
        QUERY => return Ok(KNOWN as usize),
        // Every CPU passes a point where it runs no user code between two instructions of its own.
        GLOBAL => sync::rcu::synchronize(),
        // Those that did not register pass one as well.
        GLOBAL_EXPEDITED => kmem::space::barrier_everywhere(),
        REGISTER_GLOBAL | REGISTER_PRIVATE | REGISTER_SYNC_CORE | REGISTER_RSEQ => {
            cx.mm.add_barriers(command);
        }
        PRIVATE => {
            registered(REGISTER_PRIVATE)?;
            cx.mm.barrier(false);
        }
        PRIVATE_SYNC_CORE => {
            registered(REGISTER_SYNC_CORE)?;
            cx.mm.barrier(true);
        }
        PRIVATE_RSEQ => {
            registered(REGISTER_RSEQ)?;
            let there = |cpu: usize| sched::stats::active_cpus().has(cpu);
            if flags == 0 || usize::try_from(cpu).is_ok_and(there) {
                rseq::restart_all(cx.process());
                cx.mm.barrier(false);
            }
        }
        _ => return Err(Errno::EINVAL),
    }
    Ok(0)
}
