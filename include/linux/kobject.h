/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_KOBJECT_H
#define _LINUX_KOBJECT_H
#include <linux/types.h>
#include <linux/list.h>
#include <linux/kref.h>
#include <linux/kernel.h>
#include <linux/err.h>

struct kset;
struct kobj_type;
struct kernfs_node;

/* The same as in capi/shim/src/layout.rs. */
struct kobject {
	const char *name;
	struct list_head entry;
	struct kobject *parent;
	struct kset *kset;
	const struct kobj_type *ktype;
	struct kernfs_node *sd;
	struct kref kref;
	unsigned int state_initialized:1;
	unsigned int state_in_sysfs:1;
	unsigned int state_add_uevent_sent:1;
	unsigned int state_remove_uevent_sent:1;
	unsigned int uevent_suppress:1;
};

static inline const char *kobject_name(const struct kobject *kobj) { return kobj->name; }

#endif
