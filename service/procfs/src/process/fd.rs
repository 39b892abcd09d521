//! fd/ and fdinfo/.
use super::Who;
use crate::filelocks;
use crate::node::{self, Decimal, Directory, Listed, Owner, Text, ino};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::fmt::Write;
use cred::Cred;
use vfs::{File, FileType, Inode, Link, OnExec, OpenFlags, Positions, SeqBuf, Sink, SuperBlock};

/// Which of the two directories.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    Links,
    Info,
}

pub(crate) struct Fds {
    who: Who,
    view: View,
}

#[derive(Clone)]
struct One {
    who: Who,
    fd: i32,
}

impl One {
    fn file(&self) -> Result<Arc<File>> {
        self.who
            .task
            .files()
            .ok_or(Errno::ENOENT)?
            .get(self.fd)
            .map_err(|_| Errno::ENOENT)
    }
}

impl Fds {
    pub(crate) fn new(who: Who, view: View) -> Self {
        Self { who, view }
    }

    fn ino(&self, fd: i32) -> u64 {
        let view = if self.view == View::Info {
            ino::PER_PROCESS / 4
        } else {
            0
        };
        self.who.ino() + ino::FDS + view + (fd as u64 & 0xfff)
    }
}

impl Directory for Fds {
    fn find(&self, sb: &Arc<SuperBlock>, name: &[u8]) -> Result<Option<Arc<Inode>>> {
        let Some(fd) = node::number(name) else {
            return Ok(None);
        };
        let one = One {
            who: self.who.clone(),
            fd,
        };
        let Ok(file) = one.file() else {
            return Ok(None);
        };
        let (ino, owner) = (self.ino(fd), self.who.owner());
        match self.view {
            View::Links => {
                let bit = |yes: bool, bits: u32| if yes { bits } else { 0 };
                let flags = file.flags();
                let mode = 0o100 | bit(flags.reads(), 0o400) | bit(flags.writes(), 0o200);
                node::link(sb, ino, mode, owner, one, target)
            }
            View::Info => {
                let text = Text {
                    show: info,
                    store: None,
                    may_open: None,
                    positions: Positions::None,
                    splices: (false, false),
                };
                node::text(sb, ino, 0o400, Owner { ..owner }, one, text)
            }
        }
        .map(Some)
    }

    fn entry(
        &self,
        at: u64,
        emit: &mut dyn FnMut(&Listed<'_>) -> Result<Sink>,
    ) -> Result<Option<(u64, Sink)>> {
        let Some(files) = self.who.task.files() else {
            return Ok(None);
        };
        let Some((fd, _file)) = files.next(at.min(i32::MAX as u64) as i32) else {
            return Ok(None);
        };
        let kind = if self.view == View::Links {
            FileType::Symlink
        } else {
            FileType::Regular
        };
        let name = Decimal::new(fd as u64);
        Ok(Some((
            fd as u64,
            emit(&Listed {
                name: name.as_bytes(),
                ino: self.ino(fd),
                kind,
            })?,
        )))
    }

    fn alive(&self) -> bool {
        self.who.task.files().is_some()
    }
}

fn target(one: &One, by: &Cred) -> Result<Link> {
    one.who.may_look(by)?;
    Ok(Link::Jump(one.file()?.path().clone()))
}

fn info(one: &One, out: &mut SeqBuf) -> Result<()> {
    let file = one.file()?;
    let files = one.who.task.files().ok_or(Errno::ENOENT)?;
    let on_exec = files.on_exec(one.fd)?;
    let mut flags = file.flags();
    flags.set(OpenFlags::CLOEXEC, on_exec == OnExec::Close);
    let _ = writeln!(out, "pos:\t{}\nflags:\t{:07o}", file.pos(), flags.bits());
    let _ = writeln!(
        out,
        "mnt_id:\t{}\nino:\t{}",
        file.path().mnt.id(),
        file.inode().ino()
    );
    filelocks::through(&file, &files, &one.who.pids, out)?;
    let _ = file.ops().show_fdinfo(&file, out);
    if let Some(cost) = file.cost() {
        let _ = cost.show("ipc_", out);
    }
    Ok(())
}
