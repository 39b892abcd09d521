//! Links to places: exe, cwd, root.
use super::Who;
use abi::{Errno, Result};
use cred::Cred;
use vfs::{File, Link};

/// The program that runs.
pub(crate) fn exe(who: &Who, by: &Cred) -> Result<Link> {
    who.may_look(by)?;
    let mm = who.task.mm().ok_or(Errno::ENOENT)?;
    let exe = mm.exe().ok_or(Errno::ENOENT)?;
    let file = exe.downcast::<File>().map_err(|_| Errno::ENOENT)?;
    Ok(Link::Jump(file.path().clone()))
}

/// The working directory.
pub(crate) fn cwd(who: &Who, by: &Cred) -> Result<Link> {
    who.may_look(by)?;
    Ok(Link::Jump(who.task.fs().ok_or(Errno::ENOENT)?.cwd()))
}

/// The root directory.
pub(crate) fn root(who: &Who, by: &Cred) -> Result<Link> {
    who.may_look(by)?;
    Ok(Link::Jump(who.task.fs().ok_or(Errno::ENOENT)?.root()))
}
