//! What a segment or time did to a connection: [`Change`].
use bitflags::bitflags;

bitflags! {
    /// What changed.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Change: u8 {
        /// There is more to be read, or never will be.
        const READ = 1;
        /// There is more room for what is sent.
        const WRITE = 2;
        /// The state.
        const STATE = 4;
    }
}
