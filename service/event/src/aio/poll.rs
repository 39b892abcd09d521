//! `IOCB_CMD_POLL`: a request that ends when its file is ready. A wake-up of the file's queues has a worker look, since the
//! queue is locked then.
use super::{Context, Request};
use abi::{Errno, Result, raw};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};
use kmem::TryVec;
use sync::{LockClass, Mutex, Once, WaitEntry, WaitQueue, WakeCallback, rank};
use vfs::{File, PollEvents, PollSink, PollTable};
use workqueue::Work;

static ENTRIES: LockClass = LockClass::new("aio.poll", rank::EPOLL_ENTRIES);

/// Reported whether asked for or not.
const ALWAYS: u32 = raw::EPOLLERR | raw::EPOLLHUP;

pub(super) struct Poll {
    me: Weak<Poll>,
    context: Weak<Context>,
    file: Arc<File>,
    wanted: u32,
    request: Request,
    done: AtomicBool,
    entries: Mutex<Vec<Arc<WaitEntry>>>,
    work: Once<Arc<Work>>,
}

impl Poll {
    /// Begins. EINVAL: it would never end; ENOMEM.
    pub(super) fn start(
        context: &Arc<Context>,
        file: Arc<File>,
        events: u16,
        request: Request,
    ) -> Result<()> {
        let poll = kmem::try_arc_cyclic(|me| Self {
            me: me.clone(),
            context: Arc::downgrade(context),
            file,
            wanted: u32::from(events) | ALWAYS,
            request,
            done: AtomicBool::new(false),
            entries: Mutex::new(&ENTRIES, Vec::new()),
            work: Once::new(),
        })?;
        let looks = poll.me.clone();
        let work = Work::new(move || {
            if let Some(poll) = looks.upgrade() {
                poll.look();
            }
        })?;
        let _ = poll.work.set(work); // it is new
        context.watch(&poll)?;
        // Who ends the context gives up what he finds there after he said so.
        if context.is_dead() && poll.claim() {
            context.unwatch(&poll);
            return Err(Errno::EINVAL);
        }
        let mut sink = Attach {
            poll: &poll,
            count: 0,
            result: Ok(()),
        };
        let wanted = PollEvents::from_bits_retain(poll.wanted);
        let events = poll.file.poll(&mut PollTable::new(&mut sink, wanted)) & wanted;
        let begun = match (sink.result, sink.count) {
            _ if !events.is_empty() => Ok(()),
            (Ok(()), 0) => Err(Errno::EINVAL),
            (result, _) => result,
        };
        match begun {
            Err(e) if poll.claim() => {
                poll.detach();
                context.unwatch(&poll);
                return Err(e);
            }
            // A wake-up ended it meanwhile.
            Err(_) => {}
            Ok(()) if events.is_empty() => {}
            Ok(()) => poll.finish(events.bits()),
        }
        // It may have ended while it was put into queues.
        if poll.done.load(Ordering::Acquire) {
            poll.detach();
        }
        Ok(())
    }

    /// Whether it is the request of that `struct iocb`.
    pub(super) fn is_of(&self, iocb: u64) -> bool {
        self.request.obj == iocb
    }

    /// Ends it, unless it has ended, with these events; whether it did.
    pub(super) fn end(&self, context: &Context, events: u32) -> bool {
        if !self.claim() {
            return false;
        }
        self.detach();
        context.unwatch(self);
        context.complete(&self.request, i64::from(events));
        true
    }

    fn finish(&self, events: u32) {
        if let Some(context) = self.context.upgrade() {
            self.end(&context, events);
        }
    }

    fn look(&self) {
        let wanted = PollEvents::from_bits_retain(self.wanted);
        let events = self.file.poll(&mut PollTable::peek(wanted)) & wanted;
        if !events.is_empty() {
            self.finish(events.bits());
        }
    }

    /// True once: who ends it.
    fn claim(&self) -> bool {
        !self.done.swap(true, Ordering::AcqRel)
    }

    fn detach(&self) {
        let entries = core::mem::take(&mut *self.entries.lock());
        for entry in &entries {
            entry.unregister();
        }
    }
}

impl WakeCallback for Poll {
    fn wake(&self, key: u32, _may_take: bool) -> bool {
        let wanted = key == 0 || key & self.wanted != 0;
        if let (true, Some(work)) = (wanted, self.work.get()) {
            workqueue::queue_work(work);
        }
        false
    }
}

/// Registers a request with the queues that its file names.
struct Attach<'a> {
    poll: &'a Poll,
    count: usize,
    result: Result<()>,
}

impl PollSink for Attach<'_> {
    fn add(&mut self, queue: &WaitQueue) {
        if self.result.is_ok() {
            self.result = self.try_add(queue);
        }
        self.count += 1;
    }
}

impl Attach<'_> {
    fn try_add(&self, queue: &WaitQueue) -> Result<()> {
        let me: Arc<dyn WakeCallback> = self.poll.me.upgrade().ok_or(Errno::ENOENT)?;
        let entry = kmem::try_arc(WaitEntry::new(me))?;
        self.poll.entries.lock().try_push(entry.clone())?;
        queue.register(&entry);
        Ok(())
    }
}
