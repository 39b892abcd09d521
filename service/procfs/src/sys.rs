//! /proc/sys: what acts. A file is a path with two functions; directories follow from the paths.
mod fs;
mod huge;
mod ipc;
mod kernel;
mod net;
mod numbers;
mod queues;
mod user;
mod vm;

use crate::node::{self, Directory, Listed, Owner, Text, ino};
use abi::Result;
use alloc::sync::Arc;
use core::fmt::Write;
use cred::Counted;
use vfs::{FileType, Inode, Positions, SeqBuf, Sink, SuperBlock};

type Show = fn(&(), &mut SeqBuf) -> Result<()>;
type Store = fn(&(), &[u8]) -> Result<()>;

struct Knob {
    path: &'static str,
    show: Show,
    /// Root may write it,
    store: Option<Store>,
    /// or anyone, whose capabilities it looks at itself.
    by_anyone: bool,
    /// It is instead one of the limits of who opens it.
    limit: Option<Counted>,
    positions: Positions,
}

const fn read_only(path: &'static str, show: Show) -> Knob {
    Knob {
        path,
        show,
        store: None,
        by_anyone: false,
        limit: None,
        positions: Positions::Number,
    }
}
const fn settable(path: &'static str, show: Show, store: Store) -> Knob {
    Knob {
        path,
        show,
        store: Some(store),
        by_anyone: false,
        limit: None,
        positions: Positions::Number,
    }
}

impl Knob {
    const fn by_anyone(mut self) -> Self {
        self.by_anyone = true;
        self
    }
    /// It holds a string.
    const fn text(mut self) -> Self {
        self.positions = Positions::Text;
        self
    }
}

/// In order of path: entries of a directory stand together. A knob's place in here is also its inode's number.
fn knobs() -> impl Iterator<Item = &'static Knob> {
    [fs::KNOBS, kernel::KNOBS, net::KNOBS, user::KNOBS, vm::KNOBS]
        .into_iter()
        .flatten()
}

fn text(out: &mut SeqBuf, value: &str) -> Result<()> {
    let _ = writeln!(out, "{value}");
    Ok(())
}

fn number(out: &mut SeqBuf, value: u64) -> Result<()> {
    let _ = writeln!(out, "{value}");
    Ok(())
}

/// What was written, up to the first newline.
fn line(text: &[u8]) -> &[u8] {
    text.split(|b| *b == b'\n' || *b == 0)
        .next()
        .unwrap_or_default()
}

/// The directory whose path is a prefix ("" or "kernel/") of its knobs' paths.
struct Level(&'static str);

/// /proc/sys itself.
pub(crate) fn make(sb: &Arc<SuperBlock>) -> Result<Arc<Inode>> {
    node::directory(sb, ino::SYS, 0o555, Owner::ROOT, Level(""))
}

impl Level {
    /// The name of a knob's entry in this directory, and whether it is a directory.
    fn entry_of(&self, knob: &'static Knob) -> Option<(&'static str, bool)> {
        let rest = knob.path.strip_prefix(self.0)?;
        Some(
            rest.split_once('/')
                .map_or((rest, false), |(dir, _)| (dir, true)),
        )
    }
}

impl Directory for Level {
    fn find(&self, sb: &Arc<SuperBlock>, name: &[u8]) -> Result<Option<Arc<Inode>>> {
        let wanted = |k: &'static Knob| self.entry_of(k).is_some_and(|(n, _)| n.as_bytes() == name);
        let Some((at, knob)) = knobs().enumerate().find(|(_, knob)| wanted(knob)) else {
            return Ok(None);
        };
        let ino = ino::SYS + 1 + 2 * at as u64;
        let made = match (self.entry_of(knob), knob.limit) {
            (Some((dir, true)), _) => {
                let below = &knob.path[..self.0.len() + dir.len() + 1];
                node::directory(sb, ino + 1, 0o555, Owner::ROOT, Level(below))
            }
            (_, Some(what)) => user::make(sb, ino, what),
            _ => {
                let mode = match knob.store {
                    None => 0o444,
                    Some(_) if knob.by_anyone => 0o666,
                    Some(_) => 0o644,
                };
                let text = Text {
                    show: knob.show,
                    store: knob.store,
                    may_open: None,
                    positions: knob.positions,
                    splices: (true, true),
                };
                node::text(sb, ino, mode, Owner::ROOT, (), text)
            }
        };
        made.map(Some)
    }

    fn entry(
        &self,
        at: u64,
        emit: &mut dyn FnMut(&Listed<'_>) -> Result<Sink>,
    ) -> Result<Option<(u64, Sink)>> {
        let mut before = None;
        for (place, knob) in knobs().enumerate() {
            let here = self.entry_of(knob);
            let above = core::mem::replace(&mut before, here.map(|(name, _)| name));
            let Some((name, is_dir)) = here else {
                continue;
            };
            if (place as u64) < at || above == Some(name) {
                continue;
            }
            let kind = if is_dir {
                FileType::Directory
            } else {
                FileType::Regular
            };
            let ino = ino::SYS + 1 + 2 * place as u64 + u64::from(is_dir);
            let listed = Listed {
                name: name.as_bytes(),
                ino,
                kind,
            };
            return Ok(Some((place as u64, emit(&listed)?)));
        }
        Ok(None)
    }
}
