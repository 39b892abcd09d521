/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_DEVICE_H
#define _LINUX_DEVICE_H
#include <linux/types.h>
#include <linux/kobject.h>
#include <linux/kdev_t.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/stat.h>
#include <linux/uidgid.h>
#include <linux/dev_printk.h>
#include <linux/device/class.h>
#include <linux/device/bus.h>
#include <linux/device/driver.h>

struct bus_type;
struct device_driver;
struct device_node;
struct fwnode_handle;
struct device_private;

/* The same as in capi/shim/src/layout.rs, all of these. */
struct device_type {
	const char *name;
	const struct attribute_group **groups;
	int (*uevent)(struct device *dev, struct kobj_uevent_env *env);
	char *(*devnode)(struct device *dev, umode_t *mode, kuid_t *uid, kgid_t *gid);
	void (*release)(struct device *dev);
};

struct device {
	struct kobject kobj;
	struct device *parent;
	struct device_private *p;
	const char *init_name;
	const struct device_type *type;
	struct bus_type *bus;
	struct device_driver *driver;
	void *platform_data;
	void *driver_data;
	struct mutex mutex;
	u64 *dma_mask;
	u64 coherent_dma_mask;
	struct device_node *of_node;
	struct fwnode_handle *fwnode;
	dev_t devt;
	u32 id;
	struct class *class;
	const struct attribute_group **groups;
	void (*release)(struct device *dev);
};

static inline void *dev_get_drvdata(const struct device *dev) { return dev->driver_data; }
static inline void dev_set_drvdata(struct device *dev, void *data) { dev->driver_data = data; }
static inline void *dev_get_platdata(const struct device *dev) { return dev->platform_data; }
static inline const char *dev_name(const struct device *dev)
{
	return dev->init_name ? dev->init_name : dev->kobj.name;
}

struct device_attribute {
	struct attribute attr;
	ssize_t (*show)(struct device *dev, struct device_attribute *attribute, char *page);
	ssize_t (*store)(struct device *dev, struct device_attribute *attribute, const char *page, size_t length);
};
#define DEVICE_ATTR(_name, _mode, _show, _store) \
	struct device_attribute dev_attr_##_name = __ATTR(_name, _mode, _show, _store)
#define DEVICE_ATTR_RW(_name) struct device_attribute dev_attr_##_name = __ATTR_RW(_name)
#define DEVICE_ATTR_RO(_name) struct device_attribute dev_attr_##_name = __ATTR_RO(_name)
#define DEVICE_ATTR_WO(_name) struct device_attribute dev_attr_##_name = __ATTR_WO(_name)
#define DEVICE_ATTR_ADMIN_RW(_name) struct device_attribute dev_attr_##_name = __ATTR_RW_MODE(_name, 0600)
#define DEVICE_ATTR_ADMIN_RO(_name) struct device_attribute dev_attr_##_name = __ATTR_RO_MODE(_name, 0400)

static inline struct device *kobj_to_dev(struct kobject *kobj) { return container_of(kobj, struct device, kobj); }
static inline void device_lock(struct device *dev) { mutex_lock(&dev->mutex); }
static inline void device_unlock(struct device *dev) { mutex_unlock(&dev->mutex); }

extern int dev_set_name(struct device *dev, const char *format, ...) __printf(2, 3);
extern void device_initialize(struct device *dev);
extern int __must_check device_add(struct device *dev);
extern int __must_check device_register(struct device *dev);
extern void device_del(struct device *dev);
extern void device_unregister(struct device *dev);
extern struct device *get_device(struct device *dev);
extern void put_device(struct device *dev);
extern int device_create_file(struct device *dev, const struct device_attribute *attribute);
extern void device_remove_file(struct device *dev, const struct device_attribute *attribute);
extern struct device *device_create_with_groups(struct class *class, struct device *parent, dev_t number,
						void *drvdata, const struct attribute_group **groups,
						const char *format, ...) __printf(6, 7);
extern struct device *device_create(struct class *class, struct device *parent, dev_t number, void *drvdata,
				    const char *format, ...) __printf(5, 6);
extern void device_destroy(struct class *class, dev_t number);

/* What goes when the driver leaves the device. */
extern void *devm_kmalloc(struct device *dev, size_t size, gfp_t flags) __malloc;
extern void devm_kfree(struct device *dev, const void *block);
extern int devm_add_action(struct device *dev, void (*action)(void *data), void *data);
extern void devm_remove_action(struct device *dev, void (*action)(void *data), void *data);
static inline void *devm_kzalloc(struct device *dev, size_t size, gfp_t flags)
{
	return devm_kmalloc(dev, size, flags | __GFP_ZERO);
}
static inline void *devm_kmalloc_array(struct device *dev, size_t n, size_t size, gfp_t flags)
{
	size_t bytes;
	return __builtin_mul_overflow(n, size, &bytes) ? NULL : devm_kmalloc(dev, bytes, flags);
}
static inline void *devm_kcalloc(struct device *dev, size_t n, size_t size, gfp_t flags)
{
	return devm_kmalloc_array(dev, n, size, flags | __GFP_ZERO);
}
static inline void *devm_kmemdup(struct device *dev, const void *from, size_t length, gfp_t flags)
{
	void *copy = devm_kmalloc(dev, length, flags);
	return copy ? memcpy(copy, from, length) : NULL;
}
static inline char *devm_kstrdup(struct device *dev, const char *text, gfp_t flags)
{
	return text ? devm_kmemdup(dev, text, strlen(text) + 1, flags) : NULL;
}
static inline int devm_add_action_or_reset(struct device *dev, void (*action)(void *data), void *data)
{
	int error = devm_add_action(dev, action, data);
	if (error)
		action(data);
	return error;
}

/* The init and exit of a module that has nothing but this to register. */
#define module_driver(__driver, __register, __unregister, ...) \
	static int __init __driver##_init(void) { return __register(&(__driver), ##__VA_ARGS__); } \
	module_init(__driver##_init); \
	static void __exit __driver##_exit(void) { __unregister(&(__driver), ##__VA_ARGS__); } \
	module_exit(__driver##_exit)

/* Names that a node is opened by when its driver is not there yet. */
#define MODULE_ALIAS_CHARDEV(major, minor) \
	MODULE_ALIAS("char-major-" __stringify(major) "-" __stringify(minor))
#define MODULE_ALIAS_CHARDEV_MAJOR(major) MODULE_ALIAS("char-major-" __stringify(major) "-*")

#endif
