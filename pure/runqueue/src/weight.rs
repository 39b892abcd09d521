//! Weights: each nice level is a tenth of CPU more or less than its neighbour.

/// The weight of nice 0.
pub const NICE_0: u32 = 1024;
/// The weight of SCHED_IDLE.
pub const IDLE: u32 = 3;

/// Weights of nice -20 to 19 (Linux' `sched_prio_to_weight`).
const BY_NICE: [u32; 40] = [
    88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916, 9548, 7620, 6100, 4904,
    3906, 3121, 2501, 1991, 1586, 1277, 1024, 820, 655, 526, 423, 335, 272, 215, 172, 137, 110, 87,
    70, 56, 45, 36, 29, 23, 18, 15,
];

/// The weight of a nice value; values out of range count as the nearest in it.
#[must_use]
pub const fn of_nice(nice: i8) -> u32 {
    let index = nice as i32 + 20;
    BY_NICE[if index < 0 {
        0
    } else if index > 39 {
        39
    } else {
        index as usize
    }]
}

/// Run time scaled to virtual time: `ns * 1024 / weight`.
#[inline]
#[must_use]
pub const fn scale(ns: u64, weight: u32) -> u64 {
    if weight == NICE_0 {
        ns
    } else {
        (ns as u128 * NICE_0 as u128 / weight as u128) as u64
    }
}
