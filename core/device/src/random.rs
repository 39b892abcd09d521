//! Random numbers: ChaCha20 with a key that is replaced at each request, so that what was given out cannot be computed
//! from a later state (fast key erasure). Seeded from the machine, again from time to time, and by what root writes to
//! /dev/urandom.
//!
//! The block function is written out here rather than taken from a crate, since those choose vector instructions, which
//! the kernel must not touch. Specification: RFC 8439, section 2.3.
use kmem::user::UserBuf;
use sync::{LockClass, SpinLock, rank};

static POOL: LockClass = LockClass::new("random.pool", rank::RANDOM);

/// Bytes of a block.
const BLOCK: usize = 64;
/// How long a seed serves.
const RESEED_NS: u64 = 60_000_000_000;

type Key = [u32; 8];

struct Pool {
    key: Key,
    seeded_ns: Option<u64>,
}

static STATE: SpinLock<Pool> = SpinLock::new(
    &POOL,
    Pool {
        key: [0; 8],
        seeded_ns: None,
    },
);

/// The ChaCha20 block of a key, with this counter and nonce 0.
fn block(key: &Key, counter: u64) -> [u32; 16] {
    const CONSTANTS: [u32; 4] = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];
    let mut start = [0; 16];
    start[..4].copy_from_slice(&CONSTANTS);
    start[4..12].copy_from_slice(key);
    start[12] = counter as u32;
    start[13] = (counter >> 32) as u32;
    permute(start)
}

fn permute(start: [u32; 16]) -> [u32; 16] {
    let mut state = start;
    for _ in 0..10 {
        for i in 0..4 {
            quarter(&mut state, [i, 4 + i, 8 + i, 12 + i]);
        }
        for i in 0..4 {
            quarter(
                &mut state,
                [i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4],
            );
        }
    }
    for (word, first) in state.iter_mut().zip(start) {
        *word = word.wrapping_add(first);
    }
    state
}

#[inline]
fn quarter(s: &mut [u32; 16], [a, b, c, d]: [usize; 4]) {
    for (shift_d, shift_b) in [(16, 12), (8, 7)] {
        s[a] = s[a].wrapping_add(s[b]);
        s[d] = (s[d] ^ s[a]).rotate_left(shift_d);
        s[c] = s[c].wrapping_add(s[d]);
        s[b] = (s[b] ^ s[c]).rotate_left(shift_b);
    }
}

fn bytes_of(words: &[u32; 16]) -> [u8; BLOCK] {
    let mut bytes = [0; BLOCK];
    for (to, word) in bytes.chunks_exact_mut(4).zip(words) {
        to.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

impl Pool {
    /// Takes fresh seeds from the machine if it is time.
    fn refresh(&mut self) {
        let now = hal::clock::now_ns();
        if self
            .seeded_ns
            .is_some_and(|at| now.wrapping_sub(at) < RESEED_NS)
        {
            return;
        }
        self.seeded_ns = Some(now);
        for pair in self.key.chunks_exact_mut(2) {
            let seed = hal::random::seed_u64();
            pair[0] ^= seed as u32;
            pair[1] ^= (seed >> 32) as u32;
        }
        self.key[0] ^= now as u32;
        self.turn();
    }

    /// Replaces the key; answers the other half of the block.
    fn turn(&mut self) -> Key {
        let words = block(&self.key, 0);
        let (key, out) = words.split_at(8);
        self.key.copy_from_slice(key);
        let mut half = [0; 8];
        half.copy_from_slice(out);
        half
    }
}

/// 32 random bytes that nobody else gets.
fn draw() -> Key {
    let mut pool = STATE.lock_irq();
    pool.refresh();
    pool.turn()
}

/// A random number.
pub fn next_u64() -> u64 {
    let key = draw();
    u64::from(key[0]) << 32 | u64::from(key[1])
}

/// Fills `out` with random bytes.
pub fn fill(out: &mut [u8]) {
    let key = draw();
    if out.len() <= 32 {
        // One block has given the key and this.
        for (to, byte) in out.iter_mut().zip(key.iter().flat_map(|w| w.to_le_bytes())) {
            *to = byte;
        }
        return;
    }
    for (counter, piece) in (0..).zip(out.chunks_mut(BLOCK)) {
        piece.copy_from_slice(&bytes_of(&block(&key, counter))[..piece.len()]);
    }
}

/// Fills `buf` with random bytes; `stop` is asked every page whether to end early (a signal). EFAULT, if nothing was
/// written.
pub fn read(buf: &mut UserBuf<'_>, mut stop: impl FnMut() -> bool) -> abi::Result<usize> {
    let key = draw();
    let mut done = 0;
    for counter in 0.. {
        if buf.is_empty() || (done > 0 && done % abi::PAGE_SIZE == 0 && stop()) {
            break;
        }
        let want = buf.remaining().min(BLOCK);
        match buf.copy_to(&bytes_of(&block(&key, counter))[..want]) {
            Ok(n) if n == want => done += n,
            Ok(n) => return Ok(done + n),
            Err(e) if done == 0 => return Err(e),
            Err(_) => break,
        }
    }
    Ok(done)
}

/// Mixes bytes into the state. Nothing they hold can make it weaker.
pub fn mix(bytes: &[u8]) {
    for piece in bytes.chunks(32) {
        let mut pool = STATE.lock_irq();
        for (at, byte) in piece.iter().enumerate() {
            pool.key[at / 4] ^= u32::from(*byte) << (8 * (at % 4));
        }
        pool.turn();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    /// RFC 8439, section 2.3.2.
    #[test]
    fn the_block_function_is_chacha20() {
        let mut start = [0_u32; 16];
        start[..4].copy_from_slice(&[0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574]);
        for i in 0..8 {
            let at = 4 * i as u8;
            start[4 + i] = u32::from_le_bytes([at, at + 1, at + 2, at + 3]);
        }
        start[12..].copy_from_slice(&[1, 0x0900_0000, 0x4a00_0000, 0]);
        let out = permute(start);
        assert_eq!(
            out[..4],
            [0xe4e7_f110, 0x1559_3bd1, 0x1fdd_0f50, 0xc471_20a3]
        );
        assert_eq!(out[15], 0x4e3c_50a2);
        assert_eq!(bytes_of(&out)[..4], [0x10, 0xf1, 0xe7, 0xe4]);
    }

    #[test]
    fn never_the_same_twice() {
        for len in [1, 8, 31, 32, 33, 64, 65, 5000] {
            let (mut a, mut b) = (vec![0; len], vec![0; len]);
            fill(&mut a);
            fill(&mut b);
            assert!(a != b || len == 1);
        }
        assert_ne!(next_u64(), next_u64());
        mix(b"whatever");
        assert_ne!(next_u64(), 0);
    }

    #[test]
    fn fills_buffers_and_balances_bits() {
        let mut out = vec![0; 10_001];
        assert_eq!(
            read(&mut UserBuf::kernel_dst(&mut out), || false),
            Ok(10_001)
        );
        let ones: u32 = out.iter().map(|b| b.count_ones()).sum();
        assert!((39_000..41_000).contains(&ones), "{ones}");
        assert_eq!(read(&mut UserBuf::kernel_dst(&mut out), || true), Ok(4096));
    }
}
