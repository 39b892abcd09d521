// SPDX-License-Identifier: MIT OR Apache-2.0
// A character device that follows a NULL pointer in the operation that `where` names.
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/uaccess.h>

static char *where = "";
module_param(where, charp, 0444);

static int major;
static struct class *class;
static volatile unsigned long nowhere;

static int fail(const char *here)
{
	if (!strcmp(where, here))
		*(volatile int *)nowhere = 1;
	return 0;
}

static int dev_open(struct inode *inode, struct file *file)
{
	return fail("open");
}

static int dev_release(struct inode *inode, struct file *file)
{
	return fail("release");
}

static ssize_t dev_read(struct file *file, char __user *buffer, size_t count, loff_t *pos)
{
	fail("read");
	return clear_user(buffer, count) ? -EFAULT : count;
}

static ssize_t dev_write(struct file *file, const char __user *buffer, size_t count, loff_t *pos)
{
	fail("write");
	return count;
}

static loff_t dev_llseek(struct file *file, loff_t offset, int whence)
{
	fail("seek");
	return offset;
}

static long dev_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	fail("ioctl");
	return argument;
}

static const struct file_operations ops = {
	.owner = THIS_MODULE,
	.open = dev_open,
	.release = dev_release,
	.read = dev_read,
	.write = dev_write,
	.llseek = dev_llseek,
	.unlocked_ioctl = dev_ioctl,
};

static int __init start(void)
{
	major = register_chrdev(0, "crashdev", &ops);
	if (major < 0)
		return major;
	class = class_create(THIS_MODULE, "crashdev");
	if (IS_ERR(class)) {
		unregister_chrdev(major, "crashdev");
		return PTR_ERR(class);
	}
	device_create(class, NULL, MKDEV(major, 0), NULL, "crash%s", "dev");
	return 0;
}

static void __exit stop(void)
{
	device_destroy(class, MKDEV(major, 0));
	class_destroy(class);
	unregister_chrdev(major, "crashdev");
}

module_init(start);
module_exit(stop);
MODULE_LICENSE("GPL");
