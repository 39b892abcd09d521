// SPDX-License-Identifier: MIT OR Apache-2.0
// The device model by hand: objects, sets, classes, devices, drivers, files of all of them, and the kinds of debugfs files.
#include <linux/cdev.h>
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

static ssize_t where_show(struct kobject *kobj, struct kobj_attribute *attribute, char *page)
{
	int len = sysfs_emit(page, "%s", kobject_name(kobj));

	return len + sysfs_emit_at(page, len, " %s\n", attribute->attr.name);
}
static struct kobj_attribute first = __ATTR(first, 0444, where_show, NULL);
static struct kobj_attribute second = __ATTR(second, 0444, where_show, NULL);
static struct kobj_attribute third = __ATTR(third, 0444, where_show, NULL);
static struct attribute *two[] = { &first.attr, &second.attr, NULL };
static struct attribute *one[] = { &third.attr, NULL };
static const struct attribute_group a_group = { .name = "a", .attrs = two };
static const struct attribute_group b_group = { .name = "b", .attrs = one };
static const struct attribute_group plain_group = { .attrs = one };
static const struct attribute_group *groups[] = { &a_group, &b_group, NULL };

static void object_release(struct kobject *kobj)
{
	pr_info("objects: %s released\n", kobject_name(kobj));
}
static struct kobj_type type = { .release = object_release, .sysfs_ops = &kobj_sysfs_ops };
static struct kobject object;
static struct kset set;
static struct kobject *below_fs;

static void objects(void)
{
	char *lines[] = { "OBJECTS=1", NULL };
	int a, b, c;

	kobject_init(&object, &type);
	a = kobject_set_name(&object, "objects-%s", "first");
	pr_info("objects: named %d %s\n", a, kobject_name(&object));
	a = kobject_uevent_env(&object, KOBJ_CHANGE, lines);
	b = kobject_add(&object, kernel_kobj, "objects-%d", 1);
	pr_info("objects: not shown %d, added %d %s\n", a, b, kobject_name(&object));
	pr_info("objects: got %d\n", kobject_get(&object) == &object);
	kobject_put(&object);

	a = sysfs_create_files(&object, (const struct attribute *const *)two);
	sysfs_remove_files(&object, (const struct attribute *const *)two);
	b = sysfs_create_file(&object, &second.attr);
	sysfs_remove_file(&object, &second.attr);
	c = sysfs_create_files(&object, (const struct attribute *const *)two);
	pr_info("objects: files %d %d %d\n", a, b, c);
	a = sysfs_create_groups(&object, groups);
	sysfs_remove_groups(&object, groups);
	b = sysfs_create_groups(&object, groups);
	sysfs_remove_group(&object, &b_group);
	c = sysfs_create_group(&object, &plain_group);
	pr_info("objects: groups %d %d %d\n", a, b, c);
	a = sysfs_create_link(&object, kernel_kobj, "link");
	sysfs_remove_link(&object, "link");
	b = sysfs_create_link(&object, kernel_kobj, "link");
	pr_info("objects: links %d %d\n", a, b);

	a = kobject_set_name(&set.kobj, "objects-set");
	set.kobj.ktype = &type;
	set.kobj.parent = &object;
	b = kset_register(&set);
	pr_info("objects: set %d %d\n", a, b);
	below_fs = kobject_create_and_add("objects", fs_kobj);
	pr_info("objects: below fs %d\n", below_fs != NULL);
}

static void no_objects(void)
{
	kobject_put(below_fs);
	kset_unregister(&set);
	kobject_del(&object);
	pr_info("objects: taken away, %d left\n", kref_read(&object.kref));
	kobject_put(&object);
}

static ssize_t made_show(struct class *class, struct class_attribute *attribute, char *page)
{
	return sysfs_emit(page, "class %s\n", class->name);
}
static CLASS_ATTR_RO(made);

static ssize_t kind_show(struct device *dev, struct device_attribute *attribute, char *page)
{
	return sysfs_emit(page, "device %s\n", dev_name(dev));
}
static DEVICE_ATTR_RO(kind);
static struct attribute *kind_attrs[] = { &dev_attr_kind.attr, NULL };
ATTRIBUTE_GROUPS(kind);

static struct class class = { .name = "objects", .owner = THIS_MODULE };
static struct device device;
static struct device *grouped;

static void device_release(struct device *dev)
{
	pr_info("objects: device %s released\n", dev_name(dev));
}

static void devices(void)
{
	int a, b;

	a = class_register(&class);
	b = class_create_file(&class, &class_attr_made);
	class_remove_file(&class, &class_attr_made);
	pr_info("objects: class %d %d %d\n", a, b, class_create_file(&class, &class_attr_made));
	device_initialize(&device);
	device.class = &class;
	device.release = device_release;
	dev_set_name(&device, "one");
	a = device_add(&device);
	b = device_create_file(&device, &dev_attr_kind);
	device_remove_file(&device, &dev_attr_kind);
	pr_info("objects: device %d %d %d\n", a, b, device_create_file(&device, &dev_attr_kind));
	pr_info("objects: got %d\n", get_device(&device) == &device);
	put_device(&device);
	grouped = device_create_with_groups(&class, &device, MKDEV(0, 0), NULL, kind_groups, "grouped%d", 2);
	pr_info("objects: grouped %d\n", IS_ERR(grouped));
	dev_emerg(&device, "emerg %d\n", 0);
	dev_alert(&device, "alert %d\n", 1);
	dev_crit(&device, "crit %d\n", 2);
	dev_err(&device, "err %d\n", 3);
	dev_warn(&device, "warn %d\n", 4);
	dev_notice(&device, "notice %d\n", 5);
	dev_info(&device, "info %d\n", 6);
}

static void no_devices(void)
{
	device_unregister(grouped);
	device_del(&device);
	put_device(&device);
	class_remove_file(&class, &class_attr_made);
	class_unregister(&class);
}

static ssize_t driven_show(struct device_driver *driver, char *page)
{
	return sysfs_emit(page, "driver %s\n", driver->name);
}
static DRIVER_ATTR_RO(driven);
static ssize_t width_show(struct bus_type *bus, char *page)
{
	return sysfs_emit(page, "bus %s\n", bus->name);
}
static BUS_ATTR_RO(width);
static struct bus_type bus = { .name = "objects" };
static struct device_driver driver = { .name = "objects-driver", .bus = &bus };

static void platform_release(struct device *dev)
{
	pr_info("objects: platform device released\n");
}
static struct platform_device fixed = { .name = "objects-fixed", .id = 3, .dev.release = platform_release };
static struct platform_device *extra;

static void drivers(void)
{
	int a, b, c;

	a = bus_register(&bus);
	b = bus_create_file(&bus, &bus_attr_width);
	bus_remove_file(&bus, &bus_attr_width);
	c = bus_create_file(&bus, &bus_attr_width);
	pr_info("objects: bus %d %d %d\n", a, b, c);
	a = driver_register(&driver);
	b = driver_create_file(&driver, &driver_attr_driven);
	driver_remove_file(&driver, &driver_attr_driven);
	c = driver_create_file(&driver, &driver_attr_driven);
	pr_info("objects: driver %d %d %d\n", a, b, c);
	a = platform_device_register(&fixed);
	pr_info("objects: fixed %d %s %d\n", a, dev_name(&fixed.dev), fixed.dev.bus == &platform_bus_type);
	extra = platform_device_alloc("objects-extra", PLATFORM_DEVID_NONE);
	a = platform_device_add_data(extra, "data", 5);
	b = platform_device_add(extra);
	pr_info("objects: extra %d %d %s\n", a, b, (char *)dev_get_platdata(&extra->dev));
}

static void no_drivers(void)
{
	platform_device_del(extra);
	platform_device_put(extra);
	platform_device_unregister(&fixed);
	driver_unregister(&driver);
	bus_unregister(&bus);
}

static struct cdev *cdev;
static const struct file_operations nothing = { .owner = THIS_MODULE };

static void numbers(void)
{
	int a = register_chrdev_region(MKDEV(301, 5), 3, "objects"), b, c;

	b = register_chrdev_region(MKDEV(301, 7), 1, "objects");
	cdev = cdev_alloc();
	cdev->ops = &nothing;
	cdev->owner = THIS_MODULE;
	c = cdev_add(cdev, MKDEV(301, 5), 3);
	pr_info("objects: numbers %d %d, device %d\n", a, b, c);
}

static u8 u8s = 200, x8s = 0xab;
static u16 u16s = 40000;
static u32 x32s = 0xdeadbeef;
static u64 u64s = 1ULL << 40, x64s = 0xfeedULL << 32;
static unsigned long ulongs = 12345;
static size_t sizes = 54321;
static atomic_t atomics = ATOMIC_INIT(-7);
static const struct file_operations empty_fops = { .owner = THIS_MODULE, .open = simple_open };
static struct dentry *folder;

static void files(void)
{
	struct dentry *found;

	folder = debugfs_create_dir("objects", NULL);
	debugfs_create_u8("u8", 0644, folder, &u8s);
	debugfs_create_u16("u16", 0644, folder, &u16s);
	debugfs_create_u64("u64", 0644, folder, &u64s);
	debugfs_create_x8("x8", 0644, folder, &x8s);
	debugfs_create_x32("x32", 0644, folder, &x32s);
	debugfs_create_x64("x64", 0644, folder, &x64s);
	debugfs_create_ulong("ulong", 0644, folder, &ulongs);
	debugfs_create_size_t("size_t", 0644, folder, &sizes);
	debugfs_create_atomic_t("atomic_t", 0644, folder, &atomics);
	debugfs_create_file_unsafe("unsafe", 0400, folder, NULL, &empty_fops);
	found = debugfs_lookup("unsafe", folder);
	pr_info("objects: debugfs %d, looked up %d %d\n", debugfs_initialized(), found != NULL,
		debugfs_lookup("nothing", folder) == NULL);
	dput(found);
}

static int __init objects_init(void)
{
	objects();
	devices();
	drivers();
	numbers();
	files();
	return 0;
}

static void __exit objects_exit(void)
{
	debugfs_remove(folder);
	cdev_del(cdev);
	unregister_chrdev_region(MKDEV(301, 5), 3);
	no_drivers();
	no_devices();
	no_objects();
	pr_info("objects: %u %u %llu %x %ld\n", u8s, u16s, u64s, x32s, (long)atomic_read(&atomics));
}

module_init(objects_init);
module_exit(objects_exit);
MODULE_LICENSE("GPL");
