//! What a module is: its type, what it says of itself, its parameters.
use crate::bindings::{self, CModule, ParamOps};
use crate::error::Result;
use core::cell::UnsafeCell;
use core::ffi::{c_char, c_void};

/// A module: made when it is loaded, dropped when it goes.
pub trait Module: Sized + Send + Sync + 'static {
    /// Makes it. An error is what insmod is told.
    fn init(module: &'static ThisModule) -> Result<Self>;
}

/// The module itself, as the kernel knows it.
pub struct ThisModule(());

impl ThisModule {
    pub(crate) const THIS: Self = Self(());

    /// Its `struct module`.
    #[must_use]
    pub fn as_ptr(&self) -> *const CModule {
        &raw const bindings::__this_module
    }
}

/// Types that parameters can have.
pub trait Parameter: Copy + 'static {
    /// As modinfo shows it.
    const NAME: &'static str;
    /// What sets and shows it.
    const OPS: *const ParamOps;
}

macro_rules! parameters {
    ($($kind:ty, $name:literal, $ops:ident;)*) => {
        $(
            impl Parameter for $kind {
                const NAME: &'static str = $name;
                const OPS: *const ParamOps = &raw const bindings::$ops;
            }
        )*
    };
}

parameters! {
    bool, "bool", param_ops_bool;
    u8, "byte", param_ops_byte;
    i16, "short", param_ops_short;
    u16, "ushort", param_ops_ushort;
    i32, "int", param_ops_int;
    u32, "uint", param_ops_uint;
    i64, "long", param_ops_long;
    u64, "ulong", param_ops_ulong;
}

/// A parameter's value: insmod sets it, and who may write its file in /sys/module.
#[repr(transparent)]
pub struct ModuleParam<T>(UnsafeCell<T>);

// SAFETY: the value is a word that is read and written at once.
unsafe impl<T: Parameter> Sync for ModuleParam<T> {}

impl<T: Parameter> ModuleParam<T> {
    #[doc(hidden)]
    pub const fn new(default: T) -> Self {
        Self(UnsafeCell::new(default))
    }

    /// What it is now.
    pub fn value(&self) -> T {
        // SAFETY: it is always there; the kernel writes whole values of the type.
        unsafe { self.0.get().read_volatile() }
    }
}

/// `struct kernel_param`.
#[doc(hidden)]
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Record {
    name: *const c_char,
    module: *const CModule,
    ops: *const ParamOps,
    permissions: u16,
    level: i8,
    flags: u8,
    argument: *mut c_void,
}

// SAFETY: addresses, which do not change.
unsafe impl Sync for Record {}

impl Record {
    /// Stands for one that is yet to be copied.
    pub const NONE: Self = Self {
        name: core::ptr::null(),
        module: core::ptr::null(),
        ops: core::ptr::null(),
        permissions: 0,
        level: 0,
        flags: 0,
        argument: core::ptr::null_mut(),
    };

    /// `name` ends with 0.
    pub const fn new<T: Parameter>(
        name: &'static str,
        permissions: u16,
        value: &'static ModuleParam<T>,
    ) -> Self {
        assert!(matches!(name.as_bytes(), [.., 0]));
        Self {
            name: name.as_ptr().cast(),
            module: &raw const bindings::__this_module,
            ops: T::OPS,
            permissions,
            level: -1,
            flags: 0,
            argument: value.0.get().cast(),
        }
    }
}

/// What a module says of itself: pairs of a tag and a text, for the section `.modinfo`.
#[doc(hidden)]
pub struct Info<'a>(pub &'a [(&'a str, &'a [&'a str])]);

impl Info<'_> {
    /// Bytes of the section.
    pub const fn length(&self) -> usize {
        let mut length = 0;
        let mut at = 0;
        while at < self.0.len() {
            let (tag, parts) = self.0[at];
            length += tag.len() + 2;
            let mut part = 0;
            while part < parts.len() {
                length += parts[part].len();
                part += 1;
            }
            at += 1;
        }
        length
    }

    /// The section: `tag=text`, each with a 0 behind.
    pub const fn text<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        let mut used = 0;
        let mut at = 0;
        while at < self.0.len() {
            let (tag, parts) = self.0[at];
            used = copy(&mut out, used, tag);
            used = copy(&mut out, used, "=");
            let mut part = 0;
            while part < parts.len() {
                used = copy(&mut out, used, parts[part]);
                part += 1;
            }
            used += 1;
            at += 1;
        }
        out
    }
}

const fn copy(out: &mut [u8], mut used: usize, text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        out[used] = bytes[at];
        used += 1;
        at += 1;
    }
    used
}
