// SPDX-License-Identifier: MIT OR Apache-2.0
// A device that is positioned, and opened, as its parameter says.
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/string.h>
#include <linux/uaccess.h>

static char how[16] = "noop";
module_param_string(how, how, sizeof(how), 0644);

static loff_t seeks_llseek(struct file *file, loff_t offset, int whence)
{
	if (!strcmp(how, "noop"))
		return noop_llseek(file, offset, whence);
	if (!strcmp(how, "default"))
		return default_llseek(file, offset, whence);
	if (!strcmp(how, "generic"))
		return generic_file_llseek(file, offset, whence);
	if (!strcmp(how, "fixed"))
		return fixed_size_llseek(file, offset, whence, 50);
	if (!strcmp(how, "noend"))
		return no_seek_end_llseek(file, offset, whence);
	if (!strcmp(how, "noendsize"))
		return no_seek_end_llseek_size(file, offset, whence, 50);
	return -ENOENT;
}

static int seeks_open(struct inode *inode, struct file *file)
{
	if (!strcmp(how, "nonseekable"))
		return nonseekable_open(inode, file);
	if (!strcmp(how, "stream"))
		return stream_open(inode, file);
	return 0;
}

static ssize_t seeks_read(struct file *file, char __user *to, size_t count, loff_t *pos)
{
	if (pos)
		*pos += count;
	return clear_user(to, count) ? -EFAULT : count;
}

static ssize_t seeks_write(struct file *file, const char __user *from, size_t count, loff_t *pos)
{
	if (pos)
		*pos += count;
	return count;
}

static const struct file_operations fops = {
	.owner = THIS_MODULE, .open = seeks_open, .read = seeks_read, .write = seeks_write, .llseek = seeks_llseek,
};
static const struct file_operations no_fops = {
	.owner = THIS_MODULE, .read = seeks_read, .write = seeks_write, .llseek = no_llseek,
};
static struct miscdevice device = { .minor = MISC_DYNAMIC_MINOR, .name = "seeks", .fops = &fops, .mode = 0600 };
static struct miscdevice no_device = { .minor = MISC_DYNAMIC_MINOR, .name = "no-seeks", .fops = &no_fops, .mode = 0600 };

static int __init seeks_init(void)
{
	int error = misc_register(&device);

	return error ? error : misc_register(&no_device);
}

static void __exit seeks_exit(void)
{
	misc_deregister(&no_device);
	misc_deregister(&device);
}

module_init(seeks_init);
module_exit(seeks_exit);
MODULE_LICENSE("GPL");
