//! /proc/sys/net: limits of sockets.
use super::{Knob, number, settable};
use crate::node::parse_number;
use socket::limits;

macro_rules! limit {
    ($path:literal, $limit:ident) => {
        settable(
            $path,
            |_, out| number(out, u64::from(limits::$limit.get())),
            |_, text| limits::$limit.set(parse_number(text)?),
        )
    };
}

pub(super) static KNOBS: &[Knob] = &[
    limit!("net/core/rmem_default", RMEM_DEFAULT),
    limit!("net/core/rmem_max", RMEM_MAX),
    limit!("net/core/somaxconn", SOMAXCONN),
    limit!("net/core/wmem_default", WMEM_DEFAULT),
    limit!("net/core/wmem_max", WMEM_MAX),
    limit!("net/unix/max_dgram_qlen", MAX_DGRAM_QLEN),
];
