//! Checkpoints: calls that can be given up from anywhere below them, as `longjmp` gives up what `setjmp` began. An oops
//! does so: the frames in between, Rust's among them, are forgotten, not unwound. (A `landing` is for what a module does,
//! and skips frames that own nothing.)
//!
//! Having one costs nothing; making one, a dozen instructions once in a task's life.

use core::arch::global_asm;
use core::ffi::c_void;

use super::context;

// checkpoint_call(body, data, slot): calls body(data) with its own stack pointer in *slot; gives 0, or what came back.
// checkpoint_back(sp, value): goes back to the checkpoint whose stack pointer that is.
global_asm!(
    ".text",
    ".balign 16",
    ".global checkpoint_call",
    "checkpoint_call:",
    "push rbp",
    "mov rbp, rsp",
    "push rbx",
    "push r12",
    "push r13",
    "push r14",
    "push r15",
    "push qword ptr [rdx]", // the checkpoint outside of this one
    "push rdx",
    "sub rsp, 8", // the ABI's alignment
    "mov [rdx], rsp",
    "mov rax, rdi",
    "mov rdi, rsi",
    "call rax",
    "xor eax, eax",
    "2:",
    "add rsp, 8",
    "pop rdx",
    "pop qword ptr [rdx]",
    "pop r15",
    "pop r14",
    "pop r13",
    "pop r12",
    "pop rbx",
    "pop rbp",
    "ret",
    ".global checkpoint_back",
    "checkpoint_back:",
    "mov rsp, rdi",
    "mov eax, esi",
    "jmp 2b",
);

unsafe extern "C" {
    fn checkpoint_call(
        body: extern "C" fn(*mut c_void),
        data: *mut c_void,
        slot: *mut usize,
    ) -> u32;
    fn checkpoint_back(sp: usize, value: u32) -> !;
}

extern "C" fn body<F: FnOnce()>(data: *mut c_void) {
    // SAFETY: `call` passes its own `Option<F>`, which outlives this.
    if let Some(f) = unsafe { &mut *data.cast::<Option<F>>() }.take() {
        f();
    }
}

/// Calls `f` with a checkpoint beneath it; 0 if `f` returned, else what [`back`] was given. After `back` interrupts are as
/// they were where it was called. In a thread's own context, with no landing beneath.
pub fn call<F: FnOnce()>(f: F) -> u32 {
    let mut f = Some(f);
    let slot = context::running_checkpoint();
    // SAFETY: the slot belongs to the running thread, which alone uses it and which this is until the call is over; the
    // assembly keeps the ABI.
    unsafe { checkpoint_call(body::<F>, (&raw mut f).cast(), slot) }
}

/// Gives up everything that the running thread has called since its innermost checkpoint, landings among it; returns if
/// there is none. `value` is what [`call`] gives there and is not 0.
///
/// # Safety
/// The frames in between are never returned to and their memory is used again: nothing else may still point into them
/// or wait for their destructors. The caller stands on the thread's own stack, or on one of this CPU's that is done with.
pub unsafe fn back(value: u32) {
    // SAFETY: the running thread's own slot.
    let sp = unsafe { *context::running_checkpoint() };
    if sp != 0 {
        context::drop_landings();
        // SAFETY: `checkpoint_call` stored it and has not returned, or the slot would hold another.
        unsafe { checkpoint_back(sp, value) }
    }
}
