// SPDX-License-Identifier: MIT OR Apache-2.0
// A device and a file of /proc that are read and written by read_iter and write_iter: 48 bytes.
#include <linux/aio.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/uio.h>

static char store[48];

static void tell(struct kiocb *request, struct iov_iter *iter)
{
	pr_info("iters: %s %zu at %lld, first %zu, %s%s%s\n", iov_iter_rw(iter) == WRITE ? "write" : "read", iov_iter_count(iter),
		request->ki_pos, iov_iter_single_seg_count(iter), is_sync_kiocb(request) ? "sync" : "async",
		request->ki_flags & IOCB_APPEND ? " append" : "", iter_is_iovec(iter) ? "" : " other");
}

static ssize_t iters_read(struct kiocb *request, struct iov_iter *iter)
{
	loff_t at = request->ki_pos;
	size_t wanted, done;

	tell(request, iter);
	if (at >= sizeof(store))
		return 0;
	wanted = min_t(size_t, iov_iter_count(iter), sizeof(store) - at);
	done = copy_to_iter(store + at, wanted, iter);
	if (!done && wanted)
		return -EFAULT;
	pr_info("iters: read %zu, left %zu\n", done, iov_iter_count(iter));
	request->ki_pos += done;
	return done;
}

static ssize_t iters_write(struct kiocb *request, struct iov_iter *iter)
{
	loff_t at = request->ki_pos;
	size_t wanted, done;
	char first[2];

	tell(request, iter);
	if (at >= sizeof(store))
		return -ENOSPC;
	if (copy_from_iter_full(first, 2, iter)) {
		pr_info("iters: begins with %.2s\n", first);
		iov_iter_revert(iter, 2);
	} else {
		pr_info("iters: short, left %zu\n", iov_iter_count(iter));
	}
	iov_iter_truncate(iter, sizeof(store) - at);
	wanted = iov_iter_count(iter);
	done = copy_from_iter(store + at, wanted, iter);
	request->ki_pos += done;
	return done ? done : -EFAULT;
}

static const struct file_operations fops = {
	.owner = THIS_MODULE, .read_iter = iters_read, .write_iter = iters_write, .llseek = default_llseek,
};
static struct miscdevice device = { .minor = MISC_DYNAMIC_MINOR, .name = "iters", .fops = &fops, .mode = 0600 };
static const struct proc_ops ops = { .proc_read_iter = iters_read, .proc_lseek = default_llseek };

static int __init iters_init(void)
{
	int error = misc_register(&device);

	if (error)
		return error;
	if (!proc_create("iters", 0600, NULL, &ops)) {
		misc_deregister(&device);
		return -ENOMEM;
	}
	return 0;
}

static void __exit iters_exit(void)
{
	remove_proc_entry("iters", NULL);
	misc_deregister(&device);
}

module_init(iters_init);
module_exit(iters_exit);
MODULE_LICENSE("GPL");
