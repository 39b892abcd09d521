//! Messages on their way out and in.
use crate::credentials::Credentials;
use crate::who::Address;
use abi::net::{MSG_CTRUNC, SCM_CREDENTIALS, SCM_RIGHTS, SOL_SOCKET};
use abi::{Errno, Result};
use alloc::sync::Arc;
use kmem::user::{self, UserAddr, UserBuf};
use vfs::{File, Files, OnExec};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct cmsghdr`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Head {
    len: usize,
    level: u32,
    kind: u32,
}

const HEAD: usize = size_of::<Head>();

/// A message to send.
pub struct Outgoing<'m, 'd> {
    /// What.
    pub data: &'m mut UserBuf<'d>,
    /// Where to, if that was said.
    pub address: Option<&'m [u8]>,
    /// `MSG_*`.
    pub flags: u32,
    /// Whether it must not wait.
    pub nonblock: bool,
    /// The control messages, copied.
    pub control: &'m [u8],
}

impl<'m, 'd> Outgoing<'m, 'd> {
    /// One without address, flags and control messages.
    #[must_use]
    pub const fn new(data: &'m mut UserBuf<'d>, nonblock: bool) -> Self {
        Self {
            data,
            address: None,
            flags: 0,
            nonblock,
            control: &[],
        }
    }

    /// Hands on each control message: its level, its kind and what it holds. EINVAL: their lengths make no sense; what
    /// `each` answers.
    pub fn each_control(
        &self,
        mut each: impl FnMut(u32, u32, &'m [u8]) -> Result<()>,
    ) -> Result<()> {
        let mut rest = self.control;
        while let Ok((head, _)) = Head::read_from_prefix(rest) {
            if head.len < HEAD || head.len > rest.len() {
                return Err(Errno::EINVAL);
            }
            each(head.level, head.kind, &rest[HEAD..head.len])?;
            rest = rest
                .get(head.len.next_multiple_of(size_of::<usize>())..)
                .unwrap_or_default();
        }
        Ok(())
    }

    /// Whom the sender says he is. EINVAL: the control messages make no sense, or ask for what the family has not.
    pub fn credentials(&self) -> Result<Option<Credentials>> {
        let mut found = None;
        self.each_control(|level, kind, body| {
            match (level, kind) {
                (SOL_SOCKET, SCM_CREDENTIALS) => found = Some(Credentials::read(body)?),
                // SCM_RIGHTS too: descriptors go between AF_UNIX sockets only.
                (SOL_SOCKET, _) => return Err(Errno::EINVAL),
                _ => {}
            }
            Ok(())
        })?;
        Ok(found)
    }
}

/// Who receives descriptors.
#[derive(Clone, Copy)]
pub struct Receiver<'m> {
    /// His table.
    pub files: &'m Files,
    /// His `RLIMIT_NOFILE`.
    pub limit: u64,
}

/// Where control messages go to the receiver.
pub struct Control<'m> {
    at: UserAddr,
    room: usize,
    used: usize,
    cut: bool,
    receiver: Option<Receiver<'m>>,
}

impl<'m> Control<'m> {
    /// A user range, and who gets descriptors.
    #[must_use]
    pub const fn new(at: UserAddr, room: usize, receiver: Receiver<'m>) -> Self {
        Self {
            at,
            room,
            used: 0,
            cut: false,
            receiver: Some(receiver),
        }
    }

    /// None is wanted.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            at: UserAddr(0),
            room: 0,
            used: 0,
            cut: false,
            receiver: None,
        }
    }

    /// Gives the receiver descriptors of as many of these files as there are numbers and room for (`SCM_RIGHTS`).
    pub fn put_files(&mut self, files: &[Arc<File>], on_exec: OnExec) {
        let left = self.room - self.used;
        let room = match self.receiver {
            Some(_) if self.at.0 != 0 => left.saturating_sub(HEAD) / size_of::<i32>(),
            _ => 0,
        };
        let mut done = 0;
        for file in files.iter().take(room) {
            let at = self.at.add(self.used + HEAD + done * size_of::<i32>());
            if self.install(file, at, on_exec).is_err() {
                break;
            }
            done += 1;
        }
        self.cut |= done < files.len();
        if done == 0 {
            return;
        }
        let head = Head {
            len: HEAD + done * size_of::<i32>(),
            level: SOL_SOCKET,
            kind: SCM_RIGHTS,
        };
        if user::write(self.at.add(self.used), &head).is_ok() {
            self.used += head.len.next_multiple_of(size_of::<usize>()).min(left);
        }
    }

    /// Gives one descriptor; its number stands at `at` before it means anything. EMFILE, ENOMEM, EFAULT.
    fn install(&self, file: &Arc<File>, at: UserAddr, on_exec: OnExec) -> Result<()> {
        let to = self.receiver.ok_or(Errno::EBADF)?;
        let place = to.files.reserve(0, to.limit, on_exec)?;
        user::write(at, &place.fd())?;
        place.install(file.clone());
        Ok(())
    }

    /// How much of the range was filled.
    #[must_use]
    pub const fn used(&self) -> usize {
        self.used
    }

    /// `MSG_CTRUNC` if not all fitted.
    #[must_use]
    pub const fn flags(&self) -> u32 {
        if self.cut { MSG_CTRUNC } else { 0 }
    }

    /// Adds a message. What does not fit is cut; where the range can't be written it is lost, as on Linux.
    pub fn put(&mut self, level: u32, kind: u32, body: &[u8]) {
        let left = self.room - self.used;
        if self.at.0 == 0 || left < HEAD {
            self.cut = true;
            return;
        }
        let len = (HEAD + body.len()).min(left);
        self.cut |= len < HEAD + body.len();
        let head = Head { len, level, kind };
        let at = self.at.add(self.used);
        let written = user::write(at, &head)
            .and_then(|()| user::copy_to_user(at.add(HEAD), &body[..len - HEAD]));
        if written.is_ok() {
            let whole = (HEAD + body.len()).next_multiple_of(size_of::<usize>());
            self.used += whole.min(left);
        }
    }
}

/// A message to receive.
pub struct Incoming<'m, 'd> {
    /// Where to.
    pub data: &'m mut UserBuf<'d>,
    /// `MSG_*` as the receiver asks.
    pub flags: u32,
    /// Whether it must not wait.
    pub nonblock: bool,
    /// Who sent it; the family fills it in.
    pub address: Address,
    /// What comes with it.
    pub control: Control<'m>,
    /// `MSG_*` as the receiver is told.
    pub told: u32,
}

impl<'m, 'd> Incoming<'m, 'd> {
    /// One without address and control messages.
    #[must_use]
    pub const fn new(data: &'m mut UserBuf<'d>, flags: u32, nonblock: bool) -> Self {
        Self {
            data,
            flags,
            nonblock,
            address: Address::none(),
            control: Control::none(),
            told: 0,
        }
    }
}
