// SPDX-License-Identifier: MIT OR Apache-2.0
// A bus of its own with a driver and two devices, of which the driver takes one; a platform driver and two devices.
#include <linux/device.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/platform_device.h>

static int bus_match(struct device *dev, struct device_driver *driver)
{
	return !strncmp(dev_name(dev), driver->name, strlen(driver->name));
}

static ssize_t limit_show(struct bus_type *bus, char *page)
{
	return sprintf(page, "limit of %s\n", bus->name);
}
static BUS_ATTR_RO(limit);
static struct bus_type bus = { .name = "testbus", .match = bus_match };

static int probe(struct device *dev)
{
	dev_info(dev, "probed\n");
	return 0;
}

static int leave(struct device *dev)
{
	dev_info(dev, "left\n");
	return 0;
}
static struct device_driver driver = { .name = "good", .bus = &bus, .probe = probe, .remove = leave };

static void release(struct device *dev)
{
	pr_info("buses: %s released\n", dev_name(dev));
}
static struct device first = { .bus = &bus, .release = release };
static struct device second = { .bus = &bus, .release = release };

static int platform_probe(struct platform_device *device)
{
	struct resource *memory = platform_get_resource(device, IORESOURCE_MEM, 0);

	dev_info(&device->dev, "probed %d, %ld bytes\n", device->id, memory ? (long)resource_size(memory) : 0);
	platform_set_drvdata(device, device);
	return device->id == 9 ? -EINVAL : 0;
}

static int platform_leave(struct platform_device *device)
{
	dev_info(&device->dev, "left %d\n", platform_get_drvdata(device) == device);
	return 0;
}
static struct platform_driver platform = {
	.driver = { .name = "testplat" }, .probe = platform_probe, .remove = platform_leave,
};
static struct platform_device *one, *nine;

static int __init buses_init(void)
{
	struct resource memory = { .start = 0x1000, .end = 0x10ff, .flags = IORESOURCE_MEM };

	pr_info("buses: bus %d\n", bus_register(&bus));
	pr_info("buses: file %d\n", bus_create_file(&bus, &bus_attr_limit));
	dev_set_name(&first, "good%d", 1);
	dev_set_name(&second, "bad%d", 2);
	pr_info("buses: first %d\n", device_register(&first));
	pr_info("buses: driver %d\n", driver_register(&driver));
	pr_info("buses: second %d\n", device_register(&second));
	pr_info("buses: bound %d %d\n", first.driver == &driver, second.driver == NULL);

	one = platform_device_alloc("testplat", 1);
	if (!one)
		return -ENOMEM;
	pr_info("buses: resources %d\n", platform_device_add_resources(one, &memory, 1));
	pr_info("buses: one %d\n", platform_device_add(one));
	pr_info("buses: platform %d\n", platform_driver_register(&platform));
	nine = platform_device_alloc("testplat", 9);
	if (!nine)
		return -ENOMEM;
	pr_info("buses: nine %d\n", platform_device_add(nine));
	return 0;
}

static void __exit buses_exit(void)
{
	platform_driver_unregister(&platform);
	platform_device_unregister(nine);
	platform_device_unregister(one);
	device_unregister(&second);
	driver_unregister(&driver);
	device_unregister(&first);
	bus_unregister(&bus);
}

module_init(buses_init);
module_exit(buses_exit);
MODULE_LICENSE("GPL");
