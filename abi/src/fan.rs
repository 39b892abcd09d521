//! Numbers of fanotify(7), from `include/uapi/linux/fanotify.h`, which `linux-raw-sys` leaves out. Events that inotify(7) has
//! too have the same numbers there.

/// The file was read.
pub const FAN_ACCESS: u32 = 0x1;
/// The file was changed.
pub const FAN_MODIFY: u32 = 0x2;
/// Its attributes were changed.
pub const FAN_ATTRIB: u32 = 0x4;
/// A file that could be written was closed.
pub const FAN_CLOSE_WRITE: u32 = 0x8;
/// A file that could not be written was closed.
pub const FAN_CLOSE_NOWRITE: u32 = 0x10;
/// The file was opened.
pub const FAN_OPEN: u32 = 0x20;
/// An entry went from here.
pub const FAN_MOVED_FROM: u32 = 0x40;
/// An entry came here.
pub const FAN_MOVED_TO: u32 = 0x80;
/// An entry was made.
pub const FAN_CREATE: u32 = 0x100;
/// An entry was removed.
pub const FAN_DELETE: u32 = 0x200;
/// The file itself is gone.
pub const FAN_DELETE_SELF: u32 = 0x400;
/// The file itself has another name.
pub const FAN_MOVE_SELF: u32 = 0x800;
/// The file was opened to be executed.
pub const FAN_OPEN_EXEC: u32 = 0x1000;
/// Events were lost.
pub const FAN_Q_OVERFLOW: u32 = 0x4000;
/// The file system found itself damaged.
pub const FAN_FS_ERROR: u32 = 0x8000;
/// May the file be opened?
pub const FAN_OPEN_PERM: u32 = 0x1_0000;
/// May the file be read?
pub const FAN_ACCESS_PERM: u32 = 0x2_0000;
/// May the file be opened to be executed?
pub const FAN_OPEN_EXEC_PERM: u32 = 0x4_0000;
/// What happens to entries of a directory is wanted.
pub const FAN_EVENT_ON_CHILD: u32 = 0x0800_0000;
/// An entry was renamed: both names.
pub const FAN_RENAME: u32 = 0x1000_0000;
/// What happens to directories is wanted; it was one.
pub const FAN_ONDIR: u32 = 0x4000_0000;

/// Flags of fanotify_init(2).
pub const FAN_CLOEXEC: u32 = 0x1;
/// See fanotify_init(2), as all that follow.
pub const FAN_NONBLOCK: u32 = 0x2;
#[expect(missing_docs, reason = "fanotify_init(2) tells what each means")]
mod init {
    pub const FAN_CLASS_CONTENT: u32 = 0x4;
    pub const FAN_CLASS_PRE_CONTENT: u32 = 0x8;
    pub const FAN_UNLIMITED_QUEUE: u32 = 0x10;
    pub const FAN_UNLIMITED_MARKS: u32 = 0x20;
    pub const FAN_ENABLE_AUDIT: u32 = 0x40;
    pub const FAN_REPORT_PIDFD: u32 = 0x80;
    pub const FAN_REPORT_TID: u32 = 0x100;
    pub const FAN_REPORT_FID: u32 = 0x200;
    pub const FAN_REPORT_DIR_FID: u32 = 0x400;
    pub const FAN_REPORT_NAME: u32 = 0x800;
    pub const FAN_REPORT_TARGET_FID: u32 = 0x1000;
}
pub use init::*;

#[expect(missing_docs, reason = "fanotify_mark(2) tells what each means")]
mod mark {
    pub const FAN_MARK_ADD: u32 = 0x1;
    pub const FAN_MARK_REMOVE: u32 = 0x2;
    pub const FAN_MARK_DONT_FOLLOW: u32 = 0x4;
    pub const FAN_MARK_ONLYDIR: u32 = 0x8;
    pub const FAN_MARK_MOUNT: u32 = 0x10;
    pub const FAN_MARK_IGNORED_MASK: u32 = 0x20;
    pub const FAN_MARK_IGNORED_SURV_MODIFY: u32 = 0x40;
    pub const FAN_MARK_FLUSH: u32 = 0x80;
    pub const FAN_MARK_FILESYSTEM: u32 = 0x100;
    pub const FAN_MARK_EVICTABLE: u32 = 0x200;
    pub const FAN_MARK_IGNORE: u32 = 0x400;
}
pub use mark::*;

#[expect(missing_docs, reason = "fanotify(7) tells what each means")]
mod event {
    pub const FANOTIFY_METADATA_VERSION: u8 = 3;
    pub const FAN_EVENT_INFO_TYPE_FID: u8 = 1;
    pub const FAN_EVENT_INFO_TYPE_DFID_NAME: u8 = 2;
    pub const FAN_EVENT_INFO_TYPE_DFID: u8 = 3;
    pub const FAN_EVENT_INFO_TYPE_PIDFD: u8 = 4;
    pub const FAN_EVENT_INFO_TYPE_OLD_DFID_NAME: u8 = 10;
    pub const FAN_EVENT_INFO_TYPE_NEW_DFID_NAME: u8 = 12;
    pub const FAN_NOFD: i32 = -1;
    pub const FAN_NOPIDFD: i32 = -1;
    pub const FAN_EPIDFD: i32 = -2;
    pub const FAN_ALLOW: u32 = 1;
    pub const FAN_DENY: u32 = 2;
    pub const FAN_AUDIT: u32 = 0x10;
}
pub use event::*;

/// Events that come with the place they happened at, so that a descriptor of the file can be made.
pub const PATH_EVENTS: u32 =
    FAN_ACCESS | FAN_MODIFY | FAN_CLOSE_WRITE | FAN_CLOSE_NOWRITE | FAN_OPEN | FAN_OPEN_EXEC;
/// Events that somebody waits for an answer to.
pub const PERM_EVENTS: u32 = FAN_OPEN_PERM | FAN_ACCESS_PERM | FAN_OPEN_EXEC_PERM;
/// Changes of a directory's entries.
pub const DIRENT_EVENTS: u32 = FAN_MOVED_FROM | FAN_MOVED_TO | FAN_CREATE | FAN_DELETE | FAN_RENAME;
/// What is no event, but says which are wanted.
pub const EVENT_FLAGS: u32 = FAN_EVENT_ON_CHILD | FAN_ONDIR;
/// All that a mark may ask for.
pub const ALL_EVENTS: u32 = PATH_EVENTS
    | PERM_EVENTS
    | DIRENT_EVENTS
    | FAN_ATTRIB
    | FAN_MOVE_SELF
    | FAN_DELETE_SELF
    | FAN_FS_ERROR;
