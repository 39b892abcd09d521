//! How a file lists the functions that it exports.
/// One exported function or piece of data.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) address: Address,
    pub(crate) gpl_only: bool,
}

/// The address of a function or of data, used by modules only.
#[derive(Clone, Copy)]
pub(crate) struct Address(pub(crate) *const ());
// SAFETY: an address, which does not change.
unsafe impl Sync for Address {}

/// A file's table: `exports![kfree, ksize; gpl: for_gpl_modules]` gives functions of the file under their
/// own names; `data:` before names of statics,
/// `as:` before functions whose C name would be the compiler's own.
macro_rules! exports {
    (@entry $name:ident, $gpl_only:tt) => {
        $crate::export::exports!(@at stringify!($name), $gpl_only, $name as *const ())
    };
    (@data $name:ident) => {
        $crate::export::exports!(@at stringify!($name), false, (&raw const $name).cast::<()>())
    };
    (@at $name:expr, $gpl_only:tt, $address:expr) => {{
        const LISTED: &[u8] = concat!($crate::export::exports!(@letter $gpl_only), $name, "\0").as_bytes();
        #[used]
        #[unsafe(link_section = ".gaon_exports")]
        static IN_FILE: [u8; LISTED.len()] = $crate::export::array(LISTED);
        $crate::export::Entry {
            name: $name,
            address: $crate::export::Address($address),
            gpl_only: $gpl_only,
        }
    }};
    (@letter true) => { "G" };
    (@letter false) => { "P" };
    ($($name:ident),* $(,)? $(; gpl: $($gpl:ident),* $(,)?)? $(; data: $($data:ident),* $(,)?)?
        $(; as: $($own:ident $public:literal),* $(,)?)?) => {
        pub(crate) static EXPORTS: &[$crate::export::Entry] = &[
            $($crate::export::exports!(@entry $name, false),)*
            $($($crate::export::exports!(@entry $gpl, true),)*)?
            $($($crate::export::exports!(@data $data),)*)?
            $($($crate::export::exports!(@at $public, false, $own as *const ()),)*)?
        ];
    };
}
pub(crate) use exports;

/// A slice as an array, for a static of its own.
pub(crate) const fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    let mut at = 0;
    while at < N {
        out[at] = bytes[at];
        at += 1;
    }
    out
}
