//! `linux/kobject.h`: a module tells user space what happened to an object.
use crate::export::{exports, status};
use crate::foreign::{Name, word};
use crate::{device as devices, kobject};
use abi::{Errno, Result};
use alloc::string::String;
use device::Action;
use kmem::TryString;

/// Most lines that a module adds to an event (`UEVENT_NUM_ENVP`), and how long one may be.
const LINES: usize = 64;
const LINE: usize = 512;

/// The lines of a list of them, which NULL ends, with a newline after each.
fn lines_at(list: usize) -> Result<String> {
    let mut lines = String::new();
    for number in 0..LINES {
        let at = match list {
            0 => 0,
            list => word(list + 8 * number)?,
        };
        if at == 0 {
            break;
        }
        let line = Name::<LINE>::read(at).map_err(|_| Errno::EFAULT)?;
        lines.try_push_str(core::str::from_utf8(line.as_bytes()).map_err(|_| Errno::EINVAL)?)?;
        lines.try_push_str("\n")?;
    }
    Ok(lines)
}

fn tell(kobj: usize, action: u32, list: usize) -> Result<()> {
    let action = *Action::ALL.get(action as usize).ok_or(Errno::EINVAL)?;
    let lines = lines_at(list)?;
    // A device knows more of itself.
    match devices::of(kobj) {
        Some(device) => device.model.announce_with(action, &lines),
        None => kobject::tell(kobj, action, &lines),
    }
}

/// `kobject_uevent(kobj, action)`: -EINVAL for an object that is not shown, or is in no set.
extern "C" fn kobject_uevent(kobj: usize, action: u32) -> i32 {
    kobject_uevent_env(kobj, action, 0)
}

/// `kobject_uevent_env(kobj, action, lines)`.
extern "C" fn kobject_uevent_env(kobj: usize, action: u32, lines: usize) -> i32 {
    crate::enter::check_may_sleep("kobject_uevent");
    status(tell(kobj, action, lines))
}

exports![; gpl: kobject_uevent, kobject_uevent_env];
