//! Sequence numbers (RFC 9293, 3.4).

/// A sequence number: they wrap, so one is before another if that is less than half a circle ahead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seq(pub u32);

impl Seq {
    /// The number `n` further on.
    #[must_use]
    pub const fn add(self, n: usize) -> Self {
        Self(self.0.wrapping_add(n as u32))
    }

    /// The number before.
    #[must_use]
    pub const fn before(self) -> Self {
        Self(self.0.wrapping_sub(1))
    }

    /// How far it is from `start`, which is not behind it.
    #[must_use]
    pub const fn since(self, start: Self) -> usize {
        self.0.wrapping_sub(start.0) as usize
    }

    /// Whether it is before `other`.
    #[must_use]
    pub const fn lt(self, other: Self) -> bool {
        (self.0.wrapping_sub(other.0) as i32) < 0
    }

    /// Whether it is not behind `other`.
    #[must_use]
    pub const fn le(self, other: Self) -> bool {
        !other.lt(self)
    }

    /// The one that is further on.
    #[must_use]
    pub const fn max(self, other: Self) -> Self {
        if self.lt(other) { other } else { self }
    }
}
