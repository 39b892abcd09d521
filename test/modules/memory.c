// SPDX-License-Identifier: MIT OR Apache-2.0
// Memory of every kind: blocks, areas, pages, caches, each CPU's own; and what is told when an allocation may not sleep.
#include <linux/cpumask.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/random.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

static DEFINE_SPINLOCK(lock);
static DEFINE_PER_CPU(int, counted) = 3;
static struct kmem_cache *cache;
static int constructed;

static bool all(const char *at, char byte, size_t length)
{
	while (length--)
		if (*at++ != byte)
			return false;
	return true;
}

static void blocks(void)
{
	char *a = kzalloc(100, GFP_KERNEL), *b;
	bool kept;

	if (!a)
		return;
	pr_info("memory: zeroed %d, room %d\n", all(a, 0, 100), ksize(a) >= 100);
	memset(a, 7, 100);
	b = krealloc(a, 5000, GFP_KERNEL);
	kept = b && all(b, 7, 100);
	pr_info("memory: grown %d\n", kept);
	kfree(b);
	pr_info("memory: nothing %d %d\n", kmalloc(0, GFP_KERNEL) == ZERO_SIZE_PTR,
		kmalloc_array(SIZE_MAX / 2, 3, GFP_KERNEL) == NULL);
	pr_info("memory: too much %d\n", kmalloc((KMALLOC_MAX_SIZE << 1), GFP_KERNEL | __GFP_NOWARN) == NULL);
	kfree(NULL);
	kfree(ZERO_SIZE_PTR);
	a = kmemdup("abc", 4, GFP_KERNEL);
	b = kstrdup(a, GFP_KERNEL);
	pr_info("memory: copies %s %s\n", a, b);
	kfree_sensitive(a);
	kfree(b);
	a = kasprintf(GFP_KERNEL, "%s-%d", "text", 42);
	b = kstrndup(a, 4, GFP_KERNEL);
	pr_info("memory: made %s %s\n", a, b);
	kfree(a);
	kfree(b);
	spin_lock(&lock);
	a = kmalloc(64, GFP_ATOMIC);
	spin_unlock(&lock);
	pr_info("memory: atomic %d\n", a != NULL);
	kfree(a);
}

static void areas(void)
{
	char *area = vzalloc(300000), *small = kvmalloc(100, GFP_KERNEL), *large = kvzalloc(3000000, GFP_KERNEL);

	pr_info("memory: area zeroed %d, aligned %d\n", all(area, 0, 300000), !offset_in_page(area));
	memset(area, 1, 300000);
	vfree(area);
	vfree(NULL);
	pr_info("memory: either %d %d\n", small != NULL, all(large, 0, 3000000));
	kvfree(small);
	kvfree(large);
	area = vmalloc(1);
	memset(area, 1, 1);
	vfree(area);
}

static void pages(void)
{
	unsigned long at = __get_free_pages(GFP_KERNEL | __GFP_ZERO, 2);
	struct page *page;

	pr_info("memory: pages zeroed %d, aligned %d\n", all((char *)at, 0, 4 * PAGE_SIZE), !(at & (4 * PAGE_SIZE - 1)));
	pr_info("memory: page and address %d\n", page_address(virt_to_page(at)) == (void *)at);
	pr_info("memory: physical %d\n", __va(__pa(at)) == (void *)at);
	free_pages(at, 2);
	at = get_zeroed_page(GFP_ATOMIC);
	free_page(at);
	page = alloc_page(GFP_KERNEL);
	memset(page_address(page), 5, PAGE_SIZE);
	__free_page(page);
	pr_info("memory: order %d %d %d\n", get_order(1), get_order(4097), get_order(65536));
	pr_info("memory: too many pages %d\n", __get_free_pages(GFP_KERNEL | __GFP_NOWARN, 20) == 0);
}

static void construct(void *object)
{
	constructed++;
	memset(object, 9, 120);
}

static void caches(void)
{
	char *a, *b;

	cache = kmem_cache_create("memory_test", 120, 0, SLAB_HWCACHE_ALIGN, construct);
	if (!cache)
		return;
	a = kmem_cache_alloc(cache, GFP_KERNEL);
	b = kmem_cache_alloc(cache, GFP_ATOMIC);
	pr_info("memory: objects %d %d, aligned %d, constructed %d\n", all(a, 9, 120), all(b, 9, 120),
		!((unsigned long)a % 64 + (unsigned long)b % 64), constructed >= 2);
	pr_info("memory: size %u\n", kmem_cache_size(cache));
	kmem_cache_free(cache, a);
	kmem_cache_free(cache, b);
	kmem_cache_shrink(cache);
	kmem_cache_destroy(cache);
	kmem_cache_destroy(NULL);
	cache = kmem_cache_create("memory_plain", 256, 0, 0, NULL);
	a = kmem_cache_zalloc(cache, GFP_KERNEL);
	pr_info("memory: object zeroed %d\n", all(a, 0, 256));
	kmem_cache_free(cache, a);
}

static void each_cpu(void)
{
	int __percpu *own = alloc_percpu(int);
	int cpu, sum = 0, first = 0, same = 1;

	for_each_possible_cpu(cpu) {
		first += per_cpu(counted, cpu) == 3;
		same &= *per_cpu_ptr(own, cpu) == 0;
		per_cpu(counted, cpu) += cpu;
		*per_cpu_ptr(own, cpu) = cpu;
	}
	pr_info("memory: each CPU's value %d, zeroed %d\n", first == num_possible_cpus(), same);
	this_cpu_inc(counted);
	this_cpu_add(*own, 10);
	get_cpu_var(counted) += 1;
	put_cpu_var(counted);
	for_each_possible_cpu(cpu)
		sum += per_cpu(counted, cpu) - cpu + *per_cpu_ptr(own, cpu) - cpu;
	pr_info("memory: sum %d\n", sum - 3 * (int)num_possible_cpus());
	pr_info("memory: read %d\n", this_cpu_read(counted) >= 5);
	free_percpu(own);
	free_percpu(NULL);
}

static void rest(void)
{
	DEFINE_RATELIMIT_STATE(state, 1000 * HZ, 3);
	u64 words[4] = { 0, 0, 0, 0 };
	char text[8];
	int i, passed = 0;

	get_random_bytes(words, sizeof(words));
	pr_info("memory: random %d %d\n", words[0] != words[1] && words[2] != words[3], get_random_u64() != get_random_u64());
	ratelimit_state_init(&state, 1000 * HZ, 3);
	for (i = 0; i < 3; i++)
		passed += ___ratelimit(&state, "memory");
	pr_info("memory: passed %d\n", passed);
	i = scnprintf(text, sizeof(text), "%d%s", passed, "234567890");
	pr_info("memory: printed %d %s\n", i, text);
}

static int __init memory_init(void)
{
	blocks();
	areas();
	pages();
	caches();
	each_cpu();
	rest();
	return 0;
}

static void __exit memory_exit(void)
{
	kmem_cache_destroy(cache);
}

module_init(memory_init);
module_exit(memory_exit);
MODULE_LICENSE("GPL");
