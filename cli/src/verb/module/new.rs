//! `gaon module new`: a module to begin with.

use crate::verb::build;
use anyhow::{Context, Result, bail};
use std::path::Path;

const SOURCE: &str = r#"// SPDX-License-Identifier: GPL-2.0
// NAME: what it does.
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/module.h>

static int number = 1;
module_param(number, int, 0644);
MODULE_PARM_DESC(number, "a number to greet with");

static int __init NAME_init(void)
{
	pr_info("NAME: hello, %d\n", number);
	return 0;
}

static void __exit NAME_exit(void)
{
	pr_info("NAME: goodbye\n");
}

module_init(NAME_init);
module_exit(NAME_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("NAME");
"#;

const RUST: &str = r#"// SPDX-License-Identifier: GPL-2.0
//! NAME: what it does.
#![no_std]
#![forbid(unsafe_code)]
use kernel::prelude::*;

module! {
    type: TYPE,
    name: "NAME",
    authors: ["somebody"],
    description: "NAME",
    license: "GPL",
    params: {
        number: i32 { default: 1, permissions: 0o644, description: "a number to greet with" },
    },
}

struct TYPE;

impl Module for TYPE {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        pr_info!("hello, {}\n", module_parameters::number.value());
        Ok(Self)
    }
}

impl Drop for TYPE {
    fn drop(&mut self) {
        pr_info!("goodbye\n");
    }
}
"#;

const MAKEFILE: &str = r#"# make, make clean; make KDIR=/lib/modules/$(uname -r)/build for the kernel of this machine
KDIR ?= FOLDER
ifneq ($(KERNELRELEASE),)
obj-m := NAME.o
else
all:
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules
clean:
	$(MAKE) -C $(KDIR) M=$(CURDIR) clean
endif
"#;

pub(super) fn run(name: &str, rust: bool) -> Result<u8> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || !name.chars().all(plain) {
        bail!("{name}: a module's name is a letter, then letters, digits and underscores");
    }
    let folder = Path::new(name);
    std::fs::create_dir(folder).with_context(|| name.to_owned())?;
    let kdir = build::module_folder()?;
    let makefile = MAKEFILE
        .replace("NAME", name)
        .replace("FOLDER", &kdir.display().to_string());
    std::fs::write(folder.join("Makefile"), makefile)?;
    let (source, ending) = if rust { (RUST, "rs") } else { (SOURCE, "c") };
    let source = source.replace("NAME", name).replace("TYPE", &camel(name));
    std::fs::write(folder.join(format!("{name}.{ending}")), source)?;
    println!("make -C {name} && ./gaon run --module {name}/{name}.ko -- dmesg");
    Ok(0)
}

/// `some_name` as the name of a type: `SomeName`.
fn camel(name: &str) -> String {
    let mut out = String::new();
    for part in name.split('_') {
        let mut letters = part.chars();
        out.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        out.push_str(letters.as_str());
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_of_types() {
        assert_eq!(super::camel("some_name2"), "SomeName2");
        assert_eq!(super::camel("x__y_"), "XY");
    }
}
