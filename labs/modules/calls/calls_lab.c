// SPDX-License-Identifier: MIT OR Apache-2.0
// The service is to add one. Inside the kernel that is a call; for user space /proc/lab_add does it.
#include "lab.h"
#include <linux/uaccess.h>

#define TURNS 100000

static noinline int add_one(int number)
{
	barrier();
	return number + 1;
}

/* So that the compiler can't see where it goes. */
static int (*volatile service)(int) = add_one;

static int show(struct seq_file *m, void *v)
{
	int number = 0;

	seq_printf(m, "a call inside the kernel: %llu ns\n", COST(TURNS, number = service(number)));
	return number == TURNS * ROUNDS ? 0 : -EIO;
}

static ssize_t add(struct file *file, char __user *to, size_t size, loff_t *pos)
{
	int number;

	if (size != sizeof(number))
		return -EINVAL;
	if (copy_from_user(&number, to, size))
		return -EFAULT;
	number = service(number);
	return copy_to_user(to, &number, size) ? -EFAULT : (ssize_t)size;
}

static const struct proc_ops ops = { .proc_read = add };

static int __init lab_init(void)
{
	if (!proc_create("lab_add", 0444, NULL, &ops))
		return -ENOMEM;
	if (proc_create_single("lab", 0444, NULL, show))
		return 0;
	remove_proc_entry("lab_add", NULL);
	return -ENOMEM;
}

static void __exit lab_exit(void)
{
	remove_proc_entry("lab", NULL);
	remove_proc_entry("lab_add", NULL);
}

module_init(lab_init);
module_exit(lab_exit);
MODULE_LICENSE("GPL");
