/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_SLAB_H
#define _LINUX_SLAB_H
#include <linux/gfp.h>
#include <linux/types.h>

extern void *__kmalloc(size_t size, gfp_t flags) __malloc;
extern void kfree(const void *block);
extern size_t ksize(const void *block);

#define ZERO_SIZE_PTR ((void *)16)
#define ZERO_OR_NULL_PTR(x) ((unsigned long)(x) <= (unsigned long)ZERO_SIZE_PTR)
#define KMALLOC_MAX_SIZE (4UL << 20)

static __always_inline void *kmalloc(size_t size, gfp_t flags) { return __kmalloc(size, flags); }
static inline void *kzalloc(size_t size, gfp_t flags) { return __kmalloc(size, flags | __GFP_ZERO); }
static inline void *kmalloc_array(size_t n, size_t size, gfp_t flags)
{
	size_t bytes;
	return __builtin_mul_overflow(n, size, &bytes) ? NULL : __kmalloc(bytes, flags);
}
static inline void *kcalloc(size_t n, size_t size, gfp_t flags)
{
	return kmalloc_array(n, size, flags | __GFP_ZERO);
}

/* Reports of what was taken name the line that calls: an inline function would have its own. */
#define kmalloc(size, flags) __kmalloc(size, flags)
#define kzalloc(size, flags) __kmalloc(size, (flags) | __GFP_ZERO)

extern void *krealloc(const void *block, size_t size, gfp_t flags) __must_check;
extern void kfree_sensitive(const void *block);
#define kzfree(block) kfree_sensitive(block)
#define krealloc_array(block, n, size, flags) ({ \
	size_t __bytes; \
	__builtin_mul_overflow((size_t)(n), (size_t)(size), &__bytes) ? NULL : krealloc(block, __bytes, flags); })
#define kmalloc_node(size, flags, node) __kmalloc(size, flags)
#define kzalloc_node(size, flags, node) kzalloc(size, flags)

extern void *kvmalloc_node(size_t size, gfp_t flags, int node) __malloc;
extern void kvfree(const void *block);
static inline void *kvmalloc(size_t size, gfp_t flags) { return kvmalloc_node(size, flags, -1); }
static inline void *kvzalloc(size_t size, gfp_t flags) { return kvmalloc(size, flags | __GFP_ZERO); }
static inline void *kvmalloc_array(size_t n, size_t size, gfp_t flags)
{
	size_t bytes;
	return __builtin_mul_overflow(n, size, &bytes) ? NULL : kvmalloc(bytes, flags);
}
#define kvcalloc(n, size, flags) kvmalloc_array(n, size, (flags) | __GFP_ZERO)

/* Caches of objects of one size; /proc/slabinfo shows them. */
struct kmem_cache;
#define SLAB_CONSISTENCY_CHECKS 0x00000100U
#define SLAB_RED_ZONE 0x00000400U
#define SLAB_POISON 0x00000800U
#define SLAB_HWCACHE_ALIGN 0x00002000U
#define SLAB_RECLAIM_ACCOUNT 0x00020000U
#define SLAB_PANIC 0x00040000U
#define SLAB_MEM_SPREAD 0x00100000U
#define SLAB_ACCOUNT 0x04000000U

extern struct kmem_cache *kmem_cache_create(const char *name, unsigned int size, unsigned int align,
					    slab_flags_t flags, void (*construct)(void *object));
extern void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t flags) __malloc;
extern void kmem_cache_free(struct kmem_cache *cache, void *object);
extern void kmem_cache_destroy(struct kmem_cache *cache);
extern unsigned int kmem_cache_size(struct kmem_cache *cache);
extern int kmem_cache_shrink(struct kmem_cache *cache);
#define kmem_cache_create_usercopy(name, size, align, flags, offset, length, construct) \
	kmem_cache_create(name, size, align, flags, construct)
#define KMEM_CACHE(type, flags) \
	kmem_cache_create(#type, sizeof(struct type), __alignof__(struct type), (flags), NULL)
static inline void *kmem_cache_zalloc(struct kmem_cache *cache, gfp_t flags)
{
	return kmem_cache_alloc(cache, flags | __GFP_ZERO);
}

#endif
