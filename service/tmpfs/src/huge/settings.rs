//! /sys/kernel/mm/hugepages: the pool by size of its pages. There is one size.
use abi::{Errno, Result};
use core::fmt::Write;
use kernfs::Attribute;
use kmem::frame::{HugeCounts, huge_counts, resize_huge_pool, set_huge_overcommit};
use vfs::SeqBuf;

type Count = fn(&HugeCounts) -> usize;

fn show_count(out: &mut SeqBuf, count: Count) -> Result<()> {
    writeln!(out, "{}", count(&huge_counts())).map_err(|_| Errno::ENOMEM)
}

/// Makes the files. ENOMEM.
pub(super) fn show() -> Result<()> {
    let dir = device::sysfs_dir("kernel/mm/hugepages/hugepages-2048kB")?;
    let shown: [(&str, Count); 3] = [
        ("free_hugepages", |c| c.free),
        ("resv_hugepages", |c| c.reserved),
        ("surplus_hugepages", |c| c.surplus),
    ];
    for (name, count) in shown {
        dir.add_attribute(name, 0o444, move |out: &mut SeqBuf| show_count(out, count))?;
    }
    for number in NUMBERS {
        dir.add_attribute(number.name, 0o644, number)?;
    }
    Ok(())
}

/// A count that root sets.
struct Number {
    name: &'static str,
    count: Count,
    set: fn(usize),
}

const NUMBERS: [Number; 2] = [
    Number {
        name: "nr_hugepages",
        count: |c| c.total - c.surplus,
        set: resize_huge_pool,
    },
    Number {
        name: "nr_overcommit_hugepages",
        count: |c| c.most_surplus,
        set: set_huge_overcommit,
    },
];

impl Attribute for Number {
    fn show(&self, out: &mut SeqBuf) -> Result<()> {
        show_count(out, self.count)
    }

    fn store(&self, text: &[u8]) -> Result<usize> {
        let number = core::str::from_utf8(text).map_err(|_| Errno::EINVAL)?;
        (self.set)(number.trim().parse().map_err(|_| Errno::EINVAL)?);
        Ok(text.len())
    }
}
