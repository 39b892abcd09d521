//! Events as they are read, answers as they are written.
use super::event::{About, Entry, Files, HEAD, Queued};
use super::group::{FID_FLAGS, Group};
use super::question::Question;
use abi::{Errno, Result, fan, raw};
use alloc::sync::Arc;
use cred::Resource;
use kmem::user::UserBuf;
use pid::Pid;
use sync::WaitMode;
use task::pidfd::PidFd;
use task::{Cx, Process};
use vfs::{File, Handle, OnExec, OpenFlags, Path};

/// Bytes of a record with a handle, without the name: `struct fanotify_event_info_fid` and `struct file_handle`.
const FID: usize = 4 + 8 + 8 + Handle::LEN;
/// Bytes of `struct fanotify_event_info_pidfd`.
const PIDFD: usize = 8;
/// Most bytes of an event: two names and a file.
const MOST: usize = HEAD + 2 * (FID + abi::NAME_MAX + 1) + FID + PIDFD;
/// What records are padded to.
const ALIGN: usize = 4;
/// Bytes of `struct fanotify_response`.
const ANSWER: usize = 8;

fn fid_len(name: Option<&[u8]>) -> usize {
    (FID + name.map_or(0, |name| name.len() + 1)).next_multiple_of(ALIGN)
}

fn bytes(name: &Option<Entry>) -> Option<&[u8]> {
    name.as_ref().map(|entry| entry.0.as_bytes())
}

/// An event being written down.
struct Record {
    bytes: [u8; MOST],
    len: usize,
}

impl Record {
    fn put(&mut self, bytes: &[u8]) {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    fn put_fid(&mut self, kind: u8, handle: &Handle, name: Option<&[u8]>) {
        let len = fid_len(name);
        let end = self.len + len;
        self.put(&[kind, 0]);
        self.put(&(len as u16).to_ne_bytes());
        self.put(&handle.fsid());
        self.put(&(Handle::LEN as u32).to_ne_bytes());
        self.put(&Handle::KIND.to_ne_bytes());
        self.put(&handle.bytes());
        self.put(name.unwrap_or(&[]));
        self.len = end; // the rest is zero
    }
}

impl Group {
    /// Bytes that an event takes.
    fn len_of(&self, event: &Queued) -> usize {
        let records = match &event.about {
            About::Files(files) => {
                let dir = files.dir.as_ref().map(|(_, name)| fid_len(bytes(name)));
                let moved = files.moved.as_ref();
                let moved = moved.map(|(_, name)| fid_len(Some(name.0.as_bytes())));
                let file = files.file.as_ref().map(|_| fid_len(self.dot(event, files)));
                dir.unwrap_or(0) + moved.unwrap_or(0) + file.unwrap_or(0)
            }
            _ => 0,
        };
        let pidfd = match self.flags & fan::FAN_REPORT_PIDFD {
            0 => 0,
            _ => PIDFD,
        };
        HEAD + records + pidfd
    }

    /// The name of a directory that an event was about itself, where names are told.
    fn dot(&self, event: &Queued, files: &Files) -> Option<&'static [u8]> {
        let alone = files.dir.is_none() && files.moved.is_none();
        let named = self.flags & fan::FAN_REPORT_NAME != 0;
        (alone && named && event.mask & fan::FAN_ONDIR != 0).then_some(b".")
    }

    fn put_files(&self, record: &mut Record, event: &Queued, files: &Files) {
        let renamed = event.mask & fan::FAN_RENAME != 0;
        if let Some((handle, name)) = &files.dir {
            let kind = match name {
                Some(_) if renamed => fan::FAN_EVENT_INFO_TYPE_OLD_DFID_NAME,
                Some(_) => fan::FAN_EVENT_INFO_TYPE_DFID_NAME,
                None => fan::FAN_EVENT_INFO_TYPE_DFID,
            };
            record.put_fid(kind, handle, bytes(name));
        }
        if let Some((handle, name)) = &files.moved {
            let kind = fan::FAN_EVENT_INFO_TYPE_NEW_DFID_NAME;
            record.put_fid(kind, handle, Some(name.0.as_bytes()));
        }
        if let Some(handle) = &files.file {
            let dot = self.dot(event, files);
            let second = files.dir.is_some() || files.moved.is_some();
            let of_dir = event.mask & (fan::DIRENT_EVENTS | fan::FAN_ONDIR) != 0;
            let kind = if self.flags & FID_FLAGS == fan::FAN_REPORT_FID || second {
                fan::FAN_EVENT_INFO_TYPE_FID
            } else if dot.is_some() {
                fan::FAN_EVENT_INFO_TYPE_DFID_NAME
            } else if of_dir {
                fan::FAN_EVENT_INFO_TYPE_DFID
            } else {
                fan::FAN_EVENT_INFO_TYPE_FID
            };
            record.put_fid(kind, handle, dot);
        }
    }

    /// Reads events, as many as there are and `buf` has room for.
    ///
    /// # Errors
    /// EAGAIN, ERESTARTSYS; EINVAL: the first does not fit; EFAULT; EMFILE; ENOMEM, and what opening a file says.
    pub fn read_events(&self, cx: &Cx, file: &File, buf: &mut UserBuf<'_>) -> Result<usize> {
        let mut done = 0;
        loop {
            let result = match self.take(buf.remaining()) {
                Some(Ok(event)) => self.give(cx, buf, event),
                Some(Err(errno)) => Err(errno),
                None if done > 0 => return Ok(done),
                None if file.is_nonblock() => return Err(Errno::EAGAIN),
                None => {
                    let some = || (!self.queue.lock().is_empty()).then_some(());
                    self.readers.wait(WaitMode::Interruptible, None, some)?;
                    continue;
                }
            };
            match result {
                Ok(n) => done += n,
                Err(Errno::EFAULT) => return Err(Errno::EFAULT),
                Err(_) if done > 0 => return Ok(done),
                Err(errno) => return Err(errno),
            }
        }
    }

    /// The first event, if `room` bytes suffice. EINVAL: they do not; ENOMEM.
    fn take(&self, room: usize) -> Option<Result<Queued>> {
        let mut queue = self.queue.lock();
        let first = queue.front()?;
        if self.len_of(first) > room {
            return Some(Err(Errno::EINVAL));
        }
        if matches!(first.about, About::Question(_))
            && let Err(errno) = queue.expect_answer()
        {
            return Some(Err(errno));
        }
        queue.take().map(Ok)
    }

    /// Writes an event down and gives its descriptors. A question that cannot be given is answered with no.
    fn give(&self, cx: &Cx, buf: &mut UserBuf<'_>, event: Queued) -> Result<usize> {
        let given = self.write_down(cx, buf, &event);
        if let About::Question(question) = event.about {
            let back = match given {
                Ok((_, fd)) => self.queue.lock().was_read(fd, question),
                Err(_) => {
                    question.settle(fan::FAN_DENY);
                    None
                }
            };
            if let Some(closed) = back {
                closed.settle(fan::FAN_ALLOW);
            }
            if given.is_err() {
                self.askers.wake_all();
            }
        }
        given.map(|(len, _)| len)
    }

    fn write_down(&self, cx: &Cx, buf: &mut UserBuf<'_>, event: &Queued) -> Result<(usize, i32)> {
        let limit = cx.process().limits().cur(Resource::Nofile);
        let place = match &event.about {
            About::Place(path) => Some(path),
            About::Question(question) => Some(&question.path),
            _ => None,
        };
        let opened = match place {
            Some(path) => {
                let on_exec = OnExec::from_flag(self.event_flags & raw::O_CLOEXEC != 0);
                let fd = cx.files.reserve(0, limit, on_exec)?;
                Some((fd, self.open(path, cx)?))
            }
            None => None,
        };
        let fd = opened.as_ref().map_or(fan::FAN_NOFD, |(fd, _)| fd.fd());
        let nr = self.number(cx, event.pid.as_ref());
        let mut record = Record {
            bytes: [0; MOST],
            len: 0,
        };
        let len = self.len_of(event);
        record.put(&(len as u32).to_ne_bytes());
        record.put(&[fan::FANOTIFY_METADATA_VERSION, 0]);
        record.put(&(HEAD as u16).to_ne_bytes());
        let mask = event.mask & !fan::FAN_EVENT_ON_CHILD;
        record.put(&u64::from(mask).to_ne_bytes());
        record.put(&fd.to_ne_bytes());
        record.put(&nr.to_ne_bytes());
        if let About::Files(files) = &event.about {
            self.put_files(&mut record, event, files);
        }
        let mut pidfd = None;
        if self.flags & fan::FAN_REPORT_PIDFD != 0 {
            let process = event.pid.as_ref().filter(|_| nr != 0).and_then(process_of);
            let made = process.map(|process| {
                let fd = cx.files.reserve(0, limit, OnExec::Close)?;
                Ok::<_, Errno>((fd, PidFd::create(process, false, &cx.cred)?))
            });
            let number = match &made {
                None => fan::FAN_NOPIDFD,
                Some(Err(_)) => fan::FAN_EPIDFD,
                Some(Ok((fd, _))) => fd.fd(),
            };
            record.put(&[fan::FAN_EVENT_INFO_TYPE_PIDFD, 0]);
            record.put(&(PIDFD as u16).to_ne_bytes());
            record.put(&number.to_ne_bytes());
            pidfd = made.and_then(Result::ok);
        }
        if buf.copy_to(&record.bytes[..len])? < len {
            return Err(Errno::EFAULT);
        }
        for (fd, file) in [opened, pidfd].into_iter().flatten() {
            fd.install(file);
        }
        Ok((len, fd))
    }

    /// The reader's file of a place: nobody is told what he does with it. EROFS, ETXTBSY, ENXIO, ENFILE, ENOMEM.
    fn open(&self, path: &Path, cx: &Cx) -> Result<Arc<File>> {
        let flags = OpenFlags::from_bits_truncate(self.event_flags) | OpenFlags::QUIET;
        if flags.writes() {
            path.mnt.require_write()?;
        }
        vfs::open_path(path.clone(), flags, &cx.cred)
    }

    /// What the reader calls who did it; 0: it has no name for him, or may not know.
    fn number(&self, cx: &Cx, pid: Option<&Arc<Pid>>) -> i32 {
        let Some(pid) = pid else {
            return 0;
        };
        if self.is_unprivileged && !Arc::ptr_eq(pid, cx.process().pid()) {
            return 0;
        }
        pid.nr_in(cx.process().pids())
    }

    /// An answer (`struct fanotify_response`). EINVAL: none; EFAULT; ENOENT: nobody asked.
    pub(super) fn take_answer(&self, buf: &mut UserBuf<'_>) -> Result<usize> {
        if buf.remaining() < ANSWER {
            return Err(Errno::EINVAL);
        }
        let mut fd = [0; 4];
        let mut answer = [0; 4];
        if buf.copy_from(&mut fd)? < 4 || buf.copy_from(&mut answer)? < 4 {
            return Err(Errno::EFAULT);
        }
        let (fd, answer) = (i32::from_ne_bytes(fd), u32::from_ne_bytes(answer));
        let audits = answer & fan::FAN_AUDIT != 0;
        let known = matches!(answer & !fan::FAN_AUDIT, fan::FAN_ALLOW | fan::FAN_DENY);
        if !known || fd < 0 || audits && self.flags & fan::FAN_ENABLE_AUDIT == 0 {
            return Err(Errno::EINVAL);
        }
        let question: Arc<Question> = self.queue.lock().answered(fd).ok_or(Errno::ENOENT)?;
        question.settle(answer);
        self.askers.wake_all();
        Ok(ANSWER)
    }
}

/// The process of a number, while it has one.
fn process_of(pid: &Arc<Pid>) -> Option<Arc<Process>> {
    pid.process()?.as_any().downcast().ok()
}
