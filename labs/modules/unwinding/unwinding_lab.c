// SPDX-License-Identifier: MIT OR Apache-2.0
// An init that takes one thing after the other, and gives them back in the opposite order when one can't be had.
#include "lab.h"
#include <linux/percpu.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

#define BLOCKS 8

static void *blocks[BLOCKS];
static void *area;
static struct kmem_cache *cache;
static struct workqueue_struct *queue;
static int __percpu *counters;

static int show(struct seq_file *m, void *v)
{
	seq_puts(m, "eight blocks, an area, a cache, a queue, counters: all there\n");
	return 0;
}

static int __init unwinding_init(void)
{
	int taken = 0;

	for (; taken < BLOCKS; taken++) {
		blocks[taken] = kmalloc(64 << taken, GFP_KERNEL);
		if (!blocks[taken])
			goto free_blocks;
	}
	area = vmalloc(4 * PAGE_SIZE);
	if (!area)
		goto free_blocks;
	cache = kmem_cache_create("unwinding", 48, 0, 0, NULL);
	if (!cache)
		goto free_area;
	queue = alloc_workqueue("unwinding", 0, 0);
	if (!queue)
		goto free_cache;
	counters = alloc_percpu(int);
	if (!counters)
		goto free_queue;
	if (proc_create_single("lab", 0444, NULL, show))
		return 0;

	free_percpu(counters);
free_queue:
	destroy_workqueue(queue);
free_cache:
	kmem_cache_destroy(cache);
free_area:
	vfree(area);
free_blocks:
	while (taken)
		kfree(blocks[--taken]);
	return -ENOMEM;
}

static void __exit unwinding_exit(void)
{
	remove_proc_entry("lab", NULL);
	free_percpu(counters);
	destroy_workqueue(queue);
	kmem_cache_destroy(cache);
	vfree(area);
	for (int at = BLOCKS; at > 0; at--)
		kfree(blocks[at - 1]);
}

module_init(unwinding_init);
module_exit(unwinding_exit);
MODULE_LICENSE("GPL");
