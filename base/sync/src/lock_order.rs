//! The kernel's lock order on one page. A lock may be taken only while every lock held has a lower rank; two of one
//! rank only through a `lock_nested` call that says why. Ranks are sparse, so that a new lock edits one line.

/// The ranks, outermost first.
#[expect(
    missing_docs,
    reason = "the names are the documentation; the order is what matters"
)]
pub mod rank {
    // Sleeping locks, from the process inwards.
    pub const EXEC: u16 = 100;
    pub const TASK_GROUP: u16 = 200;
    pub const SYSLOG: u16 = 250;
    pub const PIPE: u16 = 260;
    pub const UNIX_FLIGHT: u16 = 270;
    pub const UNIX_INBOX: u16 = 280;
    pub const TTY: u16 = 300;
    pub const DISK: u16 = 320;
    pub const DISK_DRIVER: u16 = 330;
    pub const RENAME: u16 = 1100;
    pub const INODE_DIR: u16 = 1200;
    pub const INODE: u16 = 1300;
    pub const FILE_POS: u16 = 1150;
    pub const DIR_INDEX: u16 = 1350;
    pub const XATTRS: u16 = 1360;
    pub const MOUNT: u16 = 1380;
    pub const FIFO_TABLE: u16 = 1510;
    pub const EPOLL_TREE: u16 = 1530;
    pub const EPOLL: u16 = 1540;
    pub const AIO_LIST: u16 = 1545;
    pub const AIO_READING: u16 = 1546;
    pub const AIO_POLLS: u16 = 1547;
    pub const EPOLL_ENTRIES: u16 = 1550;
    pub const TTY_TABLE: u16 = 1520;
    pub const MODULE: u16 = 1600;
    pub const UEVENT: u16 = 1605;
    pub const EVENT_NUMBERS: u16 = 1606;
    pub const MODSPACE_MAPPING: u16 = 1610;
    pub const MMAP: u16 = 2000;
    pub const HUGE_FAULT: u16 = 2050;
    pub const PAGE_CACHE_FILL: u16 = 2100;
    // Spinning locks.
    pub const FILE_TABLE: u16 = 5000;
    pub const FS_STRUCT: u16 = 5010;
    pub const SUPERBLOCK: u16 = 5020;
    pub const MOUNT_TABLE: u16 = 5030;
    pub const MOUNT_PLACE: u16 = 5040;
    pub const MOUNT_KIND: u16 = 5045;
    pub const MOUNT_GROUP: u16 = 5050;
    pub const MOUNT_GROUP_NUMBERS: u16 = 5060;
    pub const DENTRY: u16 = 5100;
    pub const DENTRY_PLACE: u16 = 5110;
    pub const FILE_LOCKS: u16 = 5130;
    pub const FILE_LOCK_WAITS: u16 = 5135;
    pub const INODE_TIMES: u16 = 5140;
    pub const INODE_LISTS: u16 = 5142;
    pub const DIR_NOTIFY: u16 = 5145;
    pub const NOTIFY: u16 = 5150;
    pub const FILE_OWNER: u16 = 5170;
    pub const PAGE_CACHE: u16 = 5200;
    pub const TASKLIST: u16 = 5300;
    pub const PID_BUCKET: u16 = 5320;
    pub const PGRP_MEMBERS: u16 = 5330;
    pub const TASK_LINK: u16 = 5340;
    pub const PID_LINKS: u16 = 5350;
    pub const TTY_CONTROL: u16 = 5355;
    pub const SESSION_TTY: u16 = 5360;
    pub const SIGHAND: u16 = 5400;
    pub const SIG_ACTIONS: u16 = 5410;
    pub const TASK_VIEW: u16 = 5420;
    pub const TASK_LEAF: u16 = 5430;
    pub const SYSV_TABLE: u16 = 5480;
    pub const SYSV_OBJECT: u16 = 5490;
    pub const FUTEX: u16 = 5500;
    pub const FUTEX_PI: u16 = 5510;
    pub const FUTEX_KEY: u16 = 5520;
    pub const PAGE_TABLE: u16 = 5600;
    pub const SOCKETS: u16 = 5900;
    pub const TIMER_OWNER: u16 = 6000;
    pub const EVENT: u16 = 6010;
    pub const WAIT_ENTRY: u16 = 7000;
    pub const WAIT_QUEUE: u16 = 7100;
    pub const WAIT_QUEUE_NESTED: u16 = 7300;
    pub const EPOLL_READY: u16 = 7350;
    pub const POLL_WAIT: u16 = 7360;
    pub const WORKQUEUE: u16 = 7400;
    pub const TIMER: u16 = 8000;
    pub const RUNQUEUE: u16 = 8100;
    pub const TASK_MM: u16 = 8150;
    pub const USER_LEDGER: u16 = 8800;
    pub const RANDOM: u16 = 8900;
    pub const SLAB: u16 = 9000;
    pub const VMALLOC: u16 = 9050;
    pub const MODSPACE: u16 = 9050 + 5;
    pub const BUDDY: u16 = 9100;
    pub const IRQ_LINE: u16 = 9200;
    pub const MODULE_LIST: u16 = 9250;
    pub const SERIAL: u16 = 9300;
    pub const TTY_LINE: u16 = 9350;
    pub const RCU: u16 = 9400;
    pub const CONSOLE: u16 = 9500;
    /// No order: for leaf locks of tests and one-off tables; the dependency graph still watches them.
    pub const NONE: u16 = 0;
}
