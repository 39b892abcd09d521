//! Text in blocks of its own: `kasprintf`.
use crate::export::exports;
use crate::va_list::{VaList, variadic};
use crate::{foreign, memory, print};

/// Longest text.
const MOST: usize = 2048;

/// `kvasprintf(flags, format, list)`: a block with the text, or NULL.
extern "C" fn kvasprintf(flags: u32, format: usize, list: &VaList) -> usize {
    let mut text = [0; MOST];
    let wanted = print::format_to(&mut text[..MOST - 1], format, *list).min(MOST - 1);
    let block = memory::take(wanted + 1, flags);
    if block != 0 {
        text[wanted] = 0;
        let _ = foreign::write_bytes(block, &text[..=wanted]);
    }
    block
}

variadic! {
    /// `kasprintf(flags, format, ...)`.
    kasprintf(2, "rdx") => kvasprintf;
}

exports![kasprintf, kvasprintf];
