/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_CDEV_H
#define _LINUX_CDEV_H
#include <linux/kobject.h>
#include <linux/kdev_t.h>
#include <linux/list.h>
#include <linux/fs.h>

struct file_operations;
struct module;

/* The same as in capi/shim/src/layout.rs. */
struct cdev {
	struct kobject kobj;
	struct module *owner;
	const struct file_operations *ops;
	struct list_head list;
	dev_t dev;
	unsigned int count;
};

extern void cdev_init(struct cdev *cdev, const struct file_operations *ops);
extern struct cdev *cdev_alloc(void);
extern int cdev_add(struct cdev *cdev, dev_t first, unsigned int count);
extern void cdev_del(struct cdev *cdev);

#endif
