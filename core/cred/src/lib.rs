//! Credentials, user namespaces, resource limits.
#![no_std]
#![forbid(unsafe_code)]
