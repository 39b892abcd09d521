//! /proc/sys/net: limits of sockets.
use super::{Knob, line, number, settable};
use crate::node::parse_number;
use abi::Errno;
use core::fmt::Write;
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
    settable(
        "net/ipv4/ip_local_port_range",
        |(), out| {
            let (first, last) = limits::LOCAL_PORTS.get();
            let _ = writeln!(out, "{first}\t{last}");
            Ok(())
        },
        |(), text| {
            let mut ports = line(text)
                .split(u8::is_ascii_whitespace)
                .filter(|word| !word.is_empty());
            let mut next = || {
                let word = ports.next().ok_or(Errno::EINVAL)?;
                u16::try_from(parse_number(word)?).map_err(|_| Errno::EINVAL)
            };
            limits::LOCAL_PORTS.set(next()?, next()?)
        },
    ),
    settable(
        "net/ipv4/ip_unprivileged_port_start",
        |(), out| number(out, u64::from(limits::UNPRIVILEGED_PORTS.get())),
        |(), text| match parse_number(text)? {
            start @ 0..=65_535 => limits::UNPRIVILEGED_PORTS.set(start),
            _ => Err(Errno::EINVAL),
        },
    ),
    limit!("net/unix/max_dgram_qlen", MAX_DGRAM_QLEN),
];
