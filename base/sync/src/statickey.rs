//! A branch that is almost never taken and costs next to nothing until it is: for tracepoints, accounting, hooks.
//!
//! On the kernel target a [`static_branch!`](crate::static_branch) is one 5-byte NOP that [`StaticKey::enable`] rewrites
//! into a jump, at every place, with all other CPUs stopped (`set_stopper`). Hosted it is a load and a branch.
//!
//! Specification: Linux' Documentation/staging/static-keys.rst.
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

/// A switch, off at first; counts how often it was switched on.
pub struct StaticKey {
    enabled: AtomicU32,
}

/// One place that a key guards, as the assembler writes it into the section `.gaon_jump`.
#[repr(C)]
#[cfg(target_os = "none")]
struct Place {
    code: u64,
    target: u64,
    key: u64,
}

impl Default for StaticKey {
    fn default() -> Self {
        Self::new()
    }
}

impl StaticKey {
    /// Off.
    pub const fn new() -> Self {
        Self {
            enabled: AtomicU32::new(0),
        }
    }
    /// Whether it is on, by a load: for code where a NOP is not worth it.
    #[inline]
    pub fn enabled(&self) -> bool {
        self.enabled.load(Ordering::Relaxed) != 0
    }
    /// Switches it on; the first time patches the text.
    pub fn enable(&'static self) {
        if self.enabled.fetch_add(1, Ordering::SeqCst) == 0 {
            self.patch(true);
        }
    }
    /// Takes one [`Self::enable`] back; the last one patches the text.
    pub fn disable(&'static self) {
        if self.enabled.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.patch(false);
        }
    }

    #[cfg(not(target_os = "none"))]
    #[expect(clippy::unused_self, reason = "the hosted key has no text to patch")]
    fn patch(&'static self, _on: bool) {}

    #[cfg(target_os = "none")]
    fn patch(&'static self, on: bool) {
        stopped(&mut || {
            for place in places()
                .iter()
                .filter(|p| p.key == core::ptr::from_ref(self).addr() as u64)
            {
                let mut code = [0x0f, 0x1f, 0x44, 0x00, 0x00]; // the 5-byte NOP
                if on {
                    let distance = place.target.wrapping_sub(place.code + 5) as u32;
                    code[0] = 0xe9;
                    code[1..].copy_from_slice(&distance.to_le_bytes());
                }
                // SAFETY: the assembler reserved these five bytes for this, and no other CPU runs.
                unsafe { hal::text_poke(hal::addr::VirtAddr(place.code as usize), &code) };
            }
        });
    }
}

/// Runs a closure while every other CPU stands still with interrupts off.
pub type Stopper = fn(&mut dyn FnMut());
static STOPPER: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

/// Sets how CPUs are stopped (core/sched); until then there is only one.
pub fn set_stopper(stopper: Stopper) {
    STOPPER.store(stopper as *mut (), Ordering::Release);
}

#[cfg_attr(
    not(target_os = "none"),
    expect(dead_code, reason = "nothing is patched on the host")
)]
fn stopped(f: &mut dyn FnMut()) {
    let stopper = STOPPER.load(Ordering::Acquire);
    if stopper.is_null() {
        let _irqs = crate::context::irq_disable();
        f();
    } else {
        // SAFETY: only `set_stopper` stores here, and it stores a `Stopper`.
        let stopper: Stopper = unsafe { core::mem::transmute::<*mut (), Stopper>(stopper) };
        stopper(f);
    }
}

#[cfg(target_os = "none")]
fn places() -> &'static [Place] {
    unsafe extern "C" {
        static __start_gaon_jump: Place;
        static __stop_gaon_jump: Place;
    }
    let start = &raw const __start_gaon_jump;
    let stop = &raw const __stop_gaon_jump;
    // SAFETY: the linker script puts the two symbols around the section, an array of `Place`.
    unsafe { core::slice::from_raw_parts(start, (stop.addr() - start.addr()) / size_of::<Place>()) }
}

/// Whether a `static` [`StaticKey`] is on: one NOP while it is off.
#[cfg(target_os = "none")]
#[macro_export]
macro_rules! static_branch {
    ($key:path) => {
        'taken: {
            // SAFETY: a NOP, or once patched a jump to the block below; nothing else is touched.
            unsafe {
                core::arch::asm!(
                    "2: .byte 0x0f, 0x1f, 0x44, 0x00, 0x00",
                    ".pushsection .gaon_jump, \"a\"",
                    ".quad 2b",
                    ".quad {on}",
                    ".quad {key}",
                    ".popsection",
                    key = sym $key,
                    on = label { break 'taken true },
                    options(nomem, nostack, preserves_flags),
                );
            }
            false
        }
    };
}

/// Whether a `static` [`StaticKey`] is on.
#[cfg(not(target_os = "none"))]
#[macro_export]
macro_rules! static_branch {
    ($key:path) => {
        $key.enabled()
    };
}

#[cfg(test)]
mod tests {
    use super::StaticKey;
    static KEY: StaticKey = StaticKey::new();

    #[test]
    fn counts() {
        assert!(!static_branch!(KEY));
        KEY.enable();
        KEY.enable();
        KEY.disable();
        assert!(static_branch!(KEY));
        KEY.disable();
        assert!(!static_branch!(KEY));
    }
}
