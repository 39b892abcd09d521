//! Copying: the kernel's string functions, and access to user memory with every way it can fail.

use alloc::vec;
use alloc::vec::Vec;
use core::arch::global_asm;
use core::sync::atomic::Ordering::SeqCst;

use hal::addr::{PhysAddr, VirtAddr};
use hal::boot::{MemoryKind, MemoryRegion};
use hal::paging::pte;
use hal::uaccess::{
    Fault, cmpxchg_u32, copy_user_raw, read_u8, read_u32, read_u64, strncpy_user_raw,
    strnlen_user_raw, write_u8, write_u32, write_u64, xadd_u32, xchg_u32, zero_user_raw,
};

use crate::pages::{self, CODE, DATA};
use crate::traps::ABSENT;

unsafe extern "C" {
    fn memcpy(to: *mut u8, from: *const u8, length: usize) -> *mut u8;
    fn memmove(to: *mut u8, from: *const u8, length: usize) -> *mut u8;
    fn memset(to: *mut u8, byte: i32, length: usize) -> *mut u8;
    fn memcmp(left: *const u8, right: *const u8, length: usize) -> i32;
}

pub(crate) fn string_functions() {
    let base: Vec<u8> = (0..600u32)
        .map(|index| (index * 7 + index / 256) as u8)
        .collect();
    for length in 0..200 {
        moves(&base, length);
        let mut got = base.clone();
        // SAFETY: within the vectors.
        unsafe {
            assert_eq!(
                memcpy(got.as_mut_ptr().add(300), base.as_ptr(), length),
                got.as_mut_ptr().add(300)
            );
            assert_eq!(
                memset(got.as_mut_ptr().add(3), 0x1a5, length),
                got.as_mut_ptr().add(3)
            );
        }
        for (index, byte) in got.iter().enumerate() {
            let want = match index {
                _ if (3..3 + length).contains(&index) => 0xa5,
                _ if (300..300 + length).contains(&index) => base[index - 300],
                _ => base[index],
            };
            assert_eq!(*byte, want, "{length} bytes, at {index}");
        }
        compares(&base, length);
    }
}

fn moves(base: &[u8], length: usize) {
    for (from, to) in [
        (0, 300),
        (10, 11),
        (11, 10),
        (0, 7),
        (7, 0),
        (0, 16),
        (16, 0),
        (0, 33),
        (33, 0),
        (100, 0),
        (5, 5),
    ] {
        let (mut got, mut want) = (base.to_vec(), base.to_vec());
        want[to..to + length].copy_from_slice(&base[from..from + length]);
        // SAFETY: within the vector.
        unsafe { memmove(got.as_mut_ptr().add(to), got.as_ptr().add(from), length) };
        assert!(got == want, "memmove of {length} from {from} to {to}");
    }
}

fn compares(base: &[u8], length: usize) {
    let mut other = base[..length].to_vec();
    // SAFETY: within the vectors.
    let compare = |other: &[u8]| unsafe { memcmp(other.as_ptr(), base.as_ptr(), length) }.signum();
    assert_eq!(compare(&other), 0);
    for at in 0..length.min(40) {
        other[at] = other[at].wrapping_add(1);
        assert_eq!(compare(&other), if other[at] > base[at] { 1 } else { -1 });
        other[at] = base[at];
    }
}

/// Both ends of every free region are RAM that the direct map reaches.
pub(crate) fn direct_map(regions: &[MemoryRegion]) {
    for region in regions
        .iter()
        .filter(|region| region.kind == MemoryKind::Usable)
    {
        for phys in [region.start.0, region.end.0 - 8] {
            let place = hal::paging::phys_to_virt(PhysAddr(phys)).0 as *mut usize;
            // SAFETY: free RAM, which the kernel hasn't given to anybody.
            let back = unsafe {
                place.write_volatile(!phys);
                place.read_volatile()
            };
            assert_eq!(back, !phys, "{region:x?}");
        }
    }
    assert!(regions.windows(2).all(|pair| pair[0].end <= pair[1].start));
}

const PAGE: *mut u8 = DATA as *mut u8;

/// Copies that end at any distance behind the last mapped byte: exactly the rest is not copied.
pub(crate) fn copies() {
    let sevens = vec![7; 5000];
    // SAFETY: user addresses; the kernel's side is large enough.
    unsafe {
        for length in [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 63, 64, 65, 100, 4000, 4096] {
            assert_eq!(copy_user_raw(PAGE, sevens.as_ptr(), length), 0);
            assert_eq!(
                copy_user_raw(PAGE.add(4096 - length), sevens.as_ptr(), length),
                0
            );
        }
        for over in [1, 2, 3, 7, 8, 9, 100] {
            for inside in [0, 1, 2, 3, 5, 8, 13, 60, 64, 70, 1000] {
                let (at, length) = (PAGE.add(4096 - inside), over + inside);
                let mut back = vec![0; 1200];
                assert_eq!(copy_user_raw(at, sevens.as_ptr(), length), over);
                assert_eq!(copy_user_raw(back.as_mut_ptr(), at, length), over);
                assert!(
                    back[..inside].iter().all(|byte| *byte == 7)
                        && back[inside..].iter().all(|byte| *byte == 0)
                );
                assert_eq!(zero_user_raw(at, length), over);
                assert_eq!(copy_user_raw(back.as_mut_ptr(), at, length), over);
                assert!(back.iter().all(|byte| *byte == 0));
            }
        }
        assert_eq!(
            copy_user_raw((1usize << 63) as *mut u8, sevens.as_ptr(), 100),
            100
        );
        assert_eq!(copy_user_raw(CODE as *mut u8, sevens.as_ptr(), 100), 100);
    }
}

pub(crate) fn scalars() {
    // SAFETY: user addresses.
    unsafe {
        assert_eq!(write_u64(PAGE.cast(), 5), Ok(()));
        assert_eq!(cmpxchg_u32(PAGE.cast(), 5, 9), Ok(5));
        assert_eq!(cmpxchg_u32(PAGE.cast(), 5, 10), Ok(9));
        assert_eq!(xadd_u32(PAGE.cast(), 3), Ok(9));
        assert_eq!(xchg_u32(PAGE.cast(), 1), Ok(12));
        assert_eq!((read_u8(PAGE), read_u64(PAGE.cast())), (Ok(1), Ok(1)));
        assert_eq!(read_u32(16 as *const u32), Err(Fault));
        assert_eq!(write_u8(CODE as *mut u8, 1), Err(Fault));
        assert_eq!(xadd_u32(16 as *mut u32, 1), Err(Fault));
    }
}

pub(crate) fn strings() {
    let text = b"hello, a string of some length\0";
    let length = text.len() - 1;
    for offset in 0..9 {
        // SAFETY: user addresses; the buffer has 64 bytes.
        unsafe {
            let at = PAGE.add(offset);
            let mut copy = [0xff; 64];
            copy_user_raw(at, text.as_ptr(), text.len());
            assert_eq!(strncpy_user_raw(copy.as_mut_ptr(), at, 64), Ok(length));
            assert_eq!(&copy[..text.len()], text);
            assert_eq!(strnlen_user_raw(at, 64), Ok(length));
            for limit in 0..text.len() {
                assert_eq!(strncpy_user_raw(copy.as_mut_ptr(), at, limit), Ok(limit));
                assert_eq!(strnlen_user_raw(at, limit), Ok(limit));
            }
            // Up to the last mapped byte, with and without a NUL there.
            let at = PAGE.add(4096 - 10 - offset);
            copy_user_raw(at, text.as_ptr(), 10 + offset);
            zero_user_raw(PAGE.add(4095), 1);
            assert_eq!(strncpy_user_raw(copy.as_mut_ptr(), at, 64), Ok(9 + offset));
            assert_eq!(write_u8(PAGE.add(4095), 9), Ok(()));
            assert_eq!(strncpy_user_raw(copy.as_mut_ptr(), at, 64), Err(Fault));
            assert_eq!(strnlen_user_raw(at, 64), Err(Fault));
        }
    }
}

pub(crate) fn demand_paging() {
    let absent = DATA + 4096;
    pages::map(absent, pte::WRITE | pte::NX, &[]);
    let entry = pages::entry(absent);
    // SAFETY: a level-1 entry of ours, whose page nobody has used.
    unsafe {
        entry.write(entry.read() & !pte::PRESENT);
        ABSENT.store(entry as usize, SeqCst);
        assert_eq!(write_u32((absent + 16) as *mut u32, 77), Ok(()));
        assert_eq!(read_u32((absent + 16) as *const u32), Ok(77));
    }
}

global_asm!(
    ".section .text.poked, \"ax\", @progbits",
    ".balign 4096",
    ".skip 4093",
    ".global poked",
    "poked: mov eax, 1", // its operand crosses into the next page
    "ret",
    ".text"
);

unsafe extern "C" {
    fn poked() -> u64;
}

pub(crate) fn text_poke() {
    let saved = hal::irq::disable();
    // SAFETY: no other CPU runs; the new bytes are `mov eax, 2`.
    unsafe {
        assert_eq!(poked(), 1);
        hal::text_poke(
            VirtAddr(poked as *const () as usize),
            &[0xb8, 2, 0, 0, 0x01],
        );
        assert_eq!(poked(), 0x0100_0002);
    }
    hal::irq::restore(saved);
}
