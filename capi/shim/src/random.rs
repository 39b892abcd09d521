//! `linux/random.h`, and rate limits.
use crate::export::exports;
use crate::foreign;
use core::sync::atomic::{AtomicU64, Ordering};

/// `get_random_bytes(to, length)`.
extern "C" fn get_random_bytes(to: usize, len: usize) {
    let mut done = 0;
    while done < len {
        let mut piece = [0; 64];
        let some = piece.len().min(len - done);
        random::fill(&mut piece[..some]);
        if foreign::write_bytes(to + done, &piece[..some]).is_err() {
            crate::enter::misuse("get_random_bytes to where nothing is");
        }
        done += some;
    }
}

extern "C" fn get_random_u64() -> u64 {
    random::next_u64()
}

extern "C" fn get_random_u32() -> u32 {
    random::next_u64() as u32
}

/// `___ratelimit(state, function)`: 1 while no more than the burst came in the interval. The state is two 32-bit words,
/// interval in ticks and burst, and two words of ours: when the interval began and how many came.
extern "C" fn ___ratelimit(state: usize, _function: usize) -> i32 {
    let mut words = [0; 8];
    if foreign::read_bytes(state, &mut words).is_err()
        || foreign::read_u64(state + 16).is_err()
        || !state.is_multiple_of(8)
    {
        crate::enter::misuse("a ratelimit at an address where none can be");
    }
    let [a, b, c, d, e, f, g, h] = words;
    let interval = u64::from(u32::from_le_bytes([a, b, c, d]));
    let burst = u64::from(u32::from_le_bytes([e, f, g, h]));
    if interval == 0 {
        return 1;
    }
    // SAFETY: there is memory, and the caller passes what its header calls a ratelimit_state; any value is valid.
    let [begun, came] = [8, 16].map(|at| unsafe { &*((state + at) as *const AtomicU64) });
    let now = time::jiffies();
    let start = begun.load(Ordering::Relaxed);
    if start == 0 || now.wrapping_sub(start) >= interval {
        begun.store(now, Ordering::Relaxed);
        came.store(0, Ordering::Relaxed);
    }
    i32::from(came.fetch_add(1, Ordering::Relaxed) < burst)
}

/// `__printk_ratelimit(function)`: as above, for all messages of all modules: ten in five seconds.
extern "C" fn __printk_ratelimit(function: usize) -> i32 {
    static STATE: [AtomicU64; 3] = [
        AtomicU64::new((10 << 32) | (5 * time::HZ)),
        AtomicU64::new(0),
        AtomicU64::new(0),
    ];
    ___ratelimit(STATE.as_ptr() as usize, function)
}

exports![
    __printk_ratelimit,
    get_random_bytes,
    get_random_u64,
    get_random_u32,
    ___ratelimit,
];
