// SPDX-License-Identifier: MIT OR Apache-2.0
// Writes where no module has anything to write: `where=` says where, `at=` gives the address that it can't find by itself. What
// is written is what was there, so that nothing breaks if it goes through.
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/string.h>

static char *where = "";
static unsigned long at;
module_param(where, charp, 0444);
module_param(at, ulong, 0444);

#define DIRECT_MAP 0xffff888000000000UL
#define ADDRESS 0x000ffffffffff000UL

/* Somewhere near the stack of every process. */
#define STACK 0x00007fffffffe000UL

static const int own_rodata = 1;

/* The entry of the page tables that leads to an address, at a level: 4 the uppermost. */
static unsigned long entry_of(unsigned long address, int level)
{
	unsigned long table;
	int at_level;

	asm volatile("mov %%cr3, %0" : "=r"(table));
	for (at_level = 4;; at_level--) {
		unsigned long index = address >> (12 + 9 * (at_level - 1)) & 511;
		unsigned long entry = DIRECT_MAP + (table & ADDRESS) + 8 * index;

		if (at_level == level || *(unsigned long *)entry & 0x80)
			return entry;
		table = *(unsigned long *)entry;
	}
}

struct __attribute__((packed)) table {
	unsigned short limit;
	unsigned long base;
};

static unsigned long target(void)
{
	struct table table;

	if (!strcmp(where, "kernel text"))
		return (unsigned long)_printk;
	if (!strcmp(where, "kernel rodata"))
		return (unsigned long)&kobj_sysfs_ops;
	if (!strcmp(where, "page tables"))
		return entry_of((unsigned long)_printk, 1);
	if (!strcmp(where, "page tables of modules"))
		return entry_of((unsigned long)entry_of, 1);
	if (!strcmp(where, "the root of the caller's page tables"))
		return entry_of(STACK, 4);
	if (!strcmp(where, "the caller's page tables"))
		return entry_of(STACK, 3);
	if (!strcmp(where, "interrupt table")) {
		asm volatile("sidt %0" : "=m"(table));
		return table.base;
	}
	if (!strcmp(where, "own text"))
		return (unsigned long)entry_of;
	if (!strcmp(where, "own rodata"))
		return (unsigned long)&own_rodata;
	if (!strcmp(where, "the kernel's data"))
		return (unsigned long)kernel_kobj;
	return at;
}

static int __init start(void)
{
	volatile unsigned char *byte = (void *)target();

	if (!byte)
		return -EINVAL;
	*byte = *byte;
	pr_info("wild: went through\n");
	return 0;
}

static void __exit stop(void)
{
}

module_init(start);
module_exit(stop);
MODULE_LICENSE("GPL");
