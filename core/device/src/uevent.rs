//! Events: what user space is told of devices, drivers, classes, modules.
//!
//! Specification: udev(7); Documentation/ABI/testing/sysfs-uevent on what may be written to a file `uevent`.
use abi::{Errno, Result};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use core::sync::atomic::{AtomicU64, Ordering};
use kernfs::{Attribute, Node};
use kmem::{TryString, TryVec, try_format};
use sync::{LockClass, Mutex, Once, rank};
use vfs::SeqBuf;

static TELLING: LockClass = LockClass::new("device.events", rank::UEVENT);
/// Events leave in the order of their numbers.
static ORDER: Mutex<()> = Mutex::new(&TELLING, ());
static NUMBER: AtomicU64 = AtomicU64::new(0);
static SINK: Once<&'static dyn EventSink> = Once::new();

/// Longest name of a word that is written with an event's name, and of its value.
const UUID_LEN: usize = 36;

/// Who passes events on.
pub trait EventSink: Sync {
    /// Whether anybody listens.
    fn is_wanted(&self) -> bool;

    /// Passes one on: `ACTION@PATH` and its lines, each with a NUL at its end. ENOMEM.
    fn tell(&self, event: Vec<u8>) -> Result<()>;
}

/// Names who passes events on, once. What happened before is not told.
pub fn set_event_sink(sink: &'static dyn EventSink) {
    let _ = SINK.set(sink);
}

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is there.
    Add,
    /// It is there no longer.
    Remove,
    /// It is another one.
    Change,
    /// It has another name.
    Move,
    /// It may be used.
    Online,
    /// It may not.
    Offline,
    /// It has a driver.
    Bind,
    /// It has none any more.
    Unbind,
}

impl Action {
    /// All, in the order of `enum kobject_action`.
    pub const ALL: [Self; 8] = [
        Self::Add,
        Self::Remove,
        Self::Change,
        Self::Move,
        Self::Online,
        Self::Offline,
        Self::Bind,
        Self::Unbind,
    ];

    /// As events say it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Remove => "remove",
            Self::Change => "change",
            Self::Move => "move",
            Self::Online => "online",
            Self::Offline => "offline",
            Self::Bind => "bind",
            Self::Unbind => "unbind",
        }
    }

    fn parse(name: &[u8]) -> Option<Self> {
        let named = |action: &Self| action.name().as_bytes() == name;
        Self::ALL.into_iter().find(named)
    }
}

/// The number of an event that is about to be told.
pub fn next_event() -> u64 {
    NUMBER.fetch_add(1, Ordering::Relaxed) + 1
}

/// The number of the last event (/sys/kernel/uevent_seqnum).
pub fn last_event() -> u64 {
    NUMBER.load(Ordering::Relaxed)
}

/// Tells what happened to the object at `node`, of a subsystem; `lines` is what else is known, `KEY=VALUE` each, with a
/// newline at its end. ENOMEM.
pub fn announce(action: Action, node: &Node, subsystem: &str, lines: &str) -> Result<()> {
    let _order = ORDER.lock();
    let number = next_event();
    let Some(sink) = SINK.get().filter(|sink| sink.is_wanted()) else {
        return Ok(());
    };
    let (name, path) = (action.name(), node.path()?);
    let head =
        try_format!("{name}@{path}\nACTION={name}\nDEVPATH={path}\nSUBSYSTEM={subsystem}\n")?;
    let tail = try_format!("SEQNUM={number}\n")?;
    let mut bytes = Vec::try_with_capacity(head.len() + lines.len() + tail.len())?;
    for part in [head.as_str(), lines, tail.as_str()] {
        bytes.try_extend(part.as_bytes())?;
    }
    for byte in &mut bytes {
        if *byte == b'\n' {
            *byte = 0;
        }
    }
    sink.tell(bytes)
}

/// An event that somebody wrote to a file `uevent`: its action, and the lines that say so. EINVAL: it makes no sense;
/// ENOMEM.
pub fn synthetic(text: &[u8]) -> Result<(Action, String)> {
    let text = text
        .strip_suffix(b"\n")
        .or(text.strip_suffix(b"\0"))
        .unwrap_or(text);
    let mut words = text.split(|byte| *byte == b' ');
    let action = Action::parse(words.next().unwrap_or_default()).ok_or(Errno::EINVAL)?;
    let Some(uuid) = words.next() else {
        return Ok((action, String::try_from_str("SYNTH_UUID=0\n")?));
    };
    if !is_uuid(uuid) {
        return Err(Errno::EINVAL);
    }
    let mut lines = try_format!("SYNTH_UUID={}\n", ascii(uuid))?;
    for word in words {
        let at = word
            .iter()
            .position(|byte| *byte == b'=')
            .ok_or(Errno::EINVAL)?;
        let (key, value) = (&word[..at], &word[at + 1..]);
        let plain = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_alphanumeric);
        if !plain(key) || !plain(value) {
            return Err(Errno::EINVAL);
        }
        let line = try_format!("SYNTH_ARG_{}={}\n", ascii(key), ascii(value))?;
        lines.try_push_str(&line)?;
    }
    Ok((action, lines))
}

fn ascii(text: &[u8]) -> &str {
    core::str::from_utf8(text).unwrap_or("?")
}

fn is_uuid(text: &[u8]) -> bool {
    let fits = |(at, byte): (usize, &u8)| match at {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    text.len() == UUID_LEN && text.iter().enumerate().all(fits)
}

/// A file `uevent` of an object that has nothing to tell but what happens to it: drivers, buses, modules.
struct Trigger {
    node: alloc::sync::Weak<Node>,
    subsystem: &'static str,
}

impl Attribute for Trigger {
    fn store(&self, text: &[u8]) -> Result<usize> {
        let (action, lines) = synthetic(text)?;
        let node = self.node.upgrade().ok_or(Errno::ENODEV)?;
        announce(action, &node, self.subsystem, &lines)?;
        Ok(text.len())
    }
}

/// Gives an object a file `uevent` that can be written. ENOMEM.
pub fn add_trigger(node: &alloc::sync::Arc<Node>, subsystem: &'static str) -> Result<()> {
    let trigger = Trigger {
        node: alloc::sync::Arc::downgrade(node),
        subsystem,
    };
    node.add_attribute("uevent", 0o200, trigger).map(drop)
}

/// The text of /sys/kernel/uevent_seqnum.
pub(crate) fn show_number(out: &mut SeqBuf) -> Result<()> {
    let _ = writeln!(out, "{}", last_event());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_an_event() {
        let (action, lines) = synthetic(b"change\n").unwrap();
        assert_eq!((action, lines.as_str()), (Action::Change, "SYNTH_UUID=0\n"));
        let text = b"add fe4d7c9d-b8c6-4a70-9ef1-3d8a58d18eed A=1 B=abc";
        let (action, lines) = synthetic(text).unwrap();
        let wanted =
            "SYNTH_UUID=fe4d7c9d-b8c6-4a70-9ef1-3d8a58d18eed\nSYNTH_ARG_A=1\nSYNTH_ARG_B=abc\n";
        assert_eq!((action, lines.as_str()), (Action::Add, wanted));
        for wrong in [
            &b""[..],
            b"adds",
            b"add ",
            b"add x",
            b"add fe4d7c9d-b8c6-4a70-9ef1-3d8a58d18eed A",
            b"add fe4d7c9d-b8c6-4a70-9ef1-3d8a58d18eed A=",
            b"add fe4d7c9d-b8c6-4a70-9ef1-3d8a58d18eed A=/",
            b"add fe4d7c9db8c6-4a70-9ef1-3d8a58d18eed-",
        ] {
            assert_eq!(synthetic(wrong), Err(Errno::EINVAL), "{wrong:?}");
        }
    }
}
