// SPDX-License-Identifier: MIT OR Apache-2.0
// Has the kernel report it in every way that names its functions: the test knows by heart on which lines they stand.
#include <linux/bug.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/string.h>

static char *kind = "";
module_param(kind, charp, 0444);
static volatile unsigned long nowhere;

static __always_inline void write_to(unsigned long address)
{
	*(volatile int *)address = 1;
}

static noinline void inner(void)
{
	if (!strcmp(kind, "dump"))
		dump_stack();
	if (!strcmp(kind, "warn"))
		WARN_ON(!nowhere);
	if (!strcmp(kind, "bug"))
		BUG_ON(!nowhere);
	if (!strcmp(kind, "null"))
		write_to(nowhere);
	barrier();
}

static noinline void outer(void)
{
	pr_info("lines: by %pS\n",
		outer);
	inner();
	barrier();
}

static int __init start(void)
{
	outer();
	return 0;
}

static void __exit stop(void)
{
}

module_init(start);
module_exit(stop);
MODULE_LICENSE("GPL");
