//! The shared object that every process has in its memory, so that it needs no system call for the time (vdso(7)), and the
//! page before it that the clock is read from. `exec` maps them.

use core::arch::global_asm;
use core::mem::offset_of;

use super::clock::{SCALE_COUNT, Scale, Shown};
use super::descriptors::CPU_SEGMENT;

global_asm!(
    include_str!("vdso.s"),
    fallback = const offset_of!(Shown, fallback),
    era = const offset_of!(Shown, era),
    offset = const offset_of!(Shown, offset),
    tai = const offset_of!(Shown, tai),
    scales = const SCALE_COUNT,
    scale_size = const size_of::<Scale>(),
    base = const offset_of!(Scale, base),
    base_ns = const offset_of!(Scale, base_ns),
    raw_ns = const offset_of!(Scale, raw_ns),
    per_tick = const offset_of!(Scale, ns_per_tick),
    raw_per_tick = const offset_of!(Scale, raw_per_tick),
    tick = const super::clock::TICK_NS,
    cpu_segment = const CPU_SEGMENT,
);
// The scales are at the start of the page, and picked by bits of the era.
const _: () = assert!(offset_of!(Shown, scales) == 0 && SCALE_COUNT.is_power_of_two());

unsafe extern "C" {
    static vdso_begin: u8;
    static vdso_end: u8;
}

/// The object: at most a page.
#[must_use]
pub fn image() -> &'static [u8] {
    let (begin, end) = (&raw const vdso_begin, &raw const vdso_end);
    // SAFETY: `vdso.s` has these around the object, which is read-only data.
    unsafe { core::slice::from_raw_parts(begin, end.offset_from_unsigned(begin)) }
}

/// Address of the page that has to lie before it.
#[must_use]
pub fn clock_page() -> usize {
    &raw const super::clock::SHOWN as usize
}
