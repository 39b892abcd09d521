// SPDX-License-Identifier: GPL-2.0
//! The smallest module in Rust that does something: it remembers three numbers and says them when it goes.
#![no_std]
#![forbid(unsafe_code)]
use kernel::prelude::*;

module! {
    type: RustMinimal,
    name: "rust_minimal",
    authors: ["The Gaon contributors"],
    description: "A small module in Rust",
    license: "GPL",
    params: {
        last: i32 {
            default: 200,
            permissions: 0o644,
            description: "the last of the numbers",
        },
    },
}

struct RustMinimal {
    numbers: KVec<i32>,
}

impl Module for RustMinimal {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        pr_info!("Rust minimal sample (init)\n");
        let mut numbers = KVec::new();
        numbers.push(72, GFP_KERNEL)?;
        numbers.push(108, GFP_KERNEL)?;
        numbers.push(module_parameters::last.value(), GFP_KERNEL)?;
        Ok(Self { numbers })
    }
}

impl Drop for RustMinimal {
    fn drop(&mut self) {
        pr_info!("My numbers are {:?}\n", self.numbers);
        pr_info!("Rust minimal sample (exit)\n");
    }
}
