/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_MISCDEVICE_H
#define _LINUX_MISCDEVICE_H
#include <linux/types.h>
#include <linux/list.h>
#include <linux/device.h>
#include <linux/fs.h>

#define MISC_MAJOR 10
#define MISC_DYNAMIC_MINOR 255

/* The same as in capi/shim/src/layout.rs. */
struct miscdevice {
	int minor;
	const char *name;
	const struct file_operations *fops;
	struct list_head list;
	struct device *parent;
	struct device *this_device;
	const struct attribute_group **groups;
	const char *nodename;
	umode_t mode;
};

extern int misc_register(struct miscdevice *misc);
extern void misc_deregister(struct miscdevice *misc);

#define module_misc_device(misc) module_driver(misc, misc_register, misc_deregister)
#define builtin_misc_device(misc) module_misc_device(misc)

#define MODULE_ALIAS_MISCDEV(minor) MODULE_ALIAS("char-major-" __stringify(MISC_MAJOR) "-" __stringify(minor))

#endif
