//! Files, dentries, mounts, path walks.
#![no_std]
#![forbid(unsafe_code)]
