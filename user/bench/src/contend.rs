//! Four that send and four that receive, by one object, on every processor: what it costs when each change may wake
//! somebody, wherever he is.
//!
//! An iteration is one message (or one turn of a semaphore), sent and received. All are pinned, a sender and a receiver to
//! each processor in turn, so that no balancing takes them all to one.
use crate::handover::{Messages, SemaphoreSet, queue, queue_receive, queue_send};
use crate::switch::{Crowd, turns};
use crate::sys::{self, Map, Took, check, wrong};
use crate::{Bench, scaling};
use std::io;
use std::ops::Range;
use std::sync::atomic::Ordering;

pub(crate) const ALL: &[Bench] = &[
    scaling(
        "scaling/pipe_4x4",
        "64 bytes through one pipe with 4 writers and 4 readers",
        pipe,
    ),
    scaling(
        "scaling/posix_mq_4x4",
        "a message of 64 bytes by one POSIX queue with 4 senders and 4 receivers",
        posix_mq,
    ),
    scaling(
        "scaling/sysv_msg_4x4",
        "a message of 8 bytes by one SysV queue with 4 senders and 4 receivers",
        sysv_msg,
    ),
    scaling(
        "scaling/sysv_sem_4x4",
        "a turn of 4 that give and 4 that take, by one set of two SysV semaphores",
        sysv_sem,
    ),
    scaling(
        "scaling/posix_sem_4x4",
        "a turn of 4 that give and 4 that take, by two POSIX semaphores",
        posix_sem,
    ),
    scaling(
        "scaling/futex_4x4",
        "a turn of 4 that give and 4 that take, by one futex that they wait on and wake",
        futex,
    ),
];

/// How many there are of each side.
const EACH: u64 = 4;
/// How many turns may be given and not yet taken, where the object does not say it itself.
const ROOM: u32 = 8;

/// Has [`EACH`] processes `send` the number of each turn, and as many that `receive` one for each; what comes out has to be
/// what went in.
fn crowd(
    n: u64,
    send: impl Fn(u8) -> io::Result<()>,
    receive: impl Fn() -> io::Result<u8>,
) -> io::Result<Took> {
    let sum = Map::shared(4096)?;
    let each = n.div_ceil(EACH);
    let took = sides(
        each,
        |mut turns| turns.try_for_each(|i| send(i as u8)),
        |mut turns| {
            let seen = turns.try_fold(0u32, |seen, _| {
                Ok::<_, io::Error>(seen.wrapping_add(u32::from(receive()?)))
            })?;
            sum.word().fetch_add(seen, Ordering::SeqCst);
            Ok(())
        },
    )?;
    let [_, timed] = turns(each);
    let one = (0..timed.end).fold(0u32, |sum, i| sum.wrapping_add(u32::from(i as u8)));
    let right = sum.word().load(Ordering::SeqCst) == one.wrapping_mul(EACH as u32);
    took.ending(right)
}

/// The same for turns without a content.
fn counted(
    n: u64,
    give: impl Fn() -> io::Result<()>,
    take: impl Fn() -> io::Result<()>,
) -> io::Result<Took> {
    let side =
        |turn: &dyn Fn() -> io::Result<()>, mut turns: Range<u64>| turns.try_for_each(|_| turn());
    sides(
        n.div_ceil(EACH),
        |turns| side(&give, turns),
        |turns| side(&take, turns),
    )
}

/// Processes of both sides, each of which does its part of `each` turns.
fn sides(
    each: u64,
    give: impl Fn(Range<u64>) -> io::Result<()>,
    take: impl Fn(Range<u64>) -> io::Result<()>,
) -> io::Result<Took> {
    let processors = sys::processors()?;
    let mut crowd = Crowd::new(each)?;
    for which in 0..EACH as usize {
        crowd.join_pinned(which % processors, &take)?;
        crowd.join_pinned(which % processors, &give)?;
    }
    Ok(Took::new(each * EACH, crowd.run()?))
}

fn pipe(n: u64) -> io::Result<Took> {
    let (from, to) = sys::pipe()?;
    let receive = || {
        let mut message = [0u8; 64];
        sys::read_all(from.0, &mut message)?;
        if message == [message[0]; 64] {
            Ok(message[0])
        } else {
            Err(wrong("a message came in pieces"))
        }
    };
    crowd(n, |byte| sys::write_all(to.0, &[byte; 64]), receive)
}

fn posix_mq(n: u64) -> io::Result<Took> {
    let queue = queue(c"/bench-4x4")?;
    let receive = || {
        let mut message = [0u8; 64];
        match queue_receive(&queue, &mut message)? {
            64 => Ok(message[0]),
            _ => Err(wrong("message's size")),
        }
    };
    crowd(n, |byte| queue_send(&queue, &[byte; 64]), receive)
}

fn sysv_msg(n: u64) -> io::Result<Took> {
    let queue = Messages::new()?;
    crowd(n, |byte| queue.send(1, byte, 8), || queue.receive(1, 8))
}

fn sysv_sem(n: u64) -> io::Result<Took> {
    const ROOM_LEFT: u16 = 0;
    const THERE: u16 = 1;
    let set = SemaphoreSet::new(2)?;
    set.change(&[(ROOM_LEFT, ROOM as i16)])?;
    counted(
        n,
        || set.change(&[(ROOM_LEFT, -1), (THERE, 1)]),
        || set.change(&[(THERE, -1), (ROOM_LEFT, 1)]),
    )?
    .ending(
        set.value(i32::from(THERE))? == 0 && set.value(i32::from(ROOM_LEFT))? == i64::from(ROOM),
    )
}

fn posix_sem(n: u64) -> io::Result<Took> {
    let page = Map::shared(4096)?;
    let (room, there) = (page.0.cast::<libc::sem_t>(), page.0.wrapping_add(64).cast());
    for (sem, value) in [(room, ROOM), (there, 0)] {
        // SAFETY: aligned places in a shared page, apart from one another.
        check(i64::from(unsafe { libc::sem_init(sem, 1, value) }))?;
    }
    // SAFETY: semaphores as made above, in a page that outlives the calls.
    let post = |sem| check(i64::from(unsafe { libc::sem_post(sem) })).map(drop);
    // SAFETY: as above.
    let wait = |sem| check(i64::from(unsafe { libc::sem_wait(sem) }));
    let took = counted(
        n,
        || wait(room).and_then(|_| post(there)),
        || wait(there).and_then(|_| post(room)),
    )?;
    // SAFETY: as above; nobody else uses it any more.
    let left = unsafe { libc::sem_trywait(there) } == 0;
    took.ending(!left)
}

/// The word is how many turns are there; who finds none, or no room, waits for it to change, each side by a bit of its own.
fn futex(n: u64) -> io::Result<Took> {
    const GIVERS: u32 = 1;
    const TAKERS: u32 = 2;
    let page = Map::shared(4096)?;
    let word = page.word();
    let call = |operation: i32, value: u32, who: u32| {
        let none = std::ptr::null::<libc::timespec>();
        // SAFETY: the word is live and shared; a futex call only reads it.
        let answer = unsafe {
            libc::syscall(
                libc::SYS_futex,
                word.as_ptr(),
                operation,
                value,
                none,
                0,
                who,
            )
        };
        match check(answer) {
            Err(e) if e.raw_os_error() == Some(libc::EAGAIN) => Ok(()),
            other => other.map(drop),
        }
    };
    let change = |from: &dyn Fn(u32) -> Option<u32>, me: u32, other: u32| {
        let mut seen = word.load(Ordering::SeqCst);
        loop {
            let Some(next) = from(seen) else {
                call(libc::FUTEX_WAIT_BITSET, seen, me)?;
                seen = word.load(Ordering::SeqCst);
                continue;
            };
            match word.compare_exchange(seen, next, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) => return call(libc::FUTEX_WAKE_BITSET, 1, other),
                Err(now) => seen = now,
            }
        }
    };
    counted(
        n,
        || change(&|there| (there < ROOM).then_some(there + 1), GIVERS, TAKERS),
        || change(&|there| there.checked_sub(1), TAKERS, GIVERS),
    )?
    .ending(word.load(Ordering::SeqCst) == 0)
}

impl Took {
    /// The same if the objects are in the end as they should be.
    fn ending(self, right: bool) -> io::Result<Self> {
        if right {
            Ok(self)
        } else {
            Err(wrong("what is left in the end"))
        }
    }
}
