// SPDX-License-Identifier: MIT OR Apache-2.0
// The character device of the benchmarks `module/chardev_*`: read copies out, ioctl stores a number, each under a mutex
// as drivers do it. Compiled for each kernel from this same text.
#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/uaccess.h>

#define NAME "bench_device"
#define BENCH_SIZE _IOR('b', 1, int)

static char content[64];
static DEFINE_MUTEX(lock);
static struct class *bench_class;
static struct cdev bench_cdev;
static dev_t number;

static ssize_t bench_read(struct file *file, char __user *to, size_t count, loff_t *pos)
{
	ssize_t done;

	if (count > sizeof(content))
		count = sizeof(content);
	mutex_lock(&lock);
	done = copy_to_user(to, content, count) ? -EFAULT : count;
	mutex_unlock(&lock);
	return done;
}

static long bench_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	long answer;

	if (cmd != BENCH_SIZE)
		return -ENOTTY;
	mutex_lock(&lock);
	answer = put_user((int)sizeof(content), (int __user *)arg);
	mutex_unlock(&lock);
	return answer;
}

static const struct file_operations bench_fops = {
	.owner = THIS_MODULE,
	.read = bench_read,
	.unlocked_ioctl = bench_ioctl,
};

static int __init bench_init(void)
{
	struct device *device;
	int ret;

	memset(content, 'b', sizeof(content));
	ret = alloc_chrdev_region(&number, 0, 1, NAME);
	if (ret)
		return ret;
	cdev_init(&bench_cdev, &bench_fops);
	bench_cdev.owner = THIS_MODULE;
	ret = cdev_add(&bench_cdev, number, 1);
	if (ret)
		goto no_cdev;
	bench_class = class_create(THIS_MODULE, NAME);
	if (IS_ERR(bench_class)) {
		ret = PTR_ERR(bench_class);
		goto no_class;
	}
	device = device_create(bench_class, NULL, number, NULL, NAME);
	if (IS_ERR(device)) {
		ret = PTR_ERR(device);
		goto no_device;
	}
	return 0;

no_device:
	class_destroy(bench_class);
no_class:
	cdev_del(&bench_cdev);
no_cdev:
	unregister_chrdev_region(number, 1);
	return ret;
}

static void __exit bench_exit(void)
{
	device_destroy(bench_class, number);
	class_destroy(bench_class);
	cdev_del(&bench_cdev);
	unregister_chrdev_region(number, 1);
}

module_init(bench_init);
module_exit(bench_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("What the benchmarks of character devices read");
