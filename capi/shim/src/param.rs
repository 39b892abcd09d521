//! `linux/moduleparam.h`: parameters that insmod(8) and /sys/module/M/parameters set.
#![expect(non_upper_case_globals, reason = "modules know them by these names")]

use crate::enter;
use crate::export::{exports, status};
use crate::foreign::{self, Name, word};
use crate::number;
use abi::{Errno, Result};
use alloc::sync::Arc;
use kmod::{Arg, Args};
use module::Module;
use trace::{pr_err, pr_warn};

/// Longest value: what insmod's line may hold is more than any parameter needs.
const VALUE: usize = 1024;

/// `struct kernel_param`.
const PARAM_SIZE: usize = 40;
const OPS: usize = 16;
const MODE: usize = 24;
const ARGUMENT: usize = 32;
/// `struct kernel_param_ops`.
const OPS_SET: usize = 8;
const OPS_GET: usize = 16;
/// `KERNEL_PARAM_OPS_FL_NOARG`: a name alone is enough.
const NO_ARGUMENT: u64 = 1;

#[repr(C)]
struct Ops {
    flags: u32,
    set: extern "C" fn(usize, usize) -> i32,
    get: extern "C" fn(usize, usize) -> i32,
    free: usize,
}

fn value(at: usize) -> Result<Name<VALUE>> {
    Name::read(at).map_err(|_| Errno::EFAULT)
}

/// Writes a value to where a parameter's `arg` points.
fn store(param: usize, bytes: &[u8]) -> Result<()> {
    foreign::write_bytes(word(param + ARGUMENT)?, bytes).map_err(|_| Errno::EFAULT)
}

/// Writes text and a newline to a buffer of a page; its length.
fn show(buffer: usize, text: core::fmt::Arguments<'_>) -> i32 {
    let mut room = [0; 64];
    let mut out = cformat::Bounded::new(&mut room);
    let _ = core::fmt::Write::write_fmt(&mut cformat::Text(&mut out), text);
    let len = out.written();
    match foreign::write_bytes(buffer, &room[..len])
        .and_then(|()| foreign::write_bytes(buffer + len, &[0]))
    {
        Ok(()) => len as i32,
        Err(_) => -Errno::EFAULT.code(),
    }
}

macro_rules! numbers {
    ($($set:ident, $get:ident, $ops:ident: $kind:ident $type:ty, $wide:ty;)*) => {$(
        extern "C" fn $set(text: usize, param: usize) -> i32 {
            status(value(text).and_then(|text| {
                let number = number::$kind(text.as_bytes(), 0, <$type>::MAX as $wide)?;
                store(param, &(number as $type).to_le_bytes())
            }))
        }
        extern "C" fn $get(buffer: usize, param: usize) -> i32 {
            let mut bytes = [0; size_of::<$type>()];
            match word(param + ARGUMENT).map(|at| foreign::read_bytes(at, &mut bytes)) {
                Ok(Ok(())) => show(buffer, format_args!("{}\n", <$type>::from_le_bytes(bytes))),
                _ => -Errno::EFAULT.code(),
            }
        }
        static $ops: Ops = Ops { flags: 0, set: $set, get: $get, free: 0 };
    )*};
}
numbers! {
    param_set_byte, param_get_byte, param_ops_byte: unsigned u8, u64;
    param_set_short, param_get_short, param_ops_short: signed i16, i64;
    param_set_ushort, param_get_ushort, param_ops_ushort: unsigned u16, u64;
    param_set_int, param_get_int, param_ops_int: signed i32, i64;
    param_set_uint, param_get_uint, param_ops_uint: unsigned u32, u64;
    param_set_long, param_get_long, param_ops_long: signed i64, i64;
    param_set_ulong, param_get_ulong, param_ops_ulong: unsigned u64, u64;
    param_set_ullong, param_get_ullong, param_ops_ullong: unsigned u64, u64;
}

fn set_truth(text: usize, param: usize, invert: bool) -> Result<()> {
    // No value means yes.
    let yes = match text {
        0 => true,
        _ => number::truth(value(text)?.as_bytes())?,
    };
    store(param, &[u8::from(yes != invert)])
}

fn show_truth(buffer: usize, param: usize, invert: bool) -> i32 {
    let mut byte = [0];
    match word(param + ARGUMENT).map(|at| foreign::read_bytes(at, &mut byte)) {
        Ok(Ok(())) => {
            let letter = if (byte[0] != 0) != invert { 'Y' } else { 'N' };
            show(buffer, format_args!("{letter}\n"))
        }
        _ => -Errno::EFAULT.code(),
    }
}

extern "C" fn param_set_bool(text: usize, param: usize) -> i32 {
    status(set_truth(text, param, false))
}
extern "C" fn param_get_bool(buffer: usize, param: usize) -> i32 {
    show_truth(buffer, param, false)
}
extern "C" fn param_set_invbool(text: usize, param: usize) -> i32 {
    status(set_truth(text, param, true))
}
extern "C" fn param_get_invbool(buffer: usize, param: usize) -> i32 {
    show_truth(buffer, param, true)
}

/// A copy of the text; it lives as long as the module.
extern "C" fn param_set_charp(text: usize, param: usize) -> i32 {
    status(value(text).and_then(|text| {
        let text = text.as_bytes();
        if text.len() == VALUE {
            return Err(Errno::ENOSPC);
        }
        let copy = crate::memory::take_block(text.len() + 1, true, &crate::memory::FOR_MODULE);
        if copy == 0 {
            return Err(Errno::ENOMEM);
        }
        foreign::write_bytes(copy, text).map_err(|_| Errno::EFAULT)?;
        store(param, &copy.to_le_bytes())
    }))
}

extern "C" fn param_get_charp(buffer: usize, param: usize) -> i32 {
    let text = word(param + ARGUMENT)
        .and_then(word)
        .and_then(|at| match at {
            0 => Err(Errno::EFAULT),
            at => value(at),
        });
    text.map_or(-Errno::EFAULT.code(), |text| {
        show_bytes(buffer, text.as_bytes())
    })
}

fn show_bytes(buffer: usize, text: &[u8]) -> i32 {
    let written = foreign::write_bytes(buffer, text)
        .and_then(|()| foreign::write_bytes(buffer + text.len(), b"\n\0"));
    written.map_or(-Errno::EFAULT.code(), |()| text.len() as i32 + 1)
}

/// `struct kparam_string`: room, then where.
extern "C" fn param_set_copystring(text: usize, param: usize) -> i32 {
    status(value(text).and_then(|text| {
        let string = word(param + ARGUMENT)?;
        let (room, to) = (word(string)? & 0xffff_ffff, word(string + 8)?);
        let text = text.as_bytes();
        if text.len() + 1 > room {
            return Err(Errno::ENOSPC);
        }
        foreign::write_bytes(to, text)
            .and_then(|()| foreign::write_bytes(to + text.len(), &[0]))
            .map_err(|_| Errno::EFAULT)
    }))
}

extern "C" fn param_get_string(buffer: usize, param: usize) -> i32 {
    let text = word(param + ARGUMENT)
        .and_then(|string| word(string + 8))
        .and_then(value);
    text.map_or(-Errno::EFAULT.code(), |text| {
        show_bytes(buffer, text.as_bytes())
    })
}

/// `struct kparam_array`: most, size of one, where the count goes, operations of one, elements.
struct Array {
    most: usize,
    size: usize,
    count: usize,
    ops: usize,
    elements: usize,
}

impl Array {
    fn read(param: usize) -> Result<Self> {
        let array = word(param + ARGUMENT)?;
        let sizes = word(array)?;
        Ok(Self {
            most: sizes & 0xffff_ffff,
            size: sizes >> 32,
            count: word(array + 8)?,
            ops: word(array + 16)?,
            elements: word(array + 24)?,
        })
    }
}

/// A `struct kernel_param` of the kernel's own, for one element of an array.
#[repr(C)]
struct One {
    words: [usize; 4],
    argument: usize,
}

fn set_array(text: &[u8], param: usize) -> Result<()> {
    let array = Array::read(param)?;
    let mut count: u32 = 0;
    for element in text.split(|byte| *byte == b',') {
        if count as usize >= array.most {
            pr_err!("{}: can only take {} arguments", NameOf(param), array.most);
            return Err(Errno::EINVAL);
        }
        let mut one = [0; VALUE + 1];
        let room = one.get_mut(..element.len()).ok_or(Errno::ENOSPC)?;
        room.copy_from_slice(element);
        let place = One {
            words: [word(param)?, word(param + 8)?, array.ops, word(param + 24)?],
            argument: array.elements + array.size * count as usize,
        };
        set_by(array.ops, one.as_ptr() as usize, &raw const place as usize)?;
        count += 1;
    }
    if array.count != 0 {
        foreign::write_bytes(array.count, &count.to_le_bytes()).map_err(|_| Errno::EFAULT)?;
    }
    Ok(())
}

extern "C" fn param_set_array(text: usize, param: usize) -> i32 {
    status(value(text).and_then(|text| set_array(text.as_bytes(), param)))
}

extern "C" fn param_get_array(buffer: usize, param: usize) -> i32 {
    let Ok(array) = Array::read(param) else {
        return -Errno::EFAULT.code();
    };
    let mut count = array.most;
    if array.count != 0 {
        count = word(array.count)
            .map_or(0, |n| n & 0xffff_ffff)
            .min(array.most);
    }
    let mut len = 0;
    for index in 0..count {
        let place = One {
            words: [0, 0, array.ops, 0],
            argument: array.elements + array.size * index,
        };
        // The newline of the element before becomes a comma.
        if index != 0 && foreign::write_bytes(buffer + len - 1, b",").is_err() {
            return -Errno::EFAULT.code();
        }
        match get_by(array.ops, buffer + len, &raw const place as usize) {
            Ok(more) => len += more,
            Err(e) => return -e.code(),
        }
    }
    len as i32
}

/// Calls the `set` of some operations, the kernel's or the module's.
fn set_by(ops: usize, text: usize, param: usize) -> Result<()> {
    let function = word(ops + OPS_SET)?;
    call_ops(function, text, param).map(drop)
}

fn get_by(ops: usize, buffer: usize, param: usize) -> Result<usize> {
    let function = word(ops + OPS_GET)?;
    call_ops(function, buffer, param)
}

fn call_ops(function: usize, first: usize, param: usize) -> Result<usize> {
    let module = enter::running().ok_or(Errno::EIO)?;
    let own = hal::patch::is_kernel_text(function);
    let inside = module::owner_of(function).is_some_and(|owner| Arc::ptr_eq(&owner, &module));
    if !own && !inside {
        return Err(Errno::EFAULT);
    }
    enter::call_int(&module, function, &[first as u64, param as u64, 0, 0, 0, 0])
        .map(|answer| answer as usize)
}

/// The name of a parameter, for messages.
struct NameOf(usize);
impl core::fmt::Display for NameOf {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let name = word(self.0).and_then(value);
        f.write_str(name.as_ref().map_or("?", |name| {
            core::str::from_utf8(name.as_bytes()).unwrap_or("?")
        }))
    }
}

/// Sets the parameters of a line.
///
/// # Errors
/// What a parameter's `set` answers.
pub(crate) fn set_all(module: &Arc<Module>, line: &[u8]) -> Result<()> {
    for argument in Args::new(line) {
        let name = core::str::from_utf8(argument.name).unwrap_or("?");
        let Some(param) = find(module, &argument) else {
            pr_warn!("{}: unknown parameter '{name}' ignored", module.name());
            continue;
        };
        set_one(module, param, &argument).inspect_err(|e| {
            let given = core::str::from_utf8(argument.value.unwrap_or_default()).unwrap_or("?");
            let module = module.name();
            match *e {
                Errno::ENOSPC => pr_err!("{module}: `{given}' too large for parameter `{name}'"),
                _ => pr_err!("{module}: `{given}' invalid for parameter `{name}'"),
            }
        })?;
    }
    Ok(())
}

/// The permissions of a parameter's file.
pub(crate) fn permissions(param: usize) -> Result<u32> {
    Ok(word(param + MODE)? as u32 & 0o777)
}

/// The name of a parameter.
pub(crate) fn name(param: usize) -> Result<Name<256>> {
    Name::read(word(param)?).map_err(|_| Errno::EFAULT)
}

/// The function that writes a parameter's text. EPERM: there is none.
pub(crate) fn getter(param: usize) -> Result<usize> {
    let get = word(word(param + OPS)? + OPS_GET)?;
    if get == 0 { Err(Errno::EPERM) } else { Ok(get) }
}

/// The function that takes a parameter's text. EPERM: there is none.
pub(crate) fn setter(param: usize) -> Result<usize> {
    let set = word(word(param + OPS)? + OPS_SET)?;
    if set == 0 { Err(Errno::EPERM) } else { Ok(set) }
}

/// Addresses of a module's parameters.
pub(crate) fn all(module: &Module) -> impl Iterator<Item = usize> + use<> {
    module.facts().section("__param").step_by(PARAM_SIZE)
}

fn find(module: &Module, argument: &Arg<'_>) -> Option<usize> {
    all(module).find(|param| {
        let name = word(*param).and_then(value);
        name.is_ok_and(|name| argument.is(name.as_bytes()))
    })
}

fn set_one(module: &Arc<Module>, param: usize, argument: &Arg<'_>) -> Result<()> {
    let ops = word(param + OPS)?;
    let function = word(ops + OPS_SET)?;
    let mut text = [0; VALUE + 1];
    let given = argument.value.unwrap_or_default();
    let room = text.get_mut(..given.len()).ok_or(Errno::ENOSPC)?;
    room.copy_from_slice(given);
    let text = match argument.value {
        Some(_) => text.as_ptr() as usize,
        None if word(ops)? as u64 & NO_ARGUMENT != 0 => 0,
        None => return Err(Errno::EINVAL),
    };
    // In the name of the module, also for the kernel's own functions: what they allocate is the module's.
    let arguments = [text as u64, param as u64, 0, 0, 0, 0];
    enter::call_int(module, function, &arguments).map(drop)
}

static param_ops_bool: Ops = Ops {
    flags: NO_ARGUMENT as u32,
    set: param_set_bool,
    get: param_get_bool,
    free: 0,
};
static param_ops_invbool: Ops = Ops {
    flags: 0,
    set: param_set_invbool,
    get: param_get_invbool,
    free: 0,
};
static param_ops_charp: Ops = Ops {
    flags: 0,
    set: param_set_charp,
    get: param_get_charp,
    free: 0,
};
static param_ops_string: Ops = Ops {
    flags: 0,
    set: param_set_copystring,
    get: param_get_string,
    free: 0,
};
static param_array_ops: Ops = Ops {
    flags: 0,
    set: param_set_array,
    get: param_get_array,
    free: 0,
};

exports![
    param_set_byte, param_get_byte, param_set_short, param_get_short, param_set_ushort, param_get_ushort,
    param_set_int, param_get_int, param_set_uint, param_get_uint, param_set_long, param_get_long,
    param_set_ulong, param_get_ulong, param_set_ullong, param_get_ullong, param_set_bool, param_get_bool,
    param_set_invbool, param_get_invbool, param_set_charp, param_get_charp, param_set_copystring,
    param_get_string;
    data: param_ops_byte, param_ops_short, param_ops_ushort, param_ops_int, param_ops_uint, param_ops_long,
    param_ops_ulong, param_ops_ullong, param_ops_bool, param_ops_invbool, param_ops_charp, param_ops_string,
    param_array_ops
];
