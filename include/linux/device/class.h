/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_DEVICE_CLASS_H
#define _LINUX_DEVICE_CLASS_H
#include <linux/types.h>
#include <linux/export.h>
#include <linux/kobject.h>
#include <linux/mutex.h>

struct module;
struct device;

/* The same as in capi/shim/src/layout.rs. */
struct class {
	const char *name;
	struct module *owner;
	const struct attribute_group **class_groups;
	const struct attribute_group **dev_groups;
	int (*dev_uevent)(struct device *dev, struct kobj_uevent_env *env);
	char *(*devnode)(struct device *dev, umode_t *mode);
	void (*class_release)(struct class *class);
	void (*dev_release)(struct device *dev);
};

struct class_attribute {
	struct attribute attr;
	ssize_t (*show)(struct class *class, struct class_attribute *attribute, char *page);
	ssize_t (*store)(struct class *class, struct class_attribute *attribute, const char *page, size_t length);
};
#define CLASS_ATTR_RW(_name) struct class_attribute class_attr_##_name = __ATTR_RW(_name)
#define CLASS_ATTR_RO(_name) struct class_attribute class_attr_##_name = __ATTR_RO(_name)
#define CLASS_ATTR_WO(_name) struct class_attribute class_attr_##_name = __ATTR_WO(_name)

extern struct class *__class_create(struct module *owner, const char *name, struct lock_class_key *key);
extern void class_destroy(struct class *class);
extern int __class_register(struct class *class, struct lock_class_key *key);
extern void class_unregister(struct class *class);
extern int __must_check class_create_file_ns(struct class *class, const struct class_attribute *attribute,
					     const void *ns);
extern void class_remove_file_ns(struct class *class, const struct class_attribute *attribute, const void *ns);

static inline int __must_check class_create_file(struct class *class, const struct class_attribute *attribute)
{
	return class_create_file_ns(class, attribute, NULL);
}
static inline void class_remove_file(struct class *class, const struct class_attribute *attribute)
{
	class_remove_file_ns(class, attribute, NULL);
}

#define class_register(class) ({ static struct lock_class_key __key; __class_register((class), &__key); })

/* class_create(owner, name), or as later kernels have it class_create(name). */
#define __class_create_2(owner, name) ({ \
	static struct lock_class_key __key; \
	__class_create((owner), (name), &__key); })
#define __class_create_1(name) __class_create_2(THIS_MODULE, name)
#define __class_create_nth(first, second, which, ...) which
#define class_create(...) \
	__class_create_nth(__VA_ARGS__, __class_create_2, __class_create_1)(__VA_ARGS__)

#endif
