//! Random numbers for everybody: getrandom(2), /dev/urandom, AT_RANDOM.
//!
//! One ChaCha20 key per CPU, renewed at every use (fast key erasure): what was given out cannot be computed from what is
//! kept. Keys come from [`hal::random::seed_u64`], the seam of a replay, and are stirred with it again now and then.
//!
//! Called by: syscall, exec, devtmpfs, mm's users. Calls: hal. Lock order: each CPU's key is a leaf.
//!
//! Specification: RFC 8439 (ChaCha20), random(4), getrandom(2).
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

mod chacha;

use hal::MAX_CPUS;
use sync::percpu::CachePadded;
use sync::{LockClass, PerCpu, SpinLock, rank};

static CLASS: LockClass = LockClass::new("random", rank::RANDOM);
static STATES: PerCpu<SpinLock<State>> = PerCpu::new(
    [const {
        CachePadded(SpinLock::new(
            &CLASS,
            State {
                key: [0; 8],
                uses: 0,
            },
        ))
    }; MAX_CPUS],
);
/// Uses of a key's descendants before fresh seed is mixed in.
const RESEED_AFTER: u32 = 1024;

struct State {
    key: [u32; 8],
    uses: u32,
}

impl State {
    /// A key for one answer; the state's own moves on.
    fn next_key(&mut self) -> [u32; 8] {
        if self.uses.is_multiple_of(RESEED_AFTER) {
            for pair in self.key.chunks_exact_mut(2) {
                let seed = hal::random::seed_u64();
                pair[0] ^= seed as u32;
                pair[1] ^= (seed >> 32) as u32;
            }
        }
        self.uses = self.uses.wrapping_add(1);
        let block = chacha::block(&self.key, 0);
        let mut answer = [0; 8];
        self.key.copy_from_slice(&block[..8]);
        answer.copy_from_slice(&block[8..]);
        answer
    }
}

/// Bits of the key, all of which are as good as unknown.
pub const POOL_BITS: u32 = 256;

/// A stream of random bytes, for answers too long for one buffer.
pub struct Stream {
    key: [u32; 8],
    counter: u64,
}

impl Stream {
    /// A new stream, independent of all others.
    pub fn new() -> Self {
        let state = STATES.here();
        Self {
            key: state.lock_irq().next_key(),
            counter: 0,
        }
    }

    /// Fills a buffer with the stream's next bytes.
    pub fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(64) {
            let block = chacha::block(&self.key, self.counter);
            self.counter += 1;
            for (word, bytes) in block.iter().zip(chunk.chunks_mut(4)) {
                bytes.copy_from_slice(&word.to_le_bytes()[..bytes.len()]);
            }
        }
    }
}

impl Default for Stream {
    fn default() -> Self {
        Self::new()
    }
}

/// Fills a buffer.
pub fn fill(out: &mut [u8]) {
    Stream::new().fill(out);
}

/// Stirs bytes into this CPU's key (a write to /dev/urandom). Nothing they hold makes it weaker.
pub fn mix(bytes: &[u8]) {
    let mut state = STATES.here().lock_irq();
    for piece in bytes.chunks(32) {
        for (at, byte) in piece.iter().enumerate() {
            state.key[at / 4] ^= u32::from(*byte) << (8 * (at % 4));
        }
        state.next_key();
    }
}

/// 64 random bits.
pub fn next_u64() -> u64 {
    let mut bytes = [0; 8];
    fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_differ() {
        let (mut a, mut b) = ([0; 100], [0; 100]);
        fill(&mut a);
        fill(&mut b);
        assert_ne!(a, b);
        assert!(a[64..].iter().any(|&x| x != 0));
        assert_ne!(next_u64(), next_u64());
    }
}
