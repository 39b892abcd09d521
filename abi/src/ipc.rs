//! Numbers of System V IPC (`linux/ipc.h`, `linux/shm.h`, `linux/sem.h`, `linux/msg.h`).

/// Make it if there is none of that key.
pub const IPC_CREAT: u32 = 0o1000;
/// Only if there is none.
pub const IPC_EXCL: u32 = 0o2000;
/// Do not wait.
pub const IPC_NOWAIT: u32 = 0o4000;
/// Remove it.
pub const IPC_RMID: u32 = 0;
/// Change owner and permissions.
pub const IPC_SET: u32 = 1;
/// Tell of it.
pub const IPC_STAT: u32 = 2;
/// Tell of the limits.
pub const IPC_INFO: u32 = 3;

/// Out of huge pages.
pub const SHM_HUGETLB: u32 = 0o4000;
/// Promise no memory for it.
pub const SHM_NORESERVE: u32 = 0o10000;
/// Attach to read.
pub const SHM_RDONLY: u32 = 0o10000;
/// Round the address down.
pub const SHM_RND: u32 = 0o20000;
/// Over what is there.
pub const SHM_REMAP: u32 = 0o40000;
/// Attach to execute.
pub const SHM_EXEC: u32 = 0o100_000;
/// Keep it in memory.
pub const SHM_LOCK: u32 = 11;
/// Or not.
pub const SHM_UNLOCK: u32 = 12;
/// `IPC_STAT` by index.
pub const SHM_STAT: u32 = 13;
/// What all segments take.
pub const SHM_INFO: u32 = 14;
/// `SHM_STAT` without permission.
pub const SHM_STAT_ANY: u32 = 15;

/// Undo it at the end of the process.
pub const SEM_UNDO: u32 = 0x1000;
/// Who changed it last.
pub const GETPID: u32 = 11;
/// Its value.
pub const GETVAL: u32 = 12;
/// All values.
pub const GETALL: u32 = 13;
/// How many wait for it to grow.
pub const GETNCNT: u32 = 14;
/// How many wait for it to be zero.
pub const GETZCNT: u32 = 15;
/// Set its value.
pub const SETVAL: u32 = 16;
/// Set all values.
pub const SETALL: u32 = 17;
/// `IPC_STAT` by index.
pub const SEM_STAT: u32 = 18;
/// How much is in use.
pub const SEM_INFO: u32 = 19;
/// `SEM_STAT` without permission.
pub const SEM_STAT_ANY: u32 = 20;

/// Cut what is too long.
pub const MSG_NOERROR: u32 = 0o10000;
/// Any type but this.
pub const MSG_EXCEPT: u32 = 0o20000;
/// Leave it in the queue.
pub const MSG_COPY: u32 = 0o40000;
/// `IPC_STAT` by index.
pub const MSG_STAT: u32 = 11;
/// How much is in use.
pub const MSG_INFO: u32 = 12;
/// `MSG_STAT` without permission.
pub const MSG_STAT_ANY: u32 = 13;
