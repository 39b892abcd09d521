// SPDX-License-Identifier: MIT OR Apache-2.0
// A module that says which devices it serves: modprobe finds it by their aliases.
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/mod_devicetable.h>
#include <linux/module.h>
#include <linux/platform_device.h>

static const struct platform_device_id ids[] = { { "first-served", 1 }, { "second-served", 2 }, { } };
MODULE_DEVICE_TABLE(platform, ids);

static const struct of_device_id fits[] = {
	{ .compatible = "gaon,served" }, { .name = "a name", .type = "some", .compatible = "gaon,other" }, { .type = "kind" },
	{ },
};
MODULE_DEVICE_TABLE(of, fits);

static int served_probe(struct platform_device *device)
{
	const struct platform_device_id *id = platform_get_device_id(device);

	dev_info(&device->dev, "served as %lu\n", id ? id->driver_data : 0);
	return 0;
}

static struct platform_driver driver = {
	.driver = { .name = "serves" }, .probe = served_probe, .id_table = ids,
};

/* Where devices of names are wanted. */
static char *device;
module_param(device, charp, 0444);
static struct platform_device *made;

static int __init serves_init(void)
{
	if (device) {
		made = platform_device_alloc(device, PLATFORM_DEVID_NONE);
		if (made && platform_device_add(made))
			platform_device_put(made);
	}
	return platform_driver_register(&driver);
}

static void __exit serves_exit(void)
{
	platform_driver_unregister(&driver);
	if (made)
		platform_device_unregister(made);
}

module_init(serves_init);
module_exit(serves_exit);
MODULE_LICENSE("GPL");
MODULE_ALIAS("platform:plain-served");
