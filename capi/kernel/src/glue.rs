//! The C face of a module in Rust: its entry points and sections. Kbuild makes a crate of `glue!` for each module and
//! links all into one object, so that the module itself needs no unsafe code.
use crate::alloc::{KBox, flags::GFP_KERNEL};
use crate::sync::SpinLock;
use crate::{Module, ThisModule, print, workqueue};
use core::ffi::{c_int, c_void};

/// The module's value between its init and its exit, and what drops it.
static VALUE: SpinLock<Option<Value>> = SpinLock::new(None);

struct Value {
    at: *mut c_void,
    end: unsafe fn(*mut c_void),
}
// SAFETY: a module may be dropped on any thread.
unsafe impl Send for Value {}

/// `init_module`.
pub fn init<M: Module>() -> c_int {
    static THIS: ThisModule = ThisModule::THIS;
    let made = M::init(&THIS).and_then(|module| Ok(KBox::new(module, GFP_KERNEL)?));
    match made {
        Ok(module) => {
            *VALUE.lock() = Some(Value {
                at: module.into_raw().cast(),
                end: end::<M>,
            });
            0
        }
        Err(error) => {
            workqueue::finish();
            error.to_errno()
        }
    }
}

/// # Safety
/// `value` comes from a box with an `M`, and nobody uses it after this.
unsafe fn end<M>(value: *mut c_void) {
    // SAFETY: as the caller says.
    drop(unsafe { KBox::<M>::from_raw(value.cast()) });
}

/// `cleanup_module`.
pub fn exit() {
    let value = VALUE.lock().take();
    if let Some(value) = value {
        // SAFETY: `init` left both, and they were taken.
        unsafe { (value.end)(value.at) };
    }
    workqueue::finish();
}

/// The entry points and sections of the module of a crate.
#[macro_export]
macro_rules! glue {
    ($module:ident) => {
        #[unsafe(no_mangle)]
        extern "C" fn init_module() -> ::core::ffi::c_int {
            $module::__INIT()
        }

        #[unsafe(no_mangle)]
        extern "C" fn cleanup_module() {
            $crate::glue::exit();
        }

        #[unsafe(no_mangle)]
        #[unsafe(link_section = ".modinfo")]
        static __rust_info: [u8; $module::__INFO.length()] = $module::__INFO.text();

        #[unsafe(no_mangle)]
        #[unsafe(link_section = "__param")]
        static __rust_parameters: [$crate::Record; $module::__PARAMETERS.len()] = {
            let mut at = 0;
            let mut all = [$crate::Record::NONE; $module::__PARAMETERS.len()];
            while at < all.len() {
                all[at] = $module::__PARAMETERS[at];
                at += 1;
            }
            all
        };
    };
}

/// A panic ends the call into the module as `BUG` does.
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    print::log(b'0', "", format_args!("rust_kernel: {info}\n"));
    loop {
        // SAFETY: it does not come back.
        unsafe { core::arch::asm!("ud2") };
    }
}
