//! Buddy allocation of page frames: the policy, without memory.
#![no_std]
#![forbid(unsafe_code)]
