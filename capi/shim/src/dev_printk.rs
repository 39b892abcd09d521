//! `linux/dev_printk.h`: messages that begin with whose they are.
use crate::export::exports;
use crate::foreign::{self, Name};
use crate::layout::{CDevice, CKobject};
use crate::print;
use crate::va_list::{VaList, variadic};
use cformat::{Bounded, Sink};
use core::mem::offset_of;

/// Longest message.
const MESSAGE: usize = 1024;

/// The string that the word at `place` of a structure points to.
fn string(structure: usize, place: usize) -> Option<Name<64>> {
    if structure == 0 {
        return None;
    }
    let at = foreign::read_u64(structure + place).ok()? as usize;
    if at == 0 { None } else { Name::read(at).ok() }
}

/// Drivers, buses and classes begin with their names.
fn owner(device: usize) -> Option<Name<64>> {
    let fields = [
        offset_of!(CDevice, driver),
        offset_of!(CDevice, bus),
        offset_of!(CDevice, class),
    ];
    let word = |field| foreign::read_u64(device + field).unwrap_or(0) as usize;
    let first = fields.into_iter().map(word).find(|at| *at != 0)?;
    string(first, 0)
}

fn say(level: u8, device: usize, format: usize, list: &VaList) {
    let mut text = [0; MESSAGE];
    let mut out = Bounded::new(&mut text);
    out.put(&[1, b'0' + level]);
    if device == 0 {
        out.put(b"(NULL device *): ");
    } else {
        if let Some(owner) = owner(device) {
            out.put(owner.as_bytes());
        }
        out.put(b" ");
        let own = string(device, offset_of!(CDevice, init_name));
        let name = own.or_else(|| string(device, offset_of!(CKobject, name)));
        out.put(name.as_ref().map_or(b"(null)", Name::as_bytes));
        out.put(b": ");
    }
    let start = out.written();
    let wanted = print::format_to(&mut text[start..], format, *list);
    print::record(&text[..(start + wanted).min(MESSAGE)]);
}

macro_rules! levels {
    ($($target:ident: $level:literal;)*) => {$(
        extern "C" fn $target(device: usize, format: usize, list: &VaList) {
            say($level, device, format, list);
        }
    )*};
}
levels! { emerg: 0; alert: 1; crit: 2; err: 3; warn: 4; notice: 5; info: 6; }

variadic! {
    /// `_dev_emerg(device, format, ...)`.
    _dev_emerg(2, "rdx") => emerg;
    /// `_dev_alert(device, format, ...)`.
    _dev_alert(2, "rdx") => alert;
    /// `_dev_crit(device, format, ...)`.
    _dev_crit(2, "rdx") => crit;
    /// `_dev_err(device, format, ...)`.
    _dev_err(2, "rdx") => err;
    /// `_dev_warn(device, format, ...)`.
    _dev_warn(2, "rdx") => warn;
    /// `_dev_notice(device, format, ...)`.
    _dev_notice(2, "rdx") => notice;
    /// `_dev_info(device, format, ...)`.
    _dev_info(2, "rdx") => info;
}

exports![
    _dev_emerg,
    _dev_alert,
    _dev_crit,
    _dev_err,
    _dev_warn,
    _dev_notice,
    _dev_info
];
