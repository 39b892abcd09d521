// SPDX-License-Identifier: MIT OR Apache-2.0
// Uses memory as it must not: one byte too far, and after it was freed.
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/slab.h>

static char *kind = "";
module_param(kind, charp, 0444);

static noinline char *take_block(void)
{
	char *block = kmalloc(100, GFP_KERNEL);

	barrier(); /* no tail call: the report names this function */
	return block;
}

static noinline void free_block(char *block)
{
	kfree(block);
	barrier();
}

static int __init start(void)
{
	char *block = take_block();

	if (!block)
		return -ENOMEM;
	if (!strcmp(kind, "right"))
		block[99] = 1;
	if (!strcmp(kind, "over"))
		block[100] = 1;
	free_block(block);
	if (!strcmp(kind, "late"))
		block[7] = 1;
	if (!strcmp(kind, "again"))
		free_block(block);
	return 0;
}

static void __exit stop(void)
{
}

module_init(start);
module_exit(stop);
MODULE_LICENSE("GPL");
