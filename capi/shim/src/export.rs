//! How a file lists the functions that it exports.
/// One exported function.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) function: Address,
    pub(crate) gpl_only: bool,
}

/// The address of a function, never called from here.
#[derive(Clone, Copy)]
pub(crate) struct Address(pub(crate) *const ());
// SAFETY: an address of code, which does not change.
unsafe impl Sync for Address {}

/// A file's table: `exports![kfree, ksize; gpl: for_gpl_modules]` gives functions of the file under their own names.
macro_rules! exports {
    (@entry $name:ident, $gpl_only:literal) => {
        $crate::export::Entry {
            name: stringify!($name),
            function: $crate::export::Address($name as *const ()),
            gpl_only: $gpl_only,
        }
    };
    ($($name:ident),* $(,)? $(; gpl: $($gpl:ident),* $(,)?)?) => {
        pub(crate) static EXPORTS: &[$crate::export::Entry] = &[
            $($crate::export::exports!(@entry $name, false),)*
            $($($crate::export::exports!(@entry $gpl, true),)*)?
        ];
    };
}
pub(crate) use exports;
