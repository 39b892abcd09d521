//! Two processes that hand a turn over: futex, semaphores, message queues, file locks.
use crate::sys::{self, Fd, Map, Took, check, wrong};
use crate::{Bench, bench};
use std::ffi::CStr;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

pub(crate) const ALL: &[Bench] = &[
    bench("ipc/futex", "round trip by a futex", futex),
    bench(
        "ipc/posix_sem",
        "round trip by two process-shared POSIX semaphores",
        posix_sem,
    ),
    bench(
        "ipc/sysv_sem",
        "turn (half a round trip) by a set of two SysV semaphores",
        sysv_sem,
    ),
    bench(
        "ipc/posix_mq",
        "round trip of 1 byte by POSIX message queues",
        posix_mq,
    ),
    bench(
        "ipc/sysv_msg",
        "round trip of 1 byte by a SysV message queue",
        sysv_msg,
    ),
    bench(
        "ipc/fcntl_lock",
        "turn (half a round trip) by locks on three files",
        fcntl_lock,
    ),
];

fn futex_call(word: &AtomicU32, op: i32, value: u32) -> io::Result<()> {
    let none = std::ptr::null::<libc::timespec>();
    // SAFETY: the word is live and shared; a futex call only reads it.
    let r = unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), op, value, none, 0, 0) };
    match check(r) {
        Err(e) if e.raw_os_error() == Some(libc::EAGAIN) => Ok(()),
        other => other.map(drop),
    }
}

/// Waits until the word is `mine`, hands over.
fn turn(word: &AtomicU32, mine: u32, next: u32) -> io::Result<()> {
    loop {
        let seen = word.load(Ordering::SeqCst);
        if seen == mine {
            break;
        }
        futex_call(word, libc::FUTEX_WAIT, seen)?;
    }
    word.store(next, Ordering::SeqCst);
    futex_call(word, libc::FUTEX_WAKE, 1)
}

fn futex(n: u64) -> io::Result<Took> {
    let page = Map::shared(4096)?;
    sys::round_trips(n, || turn(page.word(), 0, 1), || turn(page.word(), 1, 0))
}

fn posix_sem(n: u64) -> io::Result<Took> {
    let page = Map::shared(4096)?;
    let (to, fro) = (page.0.cast::<libc::sem_t>(), page.0.wrapping_add(64).cast());
    for sem in [to, fro] {
        // SAFETY: aligned places in a shared page, apart from one another.
        check(i64::from(unsafe { libc::sem_init(sem, 1, 0) }))?;
    }
    // SAFETY: semaphores as made above, in a page that outlives the calls.
    let post = |sem| check(i64::from(unsafe { libc::sem_post(sem) }));
    // SAFETY: as above.
    let wait = |sem| check(i64::from(unsafe { libc::sem_wait(sem) }));
    let took = sys::round_trips(
        n,
        || post(to).and_then(|_| wait(fro)).map(drop),
        || wait(to).and_then(|_| post(fro)).map(drop),
    )?;
    // SAFETY: as above; nobody else uses it any more.
    if unsafe { libc::sem_trywait(fro) } == 0 {
        return Err(wrong("a turn too many"));
    }
    Ok(took)
}

/// A set of SysV semaphores that goes when it is dropped.
pub(crate) struct SemaphoreSet(i32);
impl Drop for SemaphoreSet {
    fn drop(&mut self) {
        // SAFETY: a number.
        unsafe { libc::semctl(self.0, 0, libc::IPC_RMID) };
    }
}

impl SemaphoreSet {
    pub(crate) fn new(count: i32) -> io::Result<Self> {
        // SAFETY: numbers.
        check(i64::from(unsafe {
            libc::semget(libc::IPC_PRIVATE, count, libc::IPC_CREAT | 0o600)
        }))
        .map(|id| Self(id as i32))
    }

    pub(crate) fn change(&self, changes: &[(u16, i16)]) -> io::Result<()> {
        let mut operations = [libc::sembuf {
            sem_num: 0,
            sem_op: 0,
            sem_flg: 0,
        }; 2];
        for (operation, (number, change)) in operations.iter_mut().zip(changes) {
            operation.sem_num = *number;
            operation.sem_op = *change;
        }
        // SAFETY: at least that many operations.
        check(i64::from(unsafe {
            libc::semop(self.0, operations.as_mut_ptr(), changes.len())
        }))
        .map(drop)
    }

    pub(crate) fn value(&self, number: i32) -> io::Result<i64> {
        // SAFETY: numbers.
        check(i64::from(unsafe {
            libc::semctl(self.0, number, libc::GETVAL)
        }))
    }
}

/// As lmbench's `lat_sem` does: each takes one of its own and gives one to the other in the same call.
fn sysv_sem(n: u64) -> io::Result<Took> {
    let set = SemaphoreSet::new(2)?;
    set.change(&[(1, 1)])?;
    let took = sys::round_trips(
        n.div_ceil(2),
        || set.change(&[(1, -1), (0, 1)]),
        || set.change(&[(0, -1), (1, 1)]),
    )?;
    if set.value(0)? == 0 && set.value(1)? == 1 {
        Ok(Took::new(2 * took.iterations, took.ns))
    } else {
        Err(wrong("semaphores' values"))
    }
}

/// A POSIX message queue for messages of 64 bytes, whose name is gone.
pub(crate) fn queue(name: &CStr) -> io::Result<Fd> {
    // SAFETY: all zeroes are valid attributes.
    let mut attributes: libc::mq_attr = unsafe { std::mem::zeroed() };
    attributes.mq_maxmsg = 8;
    attributes.mq_msgsize = 64;
    let flags = libc::O_RDWR | libc::O_CREAT;
    // SAFETY: a NUL-terminated name and attributes.
    unsafe {
        let queue = check(i64::from(libc::mq_open(
            name.as_ptr(),
            flags,
            0o600,
            &raw const attributes,
        )))?;
        libc::mq_unlink(name.as_ptr());
        Ok(Fd(queue as i32))
    }
}

/// mq_send(3), with priority 0.
pub(crate) fn queue_send(queue: &Fd, message: &[u8]) -> io::Result<()> {
    // SAFETY: the slice is readable.
    check(i64::from(unsafe {
        libc::mq_send(queue.0, message.as_ptr().cast(), message.len(), 0)
    }))
    .map(drop)
}

/// mq_receive(3): the message's size.
pub(crate) fn queue_receive(queue: &Fd, message: &mut [u8; 64]) -> io::Result<usize> {
    // SAFETY: room for the largest message.
    let got = unsafe {
        libc::mq_receive(
            queue.0,
            message.as_mut_ptr().cast(),
            64,
            std::ptr::null_mut(),
        )
    };
    check(got as i64).map(|got| got as usize)
}

fn posix_mq(n: u64) -> io::Result<Took> {
    let (to, fro) = (queue(c"/bench-to")?, queue(c"/bench-fro")?);
    let send = |queue: &Fd, byte: u8| queue_send(queue, &[byte]);
    let receive = |queue: &Fd| {
        let mut message = [0u8; 64];
        match queue_receive(queue, &mut message)? {
            1 => Ok(message[0]),
            _ => Err(wrong("message's size")),
        }
    };
    let mut value = 0u8;
    let ask = || {
        send(&to, value)?;
        value = value.wrapping_add(1);
        if receive(&fro)? == value {
            Ok(())
        } else {
            Err(wrong("message"))
        }
    };
    let answer = || receive(&to).and_then(|byte| send(&fro, byte.wrapping_add(1)));
    sys::round_trips(n, ask, answer)
}

/// A SysV message queue that goes when it is dropped.
pub(crate) struct Messages(i32);
impl Drop for Messages {
    fn drop(&mut self) {
        // SAFETY: a number.
        unsafe { libc::msgctl(self.0, libc::IPC_RMID, std::ptr::null_mut()) };
    }
}

/// What `msgsnd` takes.
#[repr(C)]
struct Message {
    kind: libc::c_long,
    text: [u8; 8],
}

impl Messages {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: numbers.
        check(i64::from(unsafe {
            libc::msgget(libc::IPC_PRIVATE, libc::IPC_CREAT | 0o600)
        }))
        .map(|id| Self(id as i32))
    }

    /// Sends the first `len` bytes of eight that are all `byte`.
    pub(crate) fn send(&self, kind: i64, byte: u8, len: usize) -> io::Result<()> {
        let message = Message {
            kind,
            text: [byte; 8],
        };
        // SAFETY: a kind followed by at least that many bytes.
        check(i64::from(unsafe {
            libc::msgsnd(self.0, (&raw const message).cast(), len.min(8), 0)
        }))
        .map(drop)
    }

    /// Receives so many bytes; the first.
    pub(crate) fn receive(&self, kind: i64, len: usize) -> io::Result<u8> {
        let mut message = Message {
            kind: 0,
            text: [0; 8],
        };
        // SAFETY: room for a kind and that many bytes.
        let got =
            check(unsafe { libc::msgrcv(self.0, (&raw mut message).cast(), 8, kind, 0) } as i64)?;
        if got == len as i64 && message.kind == kind {
            Ok(message.text[0])
        } else {
            Err(wrong("message's size"))
        }
    }
}

fn sysv_msg(n: u64) -> io::Result<Took> {
    const TO: i64 = 1;
    const FRO: i64 = 2;
    let queue = Messages::new()?;
    let mut value = 0u8;
    let ask = || {
        queue.send(TO, value, 1)?;
        value = value.wrapping_add(1);
        if queue.receive(FRO, 1)? == value {
            Ok(())
        } else {
            Err(wrong("message"))
        }
    };
    let answer = || {
        queue
            .receive(TO, 1)
            .and_then(|byte| queue.send(FRO, byte.wrapping_add(1), 1))
    };
    sys::round_trips(n, ask, answer)
}

/// A file's first byte, locked by `fcntl`, and a word that says who has it.
struct Lock<'a> {
    file: Fd,
    owner: &'a AtomicU32,
}
impl Lock<'_> {
    fn set(&self, command: i32, kind: i32) -> io::Result<()> {
        let lock = libc::flock {
            l_type: kind as i16,
            l_whence: 0,
            l_start: 0,
            l_len: 1,
            l_pid: 0,
        };
        // SAFETY: a valid `struct flock`.
        check(i64::from(unsafe {
            libc::fcntl(self.file.0, command, &raw const lock)
        }))
        .map(drop)
    }

    fn take(&self, me: u32) -> io::Result<()> {
        self.set(libc::F_SETLKW, libc::F_WRLCK)?;
        self.pass(0, me)
    }

    fn give(&self, me: u32) -> io::Result<()> {
        self.pass(me, 0)?;
        self.set(libc::F_SETLK, libc::F_UNLCK)
    }

    fn pass(&self, from: u32, to: u32) -> io::Result<()> {
        if self.owner.swap(to, Ordering::SeqCst) == from {
            Ok(())
        } else {
            Err(wrong("two have the lock"))
        }
    }
}

/// Two processes chase each other round three files: each takes the lock before it, which the other one has, and gives
/// back the one behind it, which the other one wants. So they take turns, whomever a scheduler lets run first. (With two
/// files, as lmbench's `lat_fcntl` has, who gives a lock back may take it again before the other one runs, whom that
/// woke; what is counted as a turn then holds one switch, or two, or none, for a second on end.)
fn fcntl_lock(n: u64) -> io::Result<Took> {
    const PARENT: u32 = 1;
    const CHILD: u32 = 2;
    let each = n.div_ceil(2);
    let page = Map::shared(4096)?;
    let lock = |number, path| -> io::Result<Lock<'_>> {
        let file = sys::open(path, libc::O_RDWR | libc::O_CREAT)?;
        let owner = page.word_at(number);
        Ok(Lock { file, owner })
    };
    let ring = [
        lock(0, c"/tmp/bench-l1")?,
        lock(1, c"/tmp/bench-l2")?,
        lock(2, c"/tmp/bench-l3")?,
    ];
    let turns = page.word_at(ring.len());
    let turn = |at: &mut usize, me| {
        let next = (*at + 1) % ring.len();
        ring[next].take(me)?;
        ring[*at].give(me)?;
        *at = next;
        Ok(())
    };
    let ready = sys::pipe()?;
    let mut at = 0;
    ring[at].take(PARENT)?;
    let pid = sys::child(|| {
        let mut at = ring.len() - 1;
        ring[at].take(CHILD)?;
        sys::write_all(ready.1.0, b"r")?;
        loop {
            turn(&mut at, CHILD)?;
            turns.fetch_add(1, Ordering::SeqCst);
        }
    })?;
    sys::read_all(ready.0.0, &mut [0])?;
    let took = sys::time_warm(each, || turn(&mut at, PARENT))?;
    // SAFETY: our own child.
    unsafe { libc::kill(pid, libc::SIGKILL) };
    if sys::wait(pid)? != libc::SIGKILL {
        return Err(wrong("child's status"));
    }
    let turns = u64::from(turns.load(Ordering::SeqCst));
    if turns.abs_diff(sys::warm(each) + each) <= 2 {
        Ok(Took::new(2 * took.iterations, took.ns))
    } else {
        Err(wrong("turns"))
    }
}
