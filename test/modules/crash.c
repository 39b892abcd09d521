// SPDX-License-Identifier: MIT OR Apache-2.0
// Fails on purpose: what is written to /proc/crash says how. `init=KIND` fails while it is loaded.
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/proc_fs.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>

static char *init = "";
module_param(init, charp, 0444);
MODULE_PARM_DESC(init, "how to fail while loading");

static struct proc_dir_entry *entry;
static DEFINE_SPINLOCK(lock);
static DEFINE_MUTEX(mutex);
static volatile int zero;
static volatile unsigned long nowhere;
static volatile unsigned long text;

static noinline int deeper(volatile int *from)
{
	volatile int room[64];

	room[0] = *from + 1;
	return deeper(room) + room[0];
}

static int fail(const char *kind)
{
	int some = 0;

	if (!memcmp(kind, "null", 4)) {
		*(volatile int *)nowhere = 1;
	} else if (!memcmp(kind, "wild", 4)) {
		*(volatile int *)0xdeadbeef = 1;
	} else if (!memcmp(kind, "noncanonical", 12)) {
		*(volatile int *)0x8000000000000000UL = 1;
	} else if (!memcmp(kind, "stack", 5)) {
		some = deeper(&some);
	} else if (!memcmp(kind, "bug", 3)) {
		__builtin_trap();
	} else if (!memcmp(kind, "divide", 6)) {
		nowhere = 100 / zero;
	} else if (!memcmp(kind, "jump", 4)) {
		((void (*)(void))(nowhere + 0x1000))();
	} else if (!memcmp(kind, "doublefree", 10)) {
		void *block = kmalloc(100, GFP_KERNEL);

		kfree(block);
		kfree(block);
	} else if (!memcmp(kind, "lockheld", 8)) {
		spin_lock(&lock);
	} else if (!memcmp(kind, "locknull", 8)) {
		spin_lock(&lock);
		*(volatile int *)nowhere = 1;
	} else if (!memcmp(kind, "mutexnull", 9)) {
		mutex_lock(&mutex);
		*(volatile int *)nowhere = 1;
	} else if (!memcmp(kind, "atomic", 6)) {
		spin_lock(&lock);
		mutex_lock(&mutex);
	} else if (!memcmp(kind, "text", 4)) {
		*(volatile char *)text = 0;
	}
	return some;
}

static ssize_t crash_write(struct file *file, const char __user *buffer, size_t count, loff_t *pos)
{
	char kind[32] = "";

	if (copy_from_user(kind, buffer, min(count, sizeof(kind) - 1)))
		return -EFAULT;
	fail(kind);
	return count;
}

static const struct proc_ops ops = { .proc_write = crash_write };

static int __init crash_init(void)
{
	void *left = kmalloc(64, GFP_KERNEL);

	if (!left)
		return -ENOMEM;
	text = (unsigned long)crash_write;
	entry = proc_create("crash", 0666, NULL, &ops);
	if (!entry) {
		kfree(left);
		return -ENOMEM;
	}
	fail(init);
	return 0;
}

static void __exit crash_exit(void)
{
	proc_remove(entry);
}

module_init(crash_init);
module_exit(crash_exit);
MODULE_LICENSE("Dual MIT/GPL");
