// SPDX-License-Identifier: MIT OR Apache-2.0
// Shows where it is.
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/module.h>

static int depth;

static noinline void inner(void)
{
	dump_stack();
	depth++;
}

static noinline void outer(void)
{
	inner();
	depth++;
}

static int __init dumps_init(void)
{
	pr_info("dumps: before\n");
	outer();
	pr_info("dumps: after\n");
	return 0;
}

static void __exit dumps_exit(void)
{
}

module_init(dumps_init);
module_exit(dumps_exit);
MODULE_LICENSE("GPL");
