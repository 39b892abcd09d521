//! Messages on their way out and in.
use crate::who::Address;
use abi::net::{MSG_CTRUNC, SCM_CREDENTIALS, SOL_SOCKET};
use abi::{Errno, Result};
use kmem::user::{self, UserAddr, UserBuf};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct ucred`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Credentials {
    /// Number of the sender's process; 0 is the kernel.
    pub pid: i32,
    /// His user.
    pub uid: u32,
    /// His group.
    pub gid: u32,
}

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

impl Outgoing<'_, '_> {
    /// Whom the sender says he is. EINVAL: the control messages make no sense, or ask for what the family has not.
    pub fn credentials(&self) -> Result<Option<Credentials>> {
        let mut found = None;
        let mut rest = self.control;
        while let Ok((head, _)) = Head::read_from_prefix(rest) {
            if head.len < HEAD || head.len > rest.len() {
                return Err(Errno::EINVAL);
            }
            let body = &rest[HEAD..head.len];
            match (head.level, head.kind) {
                (SOL_SOCKET, SCM_CREDENTIALS) => {
                    let who = Credentials::read_from_bytes(body).map_err(|_| Errno::EINVAL)?;
                    found = Some(who);
                }
                // SCM_RIGHTS too: descriptors go between AF_UNIX sockets only.
                (SOL_SOCKET, _) => return Err(Errno::EINVAL),
                _ => {}
            }
            rest = rest
                .get(head.len.next_multiple_of(size_of::<usize>())..)
                .unwrap_or_default();
        }
        Ok(found)
    }
}

/// Where control messages go to the receiver.
#[derive(Debug)]
pub struct Control {
    at: UserAddr,
    room: usize,
    used: usize,
    cut: bool,
}

impl Control {
    /// A user range.
    #[must_use]
    pub const fn new(at: UserAddr, room: usize) -> Self {
        Self {
            at,
            room,
            used: 0,
            cut: false,
        }
    }

    /// None is wanted.
    #[must_use]
    pub const fn none() -> Self {
        Self::new(UserAddr(0), 0)
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
    pub control: Control,
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
