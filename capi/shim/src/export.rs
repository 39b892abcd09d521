//! How a file lists the functions that it exports.
use sync::Once;

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

/// Who ends the call of a module that has used up its stack: it stands above this file.
static END: Once<fn()> = Once::new();

/// Names who ends it.
pub(crate) fn on_full_stack(end: fn()) {
    let _ = END.set(end);
}

/// A module called a function when its stack was nearly used up.
pub(crate) extern "C" fn full() {
    if let Some(end) = END.get() {
        end();
    }
}

/// Bytes of stack that a function wants to find when a module calls it: what the deepest of them needs, a report, and, on the stack
/// of interrupts, one more interrupt.
pub(crate) const ROOM: usize = 7 << 10;
const _: () = assert!(ROOM <= hal::landing::UPPER_HALF);

/// What a function of C answers: 0, or the error's negative number.
pub(crate) fn status(result: abi::Result<()>) -> i32 {
    result.map_or_else(|error| -error.code(), |()| 0)
}

/// A file's table: `exports![kfree, ksize; gpl: for_gpl_modules]` gives functions of the file under their
/// own names; `data:` before names of statics,
/// `as:` before functions whose C name would be the compiler's own.
macro_rules! exports {
    (@entry $name:ident, $gpl_only:tt) => {
        $crate::export::exports!(@gate stringify!($name), $gpl_only, $name)
    };
    (@gate $public:expr, $gpl_only:tt, $name:ident) => {{
        /// What modules call: it goes on to the function, if there is stack enough for that. No argument is touched.
        #[unsafe(naked)]
        unsafe extern "C" fn gate() {
            core::arch::naked_asm!(
                "test esp, {half}",
                "jnz {target}",
                "mov rax, rsp",
                "sub rax, gs:[{stack}]",
                "cmp rax, {room}",
                "jb {full}",
                "mov rax, rsp",
                "sub rax, gs:[{irq_stack}]",
                "cmp rax, {room}",
                "jb {full}",
                "jmp {target}",
                half = const hal::landing::UPPER_HALF,
                stack = const hal::landing::STACK,
                irq_stack = const hal::landing::IRQ_STACK,
                room = const $crate::export::ROOM,
                full = sym $crate::export::full,
                target = sym $name,
            );
        }
        $crate::export::exports!(@at $public, $gpl_only, gate as *const ())
    }};
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
            $($($crate::export::exports!(@gate $public, false, $own),)*)?
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
