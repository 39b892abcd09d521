// SPDX-License-Identifier: GPL-2.0
//! /proc/rust_counter: how often it was read, and what writing a number to it has done. Spinlock, procfs, work for later,
//! and the ways in which a module can go wrong.
#![no_std]
#![forbid(unsafe_code)]
use core::fmt::Write;
use core::time::Duration;
use kernel::prelude::*;
use kernel::procfs::{ProcEntry, ProcFile};
use kernel::sync::{Arc, SpinLock};
use kernel::uaccess::UserSliceReader;
use kernel::{time, workqueue};

module! {
    type: RustCounter,
    name: "rust_counter",
    authors: ["The Gaon contributors"],
    description: "A counter in Rust behind a file in /proc",
    license: "GPL",
    params: {
        start: u32 { default: 0, permissions: 0o444, description: "where it begins" },
    },
}

struct RustCounter {
    _file: ProcEntry<Counter>,
}

#[derive(Default)]
struct Counts {
    reads: u32,
    sum: u32,
    works: u32,
}

struct Counter(Arc<SpinLock<Counts>>);

impl Module for RustCounter {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let counts = Counts {
            sum: module_parameters::start.value(),
            ..Counts::default()
        };
        let counter = Counter(Arc::new(SpinLock::new(counts), GFP_KERNEL)?);
        Ok(Self {
            _file: ProcEntry::new(c"rust_counter", 0o644, counter)?,
        })
    }
}

impl ProcFile for Counter {
    fn show(&self, text: &mut dyn Write) -> Result {
        let (reads, sum, works) = {
            let mut counts = self.0.lock();
            counts.reads += 1;
            (counts.reads, counts.sum, counts.works)
        };
        writeln!(text, "reads {reads}\nsum {sum}\nworks {works}")?;
        Ok(())
    }

    /// A number is added; `later` has a kernel thread count, `panic` and `index` show what becomes of a module that panics.
    fn write(&self, from: &mut UserSliceReader) -> Result<usize> {
        let mut bytes = KVec::from_elem(0, from.len(), GFP_KERNEL)?;
        let length = bytes.len();
        from.read_slice(&mut bytes)?;
        match core::str::from_utf8(&bytes)?.trim() {
            "later" => self.later()?,
            "panic" => panic!("somebody asked for it"),
            "index" => bytes[length] += 1,
            number => {
                let number: u32 = number.parse()?;
                let mut counts = self.0.lock();
                counts.sum = counts.sum.checked_add(number).ok_or(ERANGE)?;
            }
        }
        Ok(length)
    }
}

impl Counter {
    fn later(&self) -> Result {
        let counts = self.0.clone();
        let work = move || {
            time::sleep(Duration::from_millis(1));
            counts.lock().works += 1;
        };
        Ok(workqueue::system().try_spawn(GFP_KERNEL, work)?)
    }
}
