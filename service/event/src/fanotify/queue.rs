//! The queue of a group. Events that are alike become one where the first of them still waits.
use super::event::{About, Queued};
use super::question::Question;
use abi::fan;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use hashbrown::HashTable;
use kmem::{Reserved, ReservedQueue};
use pid::Pid;

/// What a group holds under its lock.
pub(super) struct Queue {
    events: VecDeque<Queued>,
    /// Those that others can become one with: hash, and number among all that ever were queued.
    alike: HashTable<(u64, u64)>,
    /// The number of the first in `events`.
    first: u64,
    /// How many of them are not [`About::Gone`].
    len: usize,
    /// `FAN_Q_OVERFLOW` waits.
    overflown: bool,
    /// Questions that were read, by the descriptor that they were given.
    read: Vec<(i32, Arc<Question>)>,
    closed: bool,
}

/// What came of an event.
pub(super) struct Put {
    /// It became one with another, was lost, or came too late: here it is, to be dropped without the lock.
    pub(super) left: Option<Queued>,
    /// There is something new to read.
    pub(super) news: bool,
}

impl Put {
    const fn left(event: Queued, news: bool) -> Self {
        Self {
            left: Some(event),
            news,
        }
    }
}

impl Queue {
    pub(super) const fn new() -> Self {
        Self {
            events: VecDeque::new(),
            alike: HashTable::new(),
            first: 0,
            len: 0,
            overflown: false,
            read: Vec::new(),
            closed: false,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Room for `FAN_Q_OVERFLOW`, which must always find some: what is queued leaves it. ENOMEM.
    pub(super) fn make_room(&mut self) -> abi::Result<()> {
        self.events.try_reserve(1).map_err(|_| abi::Errno::ENOMEM)
    }

    /// Queues an event, unless `limit` others wait.
    pub(super) fn put(&mut self, event: Queued, limit: usize) -> Put {
        if self.closed {
            return Put::left(event, false);
        }
        if self.len >= limit || self.events.try_reserve(2).is_err() {
            let news = self.lose();
            return Put::left(event, news);
        }
        if event.merges() {
            let (events, first) = (&mut self.events, self.first);
            let known = self.alike.find(event.hash, |(hash, at)| {
                *hash == event.hash && events[(at - first) as usize].is_like(&event)
            });
            if let Some((_, at)) = known {
                events[(at - first) as usize].mask |= event.mask;
                return Put::left(event, false);
            }
            self.remember(event.hash);
        }
        self.events.push_back_reserved(event);
        self.len += 1;
        Put {
            left: None,
            news: true,
        }
    }

    /// Notes where the event that comes next stands; without memory it stays alone.
    #[cfg_attr(
        target_os = "none",
        expect(clippy::disallowed_methods, reason = "room is made before")
    )]
    fn remember(&mut self, hash: u64) {
        let at = self.first + self.events.len() as u64;
        if self.alike.try_reserve(1, |(hash, _)| *hash).is_ok() {
            self.alike
                .insert_unique(hash, (hash, at), |(hash, _)| *hash);
        }
    }

    /// Says that an event was lost, unless that is said already. Whether there is something new to read.
    pub(super) fn lose(&mut self) -> bool {
        if self.overflown || self.closed {
            return false;
        }
        self.overflown = true;
        self.events
            .push_back_reserved(Queued::new(fan::FAN_Q_OVERFLOW, None, About::Lost));
        self.len += 1;
        true
    }

    /// The first event.
    pub(super) fn front(&self) -> Option<&Queued> {
        self.events.front()
    }

    /// Takes the first event out.
    pub(super) fn take(&mut self) -> Option<Queued> {
        let event = self.pop()?;
        self.len -= 1;
        if matches!(event.about, About::Lost) {
            self.overflown = false;
        }
        self.skip();
        Some(event)
    }

    fn pop(&mut self) -> Option<Queued> {
        let event = self.events.pop_front()?;
        let at = self.first;
        self.first += 1;
        if let Ok(entry) = self.alike.find_entry(event.hash, |known| known.1 == at) {
            entry.remove();
        }
        Some(event)
    }

    /// What is gone does not stand in front.
    fn skip(&mut self) {
        while matches!(self.front(), Some(first) if matches!(first.about, About::Gone)) {
            self.pop();
        }
    }

    /// Who asked is gone. What was not read is taken back: here it is, all that is to be dropped.
    pub(super) fn withdraw(
        &mut self,
        question: &Arc<Question>,
    ) -> Option<(About, Option<Arc<Pid>>)> {
        let same =
            |e: &&mut Queued| matches!(&e.about, About::Question(q) if Arc::ptr_eq(q, question));
        let event = self.events.iter_mut().find(same)?;
        let was = (
            core::mem::replace(&mut event.about, About::Gone),
            event.pid.take(),
        );
        self.len -= 1;
        self.skip();
        Some(was)
    }

    /// Room for one more question that was read. ENOMEM.
    pub(super) fn expect_answer(&mut self) -> abi::Result<()> {
        self.read.try_reserve(1).map_err(|_| abi::Errno::ENOMEM)
    }

    /// A question was read, as `fd`; there is [room](Self::expect_answer), unless the group is closed: back it comes.
    pub(super) fn was_read(&mut self, fd: i32, question: Arc<Question>) -> Option<Arc<Question>> {
        if self.closed || self.read.len() == self.read.capacity() {
            return Some(question);
        }
        self.read.push_reserved((fd, question));
        None
    }

    /// The question that was read as `fd`.
    pub(super) fn answered(&mut self, fd: i32) -> Option<Arc<Question>> {
        let at = self.read.iter().position(|(its, _)| *its == fd)?;
        Some(self.read.remove(at).1)
    }

    /// Takes nothing more; what it held.
    pub(super) fn close(&mut self) -> (VecDeque<Queued>, Vec<(i32, Arc<Question>)>) {
        self.closed = true;
        self.len = 0;
        self.alike = HashTable::new();
        (
            core::mem::take(&mut self.events),
            core::mem::take(&mut self.read),
        )
    }
}
