// SPDX-License-Identifier: MIT OR Apache-2.0
// What it costs to get a block and to give it back.
#include "lab.h"
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

#define TURNS 500

static struct kmem_cache *cache;
static const size_t sizes[] = { 64, 256, 1024, 4096, 65536 };

static int show(struct seq_file *m, void *v)
{
	int failed = 0;

	seq_puts(m, "get and give back, nanoseconds\n");
	for (size_t at = 0; at < ARRAY_SIZE(sizes); at++) {
		size_t size = sizes[at];
		void *block;

		seq_printf(m, "%6zu bytes: kmalloc %6llu", size, COST(TURNS, {
			block = kmalloc(size, GFP_KERNEL); failed += !block; kfree(block); }));
		seq_printf(m, "   zeroed %6llu", COST(TURNS, {
			block = kzalloc(size, GFP_KERNEL); failed += !block; kfree(block); }));
		seq_printf(m, "   vmalloc %7llu", COST(TURNS / 10, {
			block = vmalloc(size); failed += !block; vfree(block); }));
		if (size >= PAGE_SIZE) {
			unsigned long order = get_order(size), page;

			seq_printf(m, "   pages (order %lu) %6llu", order, COST(TURNS, {
				page = __get_free_pages(GFP_KERNEL, order); failed += !page; free_pages(page, order); }));
		}
		seq_putc(m, '\n');
	}
	seq_printf(m, "kmem_cache of 200 bytes: %llu\n", COST(TURNS, {
		void *object = kmem_cache_alloc(cache, GFP_KERNEL);
		failed += !object;
		if (object)
			kmem_cache_free(cache, object); }));
	seq_printf(m, "failed: %d\n", failed);
	return 0;
}

static int __init lab_init(void)
{
	cache = kmem_cache_create("lab_object", 200, 0, 0, NULL);
	if (!cache)
		return -ENOMEM;
	if (proc_create_single("lab", 0444, NULL, show))
		return 0;
	kmem_cache_destroy(cache);
	return -ENOMEM;
}

static void __exit lab_exit(void)
{
	remove_proc_entry("lab", NULL);
	kmem_cache_destroy(cache);
}

module_init(lab_init);
module_exit(lab_exit);
MODULE_LICENSE("GPL");
