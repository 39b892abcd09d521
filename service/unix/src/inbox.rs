//! Putting messages into a queue, and taking them out.
use crate::objects::{Cargo, End, Inbox, Record, Sender};
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use kmem::ReservedQueue;
use kmem::user::UserBuf;
use socket::Caller;
use sync::MutexGuard;

/// What goes with a message.
#[derive(Default)]
pub(crate) struct Parcel {
    pub(crate) sender: Option<Sender>,
    pub(crate) cargo: Option<Box<Cargo>>,
}

impl Parcel {
    /// Says who sends, where the sender did not and one of the ends wants to know (`SO_PASSCRED`).
    #[inline]
    pub(crate) fn say_who(&mut self, from: &End, to: &End) -> Result<()> {
        let wanted = from.base.passes_credentials() || to.base.passes_credentials();
        if wanted && self.sender.is_none() {
            self.sender = Some(Caller::with_current(|who| Ok(Sender::of(who)))?);
        }
        Ok(())
    }
}

impl End {
    /// Puts the next `len` bytes of `data` into the queue, which is locked and open, as one message of `sender`'s. EFAULT,
    /// ENOMEM; then the parcel stays where it is.
    pub(crate) fn put(
        &self,
        inbox: &mut Inbox,
        sender: &End,
        data: (&mut UserBuf<'_>, usize),
        cost: usize,
        parcel: &mut Parcel,
    ) -> Result<()> {
        let (data, len) = data;
        if inbox.records.len() == inbox.records.capacity() && inbox.records.try_reserve(1).is_err()
        {
            return Err(Errno::ENOMEM);
        }
        inbox.pages.append(data, len)?;
        sender.charged.fetch_add(cost, Ordering::AcqRel);
        let cargo = parcel.cargo.take();
        if cargo.is_some() {
            self.cargos.fetch_add(1, Ordering::Release);
        }
        inbox.records.push_back_reserved(Record {
            left: len as u32,
            cost: cost as u32,
            sender: parcel.sender.clone(),
            cargo,
            from: None,
        });
        self.records
            .store(inbox.records.len() as u32, Ordering::Release);
        Ok(())
    }

    /// Says who sent the message that was put last.
    pub(crate) fn sign(inbox: &mut Inbox, from: &Arc<End>) {
        if let Some(last) = inbox.records.back_mut() {
            last.from = Some(from.clone());
        }
    }

    /// Takes the first message, all of whose bytes were received.
    #[inline]
    pub(crate) fn drop_first(&self, inbox: &mut Inbox) -> Option<Record> {
        let first = inbox.records.pop_front()?;
        self.records
            .store(inbox.records.len() as u32, Ordering::Release);
        Some(first)
    }

    /// Takes a message's descriptors.
    pub(crate) fn unload(&self, record: &mut Record) -> Option<Box<Cargo>> {
        let cargo = record.cargo.take();
        if cargo.is_some() {
            self.cargos.fetch_sub(1, Ordering::Release);
        }
        cargo
    }

    /// Takes all that waits. What it cost goes back to those who sent datagrams; the rest is `peer`'s.
    pub(crate) fn empty(&self, mut inbox: MutexGuard<'_, Inbox>) -> VecDeque<Record> {
        let records = core::mem::take(&mut inbox.records);
        inbox.urgent = VecDeque::new();
        self.marked.store(false, Ordering::Release);
        let waiting: usize = records.iter().map(|record| record.left as usize).sum();
        inbox.pages.discard(waiting);
        self.records.store(0, Ordering::Release);
        self.cargos.store(0, Ordering::Release);
        records
    }

    /// Takes all descriptors that wait here, as a chain.
    pub(crate) fn take_cargo(&self, mut chain: Option<Box<Cargo>>) -> Option<Box<Cargo>> {
        if self.cargos.load(Ordering::Acquire) == 0 {
            return chain;
        }
        let mut inbox = self.inbox.lock();
        for record in &mut inbox.records {
            if let Some(mut cargo) = self.unload(record) {
                cargo.next = chain;
                chain = Some(cargo);
            }
        }
        chain
    }
}

/// Gives back what messages cost: to who sent each, or to the other end of a connection. Their descriptors, as a chain.
pub(crate) fn forget(records: VecDeque<Record>, peer: Option<&End>) -> Option<Box<Cargo>> {
    let (mut chain, mut of_peer) = (None, 0);
    for mut record in records {
        match &record.from {
            Some(from) => from.give_back(record.cost as usize),
            None => of_peer += record.cost as usize,
        }
        if let Some(mut cargo) = record.cargo.take() {
            cargo.next = chain;
            chain = Some(cargo);
        }
    }
    if let Some(peer) = peer
        && of_peer != 0
    {
        peer.give_back(of_peer);
    }
    chain
}
