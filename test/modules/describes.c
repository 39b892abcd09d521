// SPDX-License-Identifier: MIT OR Apache-2.0
// What a module says in events of its objects, what a driver need not give back, and a device that tells by a signal.
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/kobject.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>

/* A class, a type and a bus: each adds a line. */
static int class_says(struct device *dev, struct kobj_uevent_env *env)
{
	return add_uevent_var(env, "FROM_CLASS=%s-%d", dev_name(dev), 1);
}

static int type_says(struct device *dev, struct kobj_uevent_env *env)
{
	return add_uevent_var(env, "FROM_TYPE=%d", 2);
}

static int bus_says(struct device *dev, struct kobj_uevent_env *env)
{
	int i;

	if (strcmp(dev_name(dev), "described9"))
		return add_uevent_var(env, "FROM_BUS=%d", 3);
	for (i = 0; !add_uevent_var(env, "FILLED%d=%d", i, i); i++)
		;
	pr_info("describes: full %d\n", i > 50 && env->envp_idx == UEVENT_NUM_ENVP);
	return -ENOMEM;
}

static void released(struct device *dev)
{
	pr_info("describes: %s released\n", dev_name(dev));
}

static struct class class = { .name = "described", .owner = THIS_MODULE, .dev_uevent = class_says };
static const struct device_type type = { .name = "typed", .uevent = type_says };
static struct device in_class = { .class = &class, .type = &type, .release = released };

static int matches(struct device *dev, struct device_driver *driver)
{
	return 1;
}

static void undone(void *data)
{
	pr_info("describes: undone %s\n", (char *)data);
}

static int probe(struct device *dev)
{
	char *name, *block;
	int a;

	devm_add_action(dev, undone, "first");
	name = devm_kstrdup(dev, "second", GFP_KERNEL);
	block = devm_kzalloc(dev, 100, GFP_KERNEL);
	if (!name || !block)
		return -ENOMEM;
	a = devm_add_action_or_reset(dev, undone, name);
	devm_add_action(dev, undone, "never");
	devm_remove_action(dev, undone, "never");
	pr_info("describes: probed %s %d, zeroed %d\n", dev_name(dev), a, !memchr_inv(block, 0, 100));
	devm_kfree(dev, block);
	devm_add_action(dev, undone, "last");
	if (!strcmp(dev_name(dev), "described2"))
		return dev_err_probe(dev, -EINVAL, "is refused %d\n", 2);
	return 0;
}

static int leave(struct device *dev)
{
	pr_info("describes: left %s\n", dev_name(dev));
	return 0;
}

static struct bus_type bus = { .name = "describing", .match = matches, .uevent = bus_says };
static struct device_driver driver = { .name = "describer", .bus = &bus, .probe = probe, .remove = leave };
static struct device first = { .bus = &bus, .release = released };
static struct device second = { .bus = &bus, .release = released };
static struct device ninth = { .bus = &bus, .release = released };

/* A set of objects with a word in their events. */
static int may_be_told(struct kobject *kobj)
{
	pr_info("describes: may %s be told\n", kobject_name(kobj));
	return strcmp(kobject_name(kobj), "silent") != 0;
}

static const char *subsystem(struct kobject *kobj)
{
	return "describing-set";
}

static int set_says(struct kobject *kobj, struct kobj_uevent_env *env)
{
	pr_info("describes: %s says, %d before\n", kobject_name(kobj), env->envp_idx >= 0);
	return add_uevent_var(env, "FROM_SET=%s", kobject_name(kobj));
}
static const struct kset_uevent_ops ops = { .filter = may_be_told, .name = subsystem, .uevent = set_says };
static struct kset *set;
static struct kobject loud, silent;

static void object_released(struct kobject *kobj)
{
	pr_info("describes: object %s released\n", kobject_name(kobj));
}
static struct kobj_type object_type = { .release = object_released, .sysfs_ops = &kobj_sysfs_ops };

/* Who writes to it tells all who asked to be told. */
static struct fasync_struct *listeners;

static int box_fasync(int fd, struct file *file, int on)
{
	int answer = fasync_helper(fd, file, on, &listeners);

	pr_info("describes: asked %s %d %d, listeners %d\n", fd < 0 ? "at the end" : "by a descriptor", on, answer,
		listeners != NULL);
	return answer;
}

static ssize_t box_write(struct file *file, const char __user *from, size_t count, loff_t *pos)
{
	static const int bands[] = { POLL_IN, POLL_OUT, POLL_PRI };

	kill_fasync(&listeners, SIGIO, bands[count % 3]);
	return count;
}

static int box_release(struct inode *inode, struct file *file)
{
	return box_fasync(-1, file, 0);
}
static const struct file_operations box_fops = {
	.owner = THIS_MODULE, .write = box_write, .fasync = box_fasync, .release = box_release,
};
static struct miscdevice box = { .minor = MISC_DYNAMIC_MINOR, .name = "describes", .fops = &box_fops, .mode = 0600 };

static int added(struct device *dev, const char *name)
{
	device_initialize(dev);
	dev_set_name(dev, "%s", name);
	return device_add(dev);
}

static int __init describes_init(void)
{
	int a, b, c;

	a = class_register(&class);
	b = added(&in_class, "one");
	pr_info("describes: class %d %d\n", a, b);
	a = bus_register(&bus);
	b = added(&first, "described1");
	c = added(&second, "described2");
	pr_info("describes: bus %d %d %d %d\n", a, b, c, added(&ninth, "described9"));
	device_del(&ninth);
	put_device(&ninth);
	pr_info("describes: driver %d\n", driver_register(&driver));
	pr_info("describes: bound %d %d\n", first.driver == &driver, second.driver == NULL);
	set = kset_create_and_add("describes", &ops, kernel_kobj);
	if (!set)
		return -ENOMEM;
	loud.kset = set;
	silent.kset = set;
	a = kobject_init_and_add(&loud, &object_type, NULL, "loud");
	b = kobject_init_and_add(&silent, &object_type, NULL, "silent");
	c = kobject_uevent(&loud, KOBJ_ADD);
	pr_info("describes: set %d %d, told %d %d\n", a, b, c, kobject_uevent(&silent, KOBJ_CHANGE));
	return misc_register(&box);
}

static void __exit describes_exit(void)
{
	misc_deregister(&box);
	kobject_put(&silent);
	kobject_put(&loud);
	kset_unregister(set);
	driver_unregister(&driver);
	device_unregister(&second);
	device_unregister(&first);
	bus_unregister(&bus);
	device_unregister(&in_class);
	class_unregister(&class);
}

module_init(describes_init);
module_exit(describes_exit);
MODULE_LICENSE("GPL");
