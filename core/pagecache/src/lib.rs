//! The page cache of an inode: one copy of file data for read, write and mmap.
#![no_std]
#![forbid(unsafe_code)]
