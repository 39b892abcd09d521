/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_SYSFS_H
#define _LINUX_SYSFS_H
/* Files of objects: a page of text each. */
#include <linux/types.h>
#include <linux/compiler.h>
#include <linux/stat.h>

struct kobject;

struct attribute {
	const char *name;
	umode_t mode;
};

/* The same as in capi/shim/src/layout.rs. */
struct attribute_group {
	const char *name;
	umode_t (*is_visible)(struct kobject *kobj, struct attribute *attribute, int index);
	struct attribute **attrs;
};

struct sysfs_ops {
	ssize_t (*show)(struct kobject *kobj, struct attribute *attribute, char *page);
	ssize_t (*store)(struct kobject *kobj, struct attribute *attribute, const char *page, size_t length);
};

#define VERIFY_OCTAL_PERMISSIONS(permissions) (permissions)
#define sysfs_attr_init(attribute) do { } while (0)

#define __ATTR(_name, _mode, _show, _store) { \
	.attr = { .name = __stringify(_name), .mode = VERIFY_OCTAL_PERMISSIONS(_mode) }, \
	.show = _show, \
	.store = _store, \
}
#define __ATTR_RO(_name) { .attr = { .name = __stringify(_name), .mode = 0444 }, .show = _name##_show }
#define __ATTR_RO_MODE(_name, _mode) { .attr = { .name = __stringify(_name), .mode = _mode }, .show = _name##_show }
#define __ATTR_WO(_name) { .attr = { .name = __stringify(_name), .mode = 0200 }, .store = _name##_store }
#define __ATTR_RW(_name) __ATTR(_name, 0644, _name##_show, _name##_store)
#define __ATTR_RW_MODE(_name, _mode) __ATTR(_name, _mode, _name##_show, _name##_store)
#define __ATTR_NULL { .attr = { .name = NULL } }

#define __ATTRIBUTE_GROUPS(_name) \
	static const struct attribute_group *_name##_groups[] = { &_name##_group, NULL }
#define ATTRIBUTE_GROUPS(_name) \
	static const struct attribute_group _name##_group = { .attrs = _name##_attrs }; \
	__ATTRIBUTE_GROUPS(_name)

extern int __must_check sysfs_create_file_ns(struct kobject *kobj, const struct attribute *attribute, const void *ns);
extern void sysfs_remove_file_ns(struct kobject *kobj, const struct attribute *attribute, const void *ns);
extern int __must_check sysfs_create_files(struct kobject *kobj, const struct attribute *const *list);
extern void sysfs_remove_files(struct kobject *kobj, const struct attribute *const *list);
extern int __must_check sysfs_create_group(struct kobject *kobj, const struct attribute_group *group);
extern int __must_check sysfs_create_groups(struct kobject *kobj, const struct attribute_group **groups);
extern void sysfs_remove_group(struct kobject *kobj, const struct attribute_group *group);
extern void sysfs_remove_groups(struct kobject *kobj, const struct attribute_group **groups);
extern int __must_check sysfs_create_link(struct kobject *kobj, struct kobject *target, const char *name);
extern void sysfs_remove_link(struct kobject *kobj, const char *name);
extern void sysfs_notify(struct kobject *kobj, const char *directory, const char *name);
extern int sysfs_emit(char *page, const char *format, ...) __printf(2, 3);
extern int sysfs_emit_at(char *page, int from, const char *format, ...) __printf(3, 4);

static inline int __must_check sysfs_create_file(struct kobject *kobj, const struct attribute *attribute)
{
	return sysfs_create_file_ns(kobj, attribute, NULL);
}
static inline void sysfs_remove_file(struct kobject *kobj, const struct attribute *attribute)
{
	sysfs_remove_file_ns(kobj, attribute, NULL);
}

#endif
