// SPDX-License-Identifier: MIT OR Apache-2.0
// Objects in sysfs, a class with attributes, a misc device that can be polled, debugfs.
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/kobject.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/sysfs.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

static int number = 3;
static u32 counter = 5;
static u16 bits = 0xab;
static bool truth = true;
static char text[] = "a blob\n";
static struct debugfs_blob_wrapper blob = { text, sizeof(text) - 1 };

static ssize_t number_show(struct kobject *kobj, struct kobj_attribute *attribute, char *page)
{
	return sysfs_emit(page, "%s %d\n", kobject_name(kobj), number);
}

static ssize_t number_store(struct kobject *kobj, struct kobj_attribute *attribute, const char *page, size_t length)
{
	int error = kstrtoint(page, 0, &number);

	sysfs_notify(kobj, NULL, "number");
	return error ? error : length;
}
static struct kobj_attribute number_attribute = __ATTR(number, 0644, number_show, number_store);
static struct kobj_attribute empty_attribute = __ATTR(empty, 0600, NULL, NULL);
static struct attribute *plain[] = { &number_attribute.attr, &empty_attribute.attr, NULL };
static struct attribute_group in_group = { .name = "group", .attrs = plain };
static struct kobject *object, *second;

/* An object of our own, with a type. */
struct thing {
	int value;
	struct kobject kobj;
};

static ssize_t thing_show(struct kobject *kobj, struct attribute *attribute, char *page)
{
	struct thing *thing = container_of(kobj, struct thing, kobj);

	return sprintf(page, "%s of %s is %d\n", attribute->name, kobj->name, thing->value);
}

static ssize_t thing_store(struct kobject *kobj, struct attribute *attribute, const char *page, size_t length)
{
	return kstrtoint(page, 0, &container_of(kobj, struct thing, kobj)->value) ? -ERANGE : length;
}

static void thing_release(struct kobject *kobj)
{
	pr_info("model: thing %d released\n", container_of(kobj, struct thing, kobj)->value);
	kfree(container_of(kobj, struct thing, kobj));
}

static const struct sysfs_ops thing_ops = { .show = thing_show, .store = thing_store };
static struct attribute thing_first = { .name = "first", .mode = 0644 };
static struct attribute thing_other = { .name = "other", .mode = 0444 };
static struct attribute *thing_attrs[] = { &thing_first, &thing_other, NULL };
ATTRIBUTE_GROUPS(thing);
static struct kobj_type thing_type = {
	.release = thing_release, .sysfs_ops = &thing_ops, .default_groups = thing_groups,
};
static struct kset *things;
static struct thing *thing;

/* A class, and two devices of it: one that is created, one of our own. */
static struct class *class;
static struct device *created;
static struct device own;

static ssize_t version_show(struct class *class, struct class_attribute *attribute, char *page)
{
	return sprintf(page, "1.5\n");
}
static CLASS_ATTR_RO(version);

static ssize_t size_show(struct device *dev, struct device_attribute *attribute, char *page)
{
	return sprintf(page, "%s %ld\n", dev_name(dev), (long)dev_get_drvdata(dev));
}

static ssize_t size_store(struct device *dev, struct device_attribute *attribute, const char *page, size_t length)
{
	long size;
	int error = kstrtol(page, 0, &size);

	if (error)
		return error;
	dev_set_drvdata(dev, (void *)size);
	return length;
}
static DEVICE_ATTR_RW(size);
static struct attribute *size_attrs[] = { &dev_attr_size.attr, NULL };
ATTRIBUTE_GROUPS(size);

static char *node(struct device *dev, umode_t *mode)
{
	char *name;

	if (mode)
		*mode = 0640;
	name = kmalloc(32, GFP_KERNEL);
	if (name)
		snprintf(name, 32, "model/%s", dev_name(dev));
	return name;
}

static void own_release(struct device *dev)
{
	pr_info("model: %s released\n", dev_name(dev));
}

/* A misc device: what is written can be read once, and who polls is told. */
static DECLARE_WAIT_QUEUE_HEAD(queue);
static int full;

static int box_open(struct inode *inode, struct file *file)
{
	struct miscdevice *misc = file->private_data;

	pr_info("model: %s opened, minor %d\n", misc->name, iminor(inode) == misc->minor);
	return 0;
}

static ssize_t box_read(struct file *file, char __user *buffer, size_t count, loff_t *pos)
{
	if (!full && file->f_flags & O_NONBLOCK)
		return -EAGAIN;
	if (wait_event_interruptible(queue, full))
		return -ERESTARTSYS;
	full = 0;
	wake_up_interruptible(&queue);
	return put_user('x', buffer) ? -EFAULT : 1;
}

static ssize_t box_write(struct file *file, const char __user *buffer, size_t count, loff_t *pos)
{
	full = 1;
	wake_up_interruptible(&queue);
	return count;
}

static __poll_t box_poll(struct file *file, poll_table *table)
{
	poll_wait(file, &queue, table);
	return full ? EPOLLIN | EPOLLRDNORM : EPOLLOUT | EPOLLWRNORM;
}

static loff_t box_llseek(struct file *file, loff_t offset, int whence)
{
	return fixed_size_llseek(file, offset, whence, 100);
}

static const struct file_operations box_fops = {
	.owner = THIS_MODULE, .open = box_open, .read = box_read, .write = box_write, .poll = box_poll,
	.llseek = box_llseek,
};
static struct miscdevice box = { .minor = MISC_DYNAMIC_MINOR, .name = "modelbox", .fops = &box_fops, .mode = 0666 };

/* debugfs */
static ssize_t text_read(struct file *file, char __user *buffer, size_t count, loff_t *pos)
{
	return simple_read_from_buffer(buffer, count, pos, file->private_data, strlen(file->private_data));
}

static ssize_t text_write(struct file *file, const char __user *buffer, size_t count, loff_t *pos)
{
	return simple_write_to_buffer(text, sizeof(text) - 1, pos, buffer, count);
}
static const struct file_operations text_fops = {
	.owner = THIS_MODULE, .open = simple_open, .read = text_read, .write = text_write, .llseek = default_llseek,
};
static struct dentry *folder;

static int __init model_init(void)
{
	int error;

	object = kobject_create_and_add("model", kernel_kobj);
	if (!object)
		return -ENOMEM;
	error = sysfs_create_file(object, &number_attribute.attr);
	pr_info("model: file %d, again %d\n", error, sysfs_create_file(object, &number_attribute.attr));
	pr_info("model: group %d\n", sysfs_create_group(object, &in_group));
	second = kobject_create_and_add("second", object);
	pr_info("model: link %d\n", sysfs_create_link(object, second, "link"));
	pr_info("model: taken %d\n", !kobject_create_and_add("second", object));

	things = kset_create_and_add("things", NULL, object);
	thing = kzalloc(sizeof(*thing), GFP_KERNEL);
	if (!things || !thing)
		return -ENOMEM;
	thing->value = 42;
	thing->kobj.kset = things;
	pr_info("model: thing %d\n", kobject_init_and_add(&thing->kobj, &thing_type, NULL, "thing%d", 7));
	kobject_uevent(&thing->kobj, KOBJ_ADD);

	class = class_create(THIS_MODULE, "modelclass");
	if (IS_ERR(class))
		return PTR_ERR(class);
	pr_info("model: class again %d\n", (int)PTR_ERR(class_create(THIS_MODULE, "modelclass")));
	class->devnode = node;
	class->dev_groups = size_groups;
	pr_info("model: class file %d\n", class_create_file(class, &class_attr_version));
	created = device_create(class, NULL, MKDEV(400, 7), (void *)11, "created%d", 1);
	pr_info("model: created %d, again %d\n", IS_ERR(created),
		(int)PTR_ERR(device_create(class, NULL, MKDEV(400, 8), NULL, "created1")));
	own.class = class;
	own.parent = created;
	own.release = own_release;
	dev_set_name(&own, "own");
	dev_set_drvdata(&own, (void *)22);
	pr_info("model: own %d\n", device_register(&own));
	dev_info(&own, "says %d\n", 1);
	dev_err(created, "says %s\n", "two");

	pr_info("model: misc %d %d\n", misc_register(&box), box.minor < 255 && box.this_device != NULL);

	folder = debugfs_create_dir("model", NULL);
	debugfs_create_u32("counter", 0644, folder, &counter);
	debugfs_create_x16("bits", 0444, folder, &bits);
	debugfs_create_bool("truth", 0600, folder, &truth);
	debugfs_create_blob("blob", 0444, folder, &blob);
	pr_info("model: debugfs %d %d\n", IS_ERR(folder),
		IS_ERR(debugfs_create_file("text", 0644, folder, text, &text_fops)));
	pr_info("model: taken %d\n", (int)PTR_ERR(debugfs_create_dir("model", NULL)));
	return 0;
}

static void __exit model_exit(void)
{
	debugfs_remove(folder);
	misc_deregister(&box);
	device_unregister(&own);
	device_destroy(class, MKDEV(400, 7));
	class_destroy(class);
	kobject_put(&thing->kobj);
	kset_unregister(things);
	kobject_put(second);
	kobject_put(object);
	pr_info("model: counter %u bits %x truth %d text %s", counter, bits, truth, text);
}

module_init(model_init);
module_exit(model_exit);
MODULE_LICENSE("GPL");
