// SPDX-License-Identifier: MIT OR Apache-2.0
// Fails on purpose: what is written to /proc/crash says how. `init=KIND` fails while it is loaded.
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "fail.h"

static char *init = "";
module_param(init, charp, 0444);
MODULE_PARM_DESC(init, "how to fail while loading");

static struct proc_dir_entry *entry;
static ssize_t crash_write(struct file *file, const char __user *buffer, size_t count, loff_t *pos)
{
	char kind[32] = "";

	if (copy_from_user(kind, buffer, min(count, sizeof(kind) - 1)))
		return -EFAULT;
	fail(strim(kind));
	return count;
}

static const struct proc_ops ops = { .proc_write = crash_write };

static int __init crash_init(void)
{
	void *left = kmalloc(64, GFP_KERNEL);

	if (!left)
		return -ENOMEM;
	entry = proc_create("crash", 0666, NULL, &ops);
	if (!entry) {
		kfree(left);
		return -ENOMEM;
	}
	fail(init);
	return 0;
}

static void __exit crash_exit(void)
{
	proc_remove(entry);
}

module_init(crash_init);
module_exit(crash_exit);
MODULE_LICENSE("Dual MIT/GPL");
