//! /proc/sys/vm.
use super::{Knob, huge, number, read_only, settable};
use crate::node::parse_number;
use abi::{Errno, Result};
use core::sync::atomic::{AtomicU64, Ordering};

pub(super) static KNOBS: &[Knob] = &[
    settable(
        "vm/drop_caches",
        |_, _| Err(Errno::EACCES),
        |_, text| match parse_number(text)? {
            1..=7 => {
                // First what is only waiting to be freed: workers without work, threads on their way out, then what RCU
                // readers may see.
                workqueue::settle();
                sched::settle();
                sync::rcu::barrier();
                kmem::drop_caches();
                Ok(())
            }
            _ => Err(Errno::EINVAL),
        },
    ),
    settable("vm/hugetlb_shm_group", huge::show_group, huge::set_group),
    read_only("vm/max_map_count", |_, out| {
        number(out, mm::MAX_AREAS as u64)
    }),
    read_only("vm/mmap_min_addr", |_, out| {
        number(out, mm::MMAP_MIN_ADDR as u64)
    }),
    settable("vm/nr_hugepages", huge::show_pool, huge::set_pool),
    settable(
        "vm/nr_overcommit_hugepages",
        huge::show_overcommit,
        huge::set_overcommit,
    ),
    settable(
        "vm/overcommit_memory",
        |_, out| number(out, mm::commit::mode() as u64),
        set_overcommit,
    ),
    settable(
        "vm/overcommit_ratio",
        |_, out| number(out, mm::commit::ratio() as u64),
        |_, text| {
            let percent = usize::try_from(parse_number(text)?).map_err(|_| Errno::EINVAL)?;
            mm::commit::set_ratio(percent);
            Ok(())
        },
    ),
    settable(
        "vm/swappiness",
        |_, out| number(out, SWAPPINESS.load(Ordering::Relaxed)),
        |_, text| match parse_number(text)? {
            value @ 0..=200 => {
                SWAPPINESS.store(value as u64, Ordering::Relaxed);
                Ok(())
            }
            _ => Err(Errno::EINVAL),
        },
    ),
];

/// How ready memory is to be swapped out. It is kept for who sets and reads it; there is no swap space yet.
static SWAPPINESS: AtomicU64 = AtomicU64::new(60);

fn set_overcommit(_: &(), text: &[u8]) -> Result<()> {
    use mm::commit::Mode;
    mm::commit::set_mode(match parse_number(text)? {
        0 => Mode::Heuristic,
        1 => Mode::Always,
        2 => Mode::Never,
        _ => return Err(Errno::EINVAL),
    });
    Ok(())
}
