/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_MEMPOOL_H
#define _LINUX_MEMPOOL_H
/* Elements of which some are kept back, for when there is no memory: who may sleep gets one in the end. */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

typedef void *mempool_alloc_t(gfp_t flags, void *data);
typedef void mempool_free_t(void *element, void *data);
typedef struct mempool_s {
	spinlock_t lock;
	int min_nr;
	int curr_nr;
	void **elements;
	void *pool_data;
	mempool_alloc_t *alloc;
	mempool_free_t *free;
	wait_queue_head_t wait;
} mempool_t;

static inline void mempool_exit(mempool_t *pool)
{
	while (pool->curr_nr)
		pool->free(pool->elements[--pool->curr_nr], pool->pool_data);
	kfree(pool->elements);
	pool->elements = NULL;
}
static inline int mempool_init(mempool_t *pool, int least, mempool_alloc_t *alloc, mempool_free_t *free, void *data)
{
	*pool = (mempool_t){ .min_nr = least, .pool_data = data, .alloc = alloc, .free = free };
	init_waitqueue_head(&pool->wait);
	pool->elements = kmalloc_array(least, sizeof(void *), GFP_KERNEL);
	if (!pool->elements)
		return -ENOMEM;
	while (pool->curr_nr < least) {
		void *element = alloc(GFP_KERNEL, data);

		if (!element) {
			mempool_exit(pool);
			return -ENOMEM;
		}
		pool->elements[pool->curr_nr++] = element;
	}
	return 0;
}
static inline mempool_t *mempool_create(int least, mempool_alloc_t *alloc, mempool_free_t *free, void *data)
{
	mempool_t *pool = kzalloc(sizeof(*pool), GFP_KERNEL);

	if (pool && mempool_init(pool, least, alloc, free, data)) {
		kfree(pool);
		pool = NULL;
	}
	return pool;
}
static inline void mempool_destroy(mempool_t *pool)
{
	if (!pool)
		return;
	mempool_exit(pool);
	kfree(pool);
}
static __maybe_unused noinline void *mempool_alloc(mempool_t *pool, gfp_t flags)
{
	for (;;) {
		void *element = pool->alloc(flags | __GFP_NOWARN, pool->pool_data);
		unsigned long irq;

		if (element)
			return element;
		spin_lock_irqsave(&pool->lock, irq);
		if (pool->curr_nr)
			element = pool->elements[--pool->curr_nr];
		spin_unlock_irqrestore(&pool->lock, irq);
		if (element || !(flags & __GFP_DIRECT_RECLAIM))
			return element;
		wait_event_timeout(pool->wait, pool->curr_nr, 5 * HZ);
	}
}
static __maybe_unused noinline void mempool_free(void *element, mempool_t *pool)
{
	unsigned long irq;

	if (!element)
		return;
	spin_lock_irqsave(&pool->lock, irq);
	if (pool->curr_nr < pool->min_nr) {
		pool->elements[pool->curr_nr++] = element;
		element = NULL;
	}
	spin_unlock_irqrestore(&pool->lock, irq);
	if (element)
		pool->free(element, pool->pool_data);
	else
		wake_up(&pool->wait);
}

static inline void *mempool_kmalloc(gfp_t flags, void *size) { return kmalloc((size_t)size, flags); }
static inline void mempool_kfree(void *element, void *size) { kfree(element); }
static inline void *mempool_alloc_slab(gfp_t flags, void *cache) { return kmem_cache_alloc(cache, flags); }
static inline void mempool_free_slab(void *element, void *cache) { kmem_cache_free(cache, element); }
static inline void *mempool_alloc_pages(gfp_t flags, void *order) { return alloc_pages(flags, (long)order); }
static inline void mempool_free_pages(void *element, void *order) { __free_pages(element, (long)order); }
#define mempool_create_kmalloc_pool(least, size) \
	mempool_create(least, mempool_kmalloc, mempool_kfree, (void *)(size_t)(size))
#define mempool_create_slab_pool(least, cache) mempool_create(least, mempool_alloc_slab, mempool_free_slab, cache)
#define mempool_create_page_pool(least, order) \
	mempool_create(least, mempool_alloc_pages, mempool_free_pages, (void *)(long)(order))

#endif
