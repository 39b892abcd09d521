//! What a new file starts as: owner, group, mode, access lists.
use crate::acl;
use crate::objects::Inode;
use crate::types::{FileType, NewNode};
use crate::xattrs::Xattrs;
use abi::{Result, raw};
use alloc::boxed::Box;
use cred::{Cred, cap};

/// A node to be made.
pub(crate) struct Fresh<'a> {
    pub(crate) node: NewNode<'a>,
    /// The access lists that its directory hands down.
    pub(crate) inherited: Option<Box<Xattrs>>,
}

/// The node that `cred` makes in `dir`: its owner and group, set-group-ID (mkdir(2)), and the mode and lists that `umask` or
/// the default list of `dir` leave of `mode`. ENOMEM.
pub(crate) fn new_node<'a>(
    dir: &Inode,
    cred: &Cred,
    kind: FileType,
    mut mode: u32,
    umask: u32,
) -> Result<Fresh<'a>> {
    let mut gid = cred.fsgid;
    if dir.mode() & raw::S_ISGID != 0 {
        gid = dir.gid();
        if kind == FileType::Directory {
            mode |= raw::S_ISGID;
        } else if mode & (raw::S_ISGID | raw::S_IXGRP) == raw::S_ISGID | raw::S_IXGRP
            && !cred.in_group(gid)
            && !cred.capable_over(dir.uid(), gid, cap::FSETID)
        {
            mode &= !raw::S_ISGID;
        }
    }
    let (mode, inherited) = acl::inherit(dir, kind, mode, umask)?;
    let node = NewNode {
        kind,
        mode,
        uid: cred.fsuid,
        gid,
        rdev: 0,
        target: &[],
    };
    Ok(Fresh { node, inherited })
}
