/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_KOBJECT_H
#define _LINUX_KOBJECT_H
#include <linux/types.h>
#include <linux/list.h>
#include <linux/sysfs.h>
#include <linux/spinlock.h>
#include <linux/kref.h>
#include <linux/kernel.h>
#include <linux/err.h>

struct kset;
struct kernfs_node;
struct kobj_uevent_env;
struct kset_uevent_ops;

/* The same as in capi/shim/src/layout.rs, all of these. */
struct kobj_type {
	void (*release)(struct kobject *kobj);
	const struct sysfs_ops *sysfs_ops;
	const struct attribute_group **default_groups;
};

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

struct kset {
	struct list_head list;
	spinlock_t list_lock;
	struct kobject kobj;
	const struct kset_uevent_ops *uevent_ops;
};

struct kobj_attribute {
	struct attribute attr;
	ssize_t (*show)(struct kobject *kobj, struct kobj_attribute *attribute, char *page);
	ssize_t (*store)(struct kobject *kobj, struct kobj_attribute *attribute, const char *page, size_t length);
};

enum kobject_action {
	KOBJ_ADD,
	KOBJ_REMOVE,
	KOBJ_CHANGE,
	KOBJ_MOVE,
	KOBJ_ONLINE,
	KOBJ_OFFLINE,
	KOBJ_BIND,
	KOBJ_UNBIND,
};

/* What functions add to an event; the same as in capi/shim/src/environment.rs. */
#define UEVENT_HELPER_PATH_LEN 256
#define UEVENT_NUM_ENVP 64
#define UEVENT_BUFFER_SIZE 2048
struct kobj_uevent_env {
	char *argv[3];
	char *envp[UEVENT_NUM_ENVP];
	int envp_idx;
	char buf[UEVENT_BUFFER_SIZE];
	int buflen;
};
struct kset_uevent_ops {
	int (*const filter)(struct kobject *kobj);
	const char *(*const name)(struct kobject *kobj);
	int (*const uevent)(struct kobject *kobj, struct kobj_uevent_env *env);
};
extern int add_uevent_var(struct kobj_uevent_env *env, const char *format, ...) __printf(2, 3);

extern const struct sysfs_ops kobj_sysfs_ops;
extern struct kobject *kernel_kobj;
extern struct kobject *fs_kobj;

extern int kobject_set_name(struct kobject *kobj, const char *format, ...) __printf(2, 3);
extern void kobject_init(struct kobject *kobj, const struct kobj_type *ktype);
extern int __must_check kobject_add(struct kobject *kobj, struct kobject *parent, const char *format, ...)
	__printf(3, 4);
extern int __must_check kobject_init_and_add(struct kobject *kobj, const struct kobj_type *ktype,
					     struct kobject *parent, const char *format, ...) __printf(4, 5);
extern void kobject_del(struct kobject *kobj);
extern struct kobject *__must_check kobject_create_and_add(const char *name, struct kobject *parent);
extern struct kobject *kobject_get(struct kobject *kobj);
extern void kobject_put(struct kobject *kobj);
extern int kobject_uevent(struct kobject *kobj, enum kobject_action action);
extern int kobject_uevent_env(struct kobject *kobj, enum kobject_action action, char *lines[]);
extern int __must_check kset_register(struct kset *kset);
extern void kset_unregister(struct kset *kset);
extern struct kset *__must_check kset_create_and_add(const char *name, const struct kset_uevent_ops *ops,
						     struct kobject *parent);

static inline const char *kobject_name(const struct kobject *kobj) { return kobj->name; }
static inline struct kset *to_kset(struct kobject *kobj)
{
	return kobj ? container_of(kobj, struct kset, kobj) : NULL;
}
static inline struct kset *kset_get(struct kset *kset)
{
	return kset ? to_kset(kobject_get(&kset->kobj)) : NULL;
}
static inline void kset_put(struct kset *kset) { kobject_put(&kset->kobj); }

#endif
