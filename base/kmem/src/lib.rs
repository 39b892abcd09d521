//! Frames, slab, vmalloc, page tables, user memory, fallible allocation.
#![no_std]
#![forbid(unsafe_code)]
