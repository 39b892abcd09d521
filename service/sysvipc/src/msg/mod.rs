//! Message queues: who gets which message.
mod queue;

machine! {
    mod object;

    pub(crate) use object::MsgQueue;
    pub(crate) use queue::{Message, Receiver, Sender, Want};
}
