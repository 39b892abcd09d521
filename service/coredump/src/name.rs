//! The name of a core file, or the words of the program that reads the image.
use abi::Result;
use alloc::vec::Vec;
use core::fmt::Write;
use cred::Resource;
use kmem::TryVec;
use task::Cx;
use vfs::{File, SeqBuf};

/// Where an image goes.
pub(crate) enum Place {
    File(Vec<u8>),
    /// A program and its arguments.
    Program(Vec<Vec<u8>>),
}

/// What the pattern says now. A program's words are told apart before its letters are put in. `ENOMEM`.
pub(crate) fn place(cx: &Cx, signal: u32) -> Result<Place> {
    let pattern = task::coredump::pattern()?;
    let Some(program) = pattern.strip_prefix('|') else {
        return name(cx, &pattern, signal).map(Place::File);
    };
    let mut words = Vec::new();
    for word in program.split_ascii_whitespace() {
        let mut out = SeqBuf::new();
        letters(cx, word, signal, &mut out);
        words.try_push(out.finish()?)?;
    }
    Ok(Place::Program(words))
}

/// The pattern with its `%` letters put in, and the process' number at its end if that is wanted and is not there.
fn name(cx: &Cx, pattern: &str, signal: u32) -> Result<Vec<u8>> {
    let mut out = SeqBuf::new();
    let has_pid = letters(cx, pattern, signal, &mut out);
    if !has_pid && task::coredump::uses_pid() {
        let _ = write!(out, ".{}", cx.process().nr());
    }
    let mut name = out.finish()?;
    if name.is_empty() {
        name.try_extend(b"core")?;
    }
    Ok(name)
}

/// Puts letters in; whether the process' number was among them.
fn letters(cx: &Cx, pattern: &str, signal: u32, out: &mut SeqBuf) -> bool {
    let mut has_pid = false;
    let mut letters = pattern.bytes();
    while let Some(letter) = letters.next() {
        match letter {
            b'%' => match letters.next() {
                Some(which) => {
                    has_pid |= which == b'p';
                    put(cx, signal, which, out);
                }
                None => break,
            },
            letter => out.push_bytes(&[letter]),
        }
    }
    has_pid
}

/// What stands for a letter; nothing for one without a meaning.
fn put(cx: &Cx, signal: u32, which: u8, out: &mut SeqBuf) {
    let (process, cred) = (cx.process(), &cx.cred);
    let limit = process.limits().cur(Resource::Core);
    let _ = match which {
        b'%' => write!(out, "%"),
        b'p' | b'P' => write!(out, "{}", process.nr()),
        b'i' | b'I' => write!(out, "{}", cx.task.tid()),
        b'u' => write!(out, "{}", cred.uid.0),
        b'g' => write!(out, "{}", cred.gid.0),
        b'd' => write!(out, "{}", u8::from(process.is_dumpable())),
        b's' => write!(out, "{signal}"),
        b't' => write!(out, "{}", time::clock::realtime_ns() / 1_000_000_000),
        b'c' => write!(out, "{limit}"),
        b'h' => {
            if let Ok(names) = task::uts::of(&cx.ns) {
                let host = names.get().host;
                escaped(out, host.split(|byte| *byte == 0).next().unwrap_or(&[]));
            }
            Ok(())
        }
        b'e' | b'f' => {
            let comm = cx.task.comm();
            escaped(out, comm.split(|byte| *byte == 0).next().unwrap_or(&[]));
            Ok(())
        }
        b'E' => {
            let exe = cx.mm.exe().and_then(|exe| exe.downcast::<File>().ok());
            if let Some(path) = exe.and_then(|file| file.path().to_bytes().ok()) {
                escaped(out, &path);
            }
            Ok(())
        }
        _ => Ok(()),
    };
}

/// A name is one component of a path: slashes become exclamation marks, and it is not `.` or `..`.
fn escaped(out: &mut SeqBuf, name: &[u8]) {
    let dots = matches!(name, b"." | b"..");
    for (at, byte) in name.iter().enumerate() {
        out.push_bytes(&[match byte {
            b'/' => b'!',
            b'.' if dots && at == 0 => b'!',
            byte => *byte,
        }]);
    }
}
