//! Readiness of files (poll(2)) and where to wait for it.
use bitflags::bitflags;
use sync::WaitQueue;

bitflags! {
    /// Events of poll(2) and epoll_ctl(2).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct PollEvents: u32 {
        const IN = 0x001;
        const PRI = 0x002;
        const OUT = 0x004;
        const ERR = 0x008;
        const HUP = 0x010;
        const NVAL = 0x020;
        const RDNORM = 0x040;
        const RDBAND = 0x080;
        const WRNORM = 0x100;
        const WRBAND = 0x200;
        const MSG = 0x400;
        const RDHUP = 0x2000;
    }
}

impl PollEvents {
    /// What a file says that never blocks.
    pub const ALWAYS: Self = Self::READABLE.union(Self::WRITABLE);
    /// There is something to read.
    pub const READABLE: Self = Self::IN.union(Self::RDNORM);
    /// There is room to write.
    pub const WRITABLE: Self = Self::OUT.union(Self::WRNORM);
}

/// Who collects the queues that a file's readiness is announced on.
pub trait PollSink {
    /// Wait on `queue` too. Out of memory is the sink's to remember.
    fn add(&mut self, queue: &WaitQueue);
}

/// Handed to [`crate::FileOps::poll`], which calls [`wait`](Self::wait) for every queue before it looks at its state.
pub struct PollTable<'a> {
    sink: Option<&'a mut dyn PollSink>,
    /// The events the caller cares for; the answer may hold others.
    pub wanted: PollEvents,
}

impl<'a> PollTable<'a> {
    /// One that only looks.
    pub const fn peek(wanted: PollEvents) -> Self {
        Self { sink: None, wanted }
    }

    /// One that collects queues in `sink`.
    pub fn new(sink: &'a mut dyn PollSink, wanted: PollEvents) -> Self {
        Self {
            sink: Some(sink),
            wanted,
        }
    }

    /// Wait on `queue` too.
    #[inline]
    pub fn wait(&mut self, queue: &WaitQueue) {
        if let Some(sink) = &mut self.sink {
            sink.add(queue);
        }
    }

    /// Whether queues are collected.
    pub const fn collects(&self) -> bool {
        self.sink.is_some()
    }

    /// No more queues: something is ready.
    pub fn stop(&mut self) {
        self.sink = None;
    }
}
