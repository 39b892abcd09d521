//! Walking frame pointers. Every address is checked against the bounds of a stack that is known before it is read, so a
//! walk can't fault, whatever it meets.

use core::ops::Range;

use super::{percpu, registers};

/// Most frames shown.
const LIMIT: usize = 64;

/// A caller further up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    /// Where the call returns to.
    pub(crate) address: usize,
    /// Its frame pointer.
    pub(crate) frame_pointer: usize,
    /// Its stack pointer after the call.
    pub(crate) stack_pointer: usize,
}

/// Calls `each` with the return addresses of the frames from `frame_pointer` up, on this CPU's stacks. For a trap, start
/// with the frame's `rip` yourself, then walk from its `rbp`.
pub fn walk(frame_pointer: usize, mut each: impl FnMut(usize)) {
    walk_frames(frame_pointer, |caller| each(caller.address));
}

/// As [`walk`], with all that is known of each caller.
pub(crate) fn walk_frames(frame_pointer: usize, mut each: impl FnMut(&Caller)) {
    walk_in(frame_pointer, &known_stacks(), |caller| {
        each(caller);
        true
    });
}

/// As [`walk`], from where one stands.
#[inline(always)]
pub fn walk_here(each: impl FnMut(usize)) {
    walk(registers::frame_pointer(), each);
}

/// Notes the first return addresses within `wanted`, from where one stands; the rest stays 0.
#[inline(always)]
pub fn callers_in<const N: usize>(wanted: &Range<usize>) -> [usize; N] {
    let (mut found, mut count) = ([0; N], 0);
    walk_in(registers::frame_pointer(), &known_stacks(), |caller| {
        if wanted.contains(&caller.address) && count < N {
            found[count] = caller.address;
            count += 1;
        }
        count < N
    });
    found
}

/// As [`walk`], for a context that isn't running; gives nothing when it is.
pub fn walk_context(context: &super::context::Context, mut each: impl FnMut(usize)) {
    if let Some(frame_pointer) = context.suspended_frame_pointer() {
        walk_in(frame_pointer, &[context.stack()], |caller| {
            each(caller.address);
            true
        });
    }
}

/// Calls `each` until it says that it has enough.
fn walk_in(
    mut frame_pointer: usize,
    stacks: &[Range<usize>],
    mut each: impl FnMut(&Caller) -> bool,
) {
    for _ in 0..LIMIT {
        let inside = |stack: &Range<usize>| {
            stack.contains(&frame_pointer) && stack.contains(&(frame_pointer + 15))
        };
        if !frame_pointer.is_multiple_of(8) || !stacks.iter().any(inside) {
            return;
        }
        // SAFETY: both words lie within a stack of this CPU or of a suspended context, which is mapped memory.
        let (next, address) = unsafe {
            let frame = frame_pointer as *const usize;
            (frame.read_volatile(), frame.add(1).read_volatile())
        };
        if address == 0 {
            return;
        }
        let goes_on = each(&Caller {
            address,
            frame_pointer: next,
            stack_pointer: frame_pointer + 16,
        });
        if !goes_on {
            return;
        }
        // Frames rise within a stack; from one stack to another (interrupt to thread) they may go anywhere.
        let same_stack = stacks
            .iter()
            .any(|stack| stack.contains(&frame_pointer) && stack.contains(&next));
        if same_stack && next <= frame_pointer {
            return;
        }
        frame_pointer = next;
    }
}

/// The room for the kernel's symbols and lines (`symtab::Table`), which the host tool fills after the link. Holds zeroes in
/// an image it has not been over.
#[must_use]
pub fn symbol_blob() -> &'static [u8] {
    unsafe extern "C" {
        static __gaon_symtab_start: u8;
        static __gaon_symtab_stop: u8;
    }
    let (start, stop) = (
        &raw const __gaon_symtab_start,
        &raw const __gaon_symtab_stop,
    );
    // SAFETY: the linker script lays these bytes out in rodata, which is mapped from the start and never written.
    unsafe { core::slice::from_raw_parts(start, stop as usize - start as usize) }
}

/// The stacks that this CPU may stand on.
fn known_stacks() -> [Range<usize>; 3] {
    let saved = super::irq::disable();
    // SAFETY: this CPU's header, interrupts off.
    let stacks = unsafe {
        let local = percpu::this();
        [(*local).stack, (*local).irq_stack, (*local).ist_stacks]
    };
    super::irq::restore(saved);
    stacks.map(|[low, high]| low..high)
}
