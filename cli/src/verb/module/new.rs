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

pub(super) fn run(name: &str) -> Result<u8> {
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
    std::fs::write(
        folder.join(format!("{name}.c")),
        SOURCE.replace("NAME", name),
    )?;
    println!("make -C {name} && ./gaon run --module {name}/{name}.ko -- dmesg");
    Ok(0)
}
