//! /proc/sys/net: limits of sockets.
use crate::node::parse_number;
use abi::Result;
use core::fmt::Write;
use socket::limits;
use vfs::SeqBuf;

/// What shows a limit, and what sets it.
type Limit = (
    fn(&(), &mut SeqBuf) -> Result<()>,
    fn(&(), &[u8]) -> Result<()>,
);

macro_rules! limit {
    ($limit:ident) => {
        pub(super) const $limit: Limit = (
            |_, out| {
                let _ = writeln!(out, "{}", limits::$limit.get());
                Ok(())
            },
            |_, text| limits::$limit.set(parse_number(text)?),
        );
    };
}

limit!(MAX_DGRAM_QLEN);
limit!(RMEM_DEFAULT);
limit!(RMEM_MAX);
limit!(SOMAXCONN);
limit!(WMEM_DEFAULT);
limit!(WMEM_MAX);
