// SPDX-License-Identifier: MIT OR Apache-2.0
// Small things: memory as digits, numbers of devices as text, memory that lies low, control registers, what is not there.
#define DEBUG
#include <asm/special_insns.h>
#include <linux/fcntl.h>
#include <linux/gpio.h>
#include <linux/init.h>
#include <linux/io.h>
#include <linux/kdev_t.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/of_device.h>
#include <linux/poll.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/unistd.h>
#include <linux/utsname.h>
#include <linux/wait.h>

static const unsigned char bytes[40] = "A line of text,\n\x01\x7f\x80\xff and the rest of it";

static void dumps(void)
{
	char line[120];
	int length;

	print_hex_dump(KERN_INFO, "odds: ", DUMP_PREFIX_OFFSET, 16, 1, bytes, sizeof(bytes), true);
	print_hex_dump(KERN_INFO, "odds: ", DUMP_PREFIX_NONE, 32, 4, bytes, sizeof(bytes), true);
	print_hex_dump(KERN_INFO, "odds: ", DUMP_PREFIX_NONE, 32, 8, bytes, 40, false);
	print_hex_dump(KERN_INFO, "odds: ", DUMP_PREFIX_OFFSET, 7, 3, bytes, 17, false);
	print_hex_dump_debug("odds: ", DUMP_PREFIX_NONE, 16, 2, bytes, 5, true);
	print_hex_dump_bytes("odds: ", DUMP_PREFIX_OFFSET, bytes, 4);
	print_hex_dump(KERN_INFO, "odds: ", DUMP_PREFIX_NONE, 16, 1, bytes, 0, true);
	length = hex_dump_to_buffer(bytes, 16, 16, 2, line, sizeof(line), false);
	pr_info("odds: %d %s\n", length, line);
	length = hex_dump_to_buffer(bytes, 16, 16, 1, line, sizeof(line), true);
	pr_info("odds: %d %zu\n", length, strlen(line));
	length = hex_dump_to_buffer(bytes, 16, 16, 1, line, 7, false);
	pr_info("odds: %d %s.\n", length, line);
	length = hex_dump_to_buffer(bytes, 16, 16, 1, line, 0, true);
	pr_info("odds: %d\n", length);
	length = hex_dump_to_buffer(bytes, 0, 16, 1, line, sizeof(line), true);
	pr_info("odds: %d %s.\n", length, line);
}

static void low(void)
{
	static const size_t sizes[] = { 1, 8, 100, 192, 1000, 4096, 4097, 8192, 20000, 131072 };
	int i, good = 0, below = 0, zeroed = 0;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		char *at = kmalloc(sizes[i], GFP_KERNEL | GFP_DMA);
		char *clear = kzalloc(sizes[i], GFP_ATOMIC | GFP_DMA);

		if (at) {
			good++;
			memset(at, i, sizes[i]);
			below += virt_to_phys(at) + sizes[i] <= 1UL << 24 && ksize(at) >= sizes[i];
		}
		zeroed += clear && !clear[0] && !clear[sizes[i] - 1];
		at = krealloc(at, sizes[i] + 1, GFP_KERNEL);
		good += at && at[sizes[i] - 1] == i;
		kfree(at);
		kfree(clear);
	}
	pr_info("odds: low %d %d %d\n", good, below, zeroed);
	pr_info("odds: nothing low %d\n", kmalloc(0, GFP_DMA) == ZERO_SIZE_PTR);
}

/* Memory that fills pages lies in a row. */
static void rows(void)
{
	size_t size;
	int good = 0;

	for (size = PAGE_SIZE; size <= 512 << 10; size *= 2) {
		char *at = kmalloc(size, GFP_KERNEL);

		good += at && !((unsigned long)at & (PAGE_SIZE - 1)) && virt_to_phys(at + size - 1) == virt_to_phys(at) + size - 1 &&
			virt_addr_valid(at + size - 1);
		kfree(at);
	}
	pr_info("odds: rows %d\n", good);
}

/* Who waits by a function: each is called for a wake-up, exclusive ones until one has taken it. */
static char called[32];
static int calls;

static int note(struct wait_queue_entry *entry, unsigned int mode, int flags, void *key)
{
	const char *name = entry->private;

	called[calls++] = name[0];
	if (mode != TASK_NORMAL && mode != TASK_INTERRUPTIBLE)
		called[calls++] = '!';
	if (key)
		called[calls++] = key_to_poll(key) & EPOLLIN ? 'i' : 'o';
	return name[1] - '0';
}

static void wake_ups(void)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(queue);
	static char names[5][4] = { "a1", "b0", "c1", "d1", "e1" };
	struct wait_queue_entry entries[5];
	DEFINE_WAIT_FUNC(own, autoremove_wake_function);
	int i;

	for (i = 0; i < 5; i++) {
		init_waitqueue_func_entry(&entries[i], note);
		entries[i].private = names[i];
		if (i < 2)
			add_wait_queue(&queue, &entries[i]);
		else
			add_wait_queue_exclusive(&queue, &entries[i]);
	}
	wake_up(&queue);
	called[calls++] = ' ';
	wake_up_interruptible_nr(&queue, 2);
	called[calls++] = ' ';
	remove_wait_queue(&queue, &entries[0]);
	wake_up_interruptible_poll(&queue, EPOLLIN);
	called[calls++] = ' ';
	wake_up_all(&queue);
	pr_info("odds: called %s\n", called);
	for (i = 1; i < 5; i++)
		remove_wait_queue(&queue, &entries[i]);
	calls = 0;
	wake_up_all(&queue);
	/* One that runs is not woken, and stays. */
	prepare_to_wait(&queue, &own, TASK_INTERRUPTIBLE);
	__set_current_state(TASK_RUNNING);
	pr_info("odds: %d calls, waits %d\n", calls, !list_empty(&own.entry));
	wake_up_all(&queue);
	pr_info("odds: waits %d\n", !list_empty(&own.entry));
	finish_wait(&queue, &own);
	pr_info("odds: waits %d %d\n", !list_empty(&own.entry), !list_empty(&queue.head));
}

static void names(void)
{
	pr_info("odds: %s %s %d\n", utsname()->sysname, utsname()->machine, !strcmp(utsname()->nodename, init_utsname()->nodename));
	pr_info("odds: %d %zu\n", !strncmp(init_utsname()->release, "6.1.0-", 6), sizeof(*utsname()));
}

static int __init odds_init(void)
{
	char text[16], *same;
	u32 number = 7;
	const char *name = NULL;
	int length;

	dumps();
	low();
	rows();
	length = print_dev_t(text, MKDEV(254, 1048575));
	same = format_dev_t(text + 0, MKDEV(8, 17));
	pr_info("odds: device %d %s\n", length, same);
	pr_info("odds: protected %d, paged %d\n", !!(read_cr0() & X86_CR0_PE), !!(native_read_cr0() & X86_CR0_PG));
	pr_info("odds: calls %d %d %d\n", __NR_read, __NR_openat, __NR_process_mrelease);
	pr_info("odds: flags %o %o %d\n", O_DIRECTORY, O_NOFOLLOW, AT_FDCWD);
	wake_ups();
	names();
	might_fault();
	pr_info("odds: no lines %d %d %d %d\n", gpio_is_valid(1), gpio_request(1, "one"), gpio_direction_input(1),
		gpio_direction_output(1, 1));
	pr_info("odds: no tree %d %d %d %u %d\n", of_property_read_bool(NULL, "x"), of_property_read_u32(NULL, "x", &number),
		of_property_read_string(NULL, "x", &name), number, of_match_ptr(bytes) == NULL);
	return 0;
}

static void __exit odds_exit(void)
{
}

module_init(odds_init);
module_exit(odds_exit);
MODULE_LICENSE("GPL");
