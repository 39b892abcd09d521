/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_XARRAY_H
#define _LINUX_XARRAY_H
/* Arrays of pointers with as many elements as a long has values, most of them NULL: trees of nodes with 64 slots each. Who
   reads takes no lock; nodes are freed after a grace period. */
#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

typedef unsigned int xa_mark_t;
#define XA_MARK_0 0u
#define XA_MARK_1 1u
#define XA_MARK_2 2u
#define XA_PRESENT 8u
#define __XA_MARKS 3
#define __XA_BITS 6
#define __XA_SLOTS 64

struct __xa_node {
	unsigned int shift;
	unsigned int count;
	struct __xa_node *parent;
	u64 marks[__XA_MARKS];
	void *slots[__XA_SLOTS];
	struct rcu_head rcu;
};

struct xarray {
	spinlock_t xa_lock;
	gfp_t xa_flags;
	struct __xa_node *xa_head;
};

/* Whether free indices are given out, and from 1 on; which interrupts the lock keeps away. */
#define XA_FLAGS_LOCK_IRQ 1u
#define XA_FLAGS_LOCK_BH 2u
#define XA_FLAGS_ALLOC 4u
#define XA_FLAGS_ALLOC1 (4u | 8u)
#define XARRAY_INIT(name, flags) { __SPIN_LOCK_UNLOCKED(name.xa_lock), (flags), NULL }
#define DEFINE_XARRAY_FLAGS(name, flags) struct xarray name = XARRAY_INIT(name, flags)
#define DEFINE_XARRAY(name) DEFINE_XARRAY_FLAGS(name, 0)
#define DEFINE_XARRAY_ALLOC(name) DEFINE_XARRAY_FLAGS(name, XA_FLAGS_ALLOC)
#define DEFINE_XARRAY_ALLOC1(name) DEFINE_XARRAY_FLAGS(name, XA_FLAGS_ALLOC1)

struct xa_limit {
	u32 max;
	u32 min;
};
#define XA_LIMIT(_min, _max) (struct xa_limit){ .min = _min, .max = _max }
#define xa_limit_32b XA_LIMIT(0, UINT_MAX)
#define xa_limit_31b XA_LIMIT(0, INT_MAX)
#define xa_limit_16b XA_LIMIT(0, 65535)

/* Numbers in the place of pointers, errors, and what holds a place without being there. */
static inline void *xa_mk_value(unsigned long value) { return (void *)(value << 1 | 1); }
static inline unsigned long xa_to_value(const void *entry) { return (unsigned long)entry >> 1; }
static inline bool xa_is_value(const void *entry) { return (unsigned long)entry & 1; }
static inline bool xa_is_err(const void *entry) { return IS_ERR(entry); }
static inline int xa_err(void *entry) { return IS_ERR(entry) ? (int)PTR_ERR(entry) : 0; }
#define XA_ZERO_ENTRY ((void *)2UL)
static inline void *__xa_shown(void *entry) { return entry == XA_ZERO_ENTRY ? NULL : entry; }

#define xa_lock(xa) spin_lock(&(xa)->xa_lock)
#define xa_unlock(xa) spin_unlock(&(xa)->xa_lock)
#define xa_trylock(xa) spin_trylock(&(xa)->xa_lock)
#define xa_lock_bh(xa) spin_lock_bh(&(xa)->xa_lock)
#define xa_unlock_bh(xa) spin_unlock_bh(&(xa)->xa_lock)
#define xa_lock_irq(xa) spin_lock_irq(&(xa)->xa_lock)
#define xa_unlock_irq(xa) spin_unlock_irq(&(xa)->xa_lock)
#define xa_lock_irqsave(xa, flags) spin_lock_irqsave(&(xa)->xa_lock, flags)
#define xa_unlock_irqrestore(xa, flags) spin_unlock_irqrestore(&(xa)->xa_lock, flags)

static inline void xa_init_flags(struct xarray *xa, gfp_t flags)
{
	spin_lock_init(&xa->xa_lock);
	xa->xa_flags = flags;
	xa->xa_head = NULL;
}
static inline void xa_init(struct xarray *xa) { xa_init_flags(xa, 0); }
static inline bool xa_empty(const struct xarray *xa) { return !READ_ONCE(xa->xa_head); }

static inline unsigned int __xa_slot(const struct __xa_node *node, unsigned long index)
{
	return index >> node->shift & (__XA_SLOTS - 1);
}
static inline bool __xa_covers(const struct __xa_node *node, unsigned long index)
{
	return node->shift + __XA_BITS >= BITS_PER_LONG || !(index >> (node->shift + __XA_BITS));
}
/* The node whose slot holds an element, if there is one. */
static inline struct __xa_node *__xa_leaf(const struct xarray *xa, unsigned long index)
{
	struct __xa_node *node = READ_ONCE(xa->xa_head);

	if (!node || !__xa_covers(node, index))
		return NULL;
	while (node && node->shift)
		node = READ_ONCE(node->slots[__xa_slot(node, index)]);
	return node;
}
static inline void *__xa_get(const struct xarray *xa, unsigned long index)
{
	struct __xa_node *leaf = __xa_leaf(xa, index);

	return leaf ? READ_ONCE(leaf->slots[index % __XA_SLOTS]) : NULL;
}
static inline void *xa_load(struct xarray *xa, unsigned long index)
{
	void *entry;

	rcu_read_lock();
	entry = __xa_shown(__xa_get(xa, index));
	rcu_read_unlock();
	return entry;
}

/* Where a node is missing on the way to an element, or NULL: all are there. Its place, shift and parent. */
static inline struct __xa_node **__xa_missing(struct xarray *xa, unsigned long index, unsigned int *shift,
					      struct __xa_node **parent)
{
	struct __xa_node **place = &xa->xa_head;

	*parent = NULL;
	*shift = 0;
	if (!*place) {
		while (*shift + __XA_BITS < BITS_PER_LONG && index >> (*shift + __XA_BITS))
			*shift += __XA_BITS;
		return place;
	}
	while (*place) {
		if (!(*place)->shift)
			return NULL;
		*parent = *place;
		*shift = (*place)->shift - __XA_BITS;
		place = (struct __xa_node **)&(*place)->slots[__xa_slot(*place, index)];
	}
	return place;
}

/* Makes room for an element with the lock held; a node is taken from *spare. False: another one is needed. */
static inline bool __xa_make(struct xarray *xa, unsigned long index, struct __xa_node **spare)
{
	for (;;) {
		struct __xa_node *node = *spare, *head = xa->xa_head, *parent, **place;
		unsigned int shift;

		if (head && !__xa_covers(head, index)) {
			if (!node)
				return false;
			*spare = NULL;
			node->shift = head->shift + __XA_BITS;
			node->count = 1;
			node->slots[0] = head;
			head->parent = node;
			smp_store_release(&xa->xa_head, node);
			continue;
		}
		place = __xa_missing(xa, index, &shift, &parent);
		if (!place)
			return true;
		if (!node)
			return false;
		*spare = NULL;
		node->shift = shift;
		node->parent = parent;
		if (parent)
			parent->count++;
		smp_store_release(place, node);
	}
}

/* Empties nodes that hold nothing any more. */
static inline void __xa_prune(struct xarray *xa, struct __xa_node *node, unsigned long index)
{
	while (node && !node->count) {
		struct __xa_node *parent = node->parent;

		if (parent) {
			WRITE_ONCE(parent->slots[__xa_slot(parent, index)], NULL);
			parent->count--;
		} else {
			WRITE_ONCE(xa->xa_head, NULL);
		}
		kfree_rcu(node, rcu);
		node = parent;
	}
}

static inline void *__xa_erase(struct xarray *xa, unsigned long index)
{
	struct __xa_node *leaf = __xa_leaf(xa, index);
	unsigned int slot = index % __XA_SLOTS;
	void *was = leaf ? leaf->slots[slot] : NULL;
	int mark;

	if (!was)
		return NULL;
	WRITE_ONCE(leaf->slots[slot], NULL);
	for (mark = 0; mark < __XA_MARKS; mark++)
		leaf->marks[mark] &= ~(1ULL << slot);
	leaf->count--;
	__xa_prune(xa, leaf, index);
	return __xa_shown(was);
}

/* Calls for one element with the lock held, and without it where a node has to be made. `test` says what has to be there
   before: anything, nothing, or one entry. The entry that was there, or an error. */
enum __xa_test { __XA_ANY, __XA_NOTHING, __XA_SAME };
static __maybe_unused noinline void *__xa_change(struct xarray *xa, unsigned long index, enum __xa_test test,
						 void *old, void *entry, gfp_t flags, bool locked)
{
	struct __xa_node *spare = NULL;
	unsigned long irq = 0;
	void *was;

	for (;;) {
		bool room;

		if (!locked)
			spin_lock_irqsave(&xa->xa_lock, irq);
		was = __xa_get(xa, index);
		if ((test == __XA_NOTHING && was) || (test == __XA_SAME && __xa_shown(was) != old)) {
			if (test == __XA_NOTHING)
				was = ERR_PTR(-EBUSY);
			goto out;
		}
		if (!entry) {
			was = __xa_erase(xa, index);
			goto out;
		}
		room = __xa_make(xa, index, &spare);
		if (room)
			break;
		if (!locked)
			spin_unlock_irqrestore(&xa->xa_lock, irq);
		spare = kzalloc(sizeof(*spare), locked ? GFP_NOWAIT : flags);
		if (!spare) {
			/* What was made on the way goes again. */
			struct __xa_node *node;

			if (!locked)
				spin_lock_irqsave(&xa->xa_lock, irq);
			node = xa->xa_head;
			while (node && node->shift && __xa_covers(node, index) && node->slots[__xa_slot(node, index)])
				node = node->slots[__xa_slot(node, index)];
			__xa_prune(xa, node, index);
			was = ERR_PTR(-ENOMEM);
			goto out;
		}
	}
	{
		struct __xa_node *leaf = __xa_leaf(xa, index);

		leaf->count += !was;
		smp_store_release(&leaf->slots[index % __XA_SLOTS], entry);
	}
out:
	if (!locked)
		spin_unlock_irqrestore(&xa->xa_lock, irq);
	kfree(spare);
	return was;
}
static inline void *xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t flags)
{
	return __xa_shown(__xa_change(xa, index, __XA_ANY, NULL, entry, flags, false));
}
static inline void *__xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t flags)
{
	return __xa_shown(__xa_change(xa, index, __XA_ANY, NULL, entry, flags, true));
}
#define xa_store_bh xa_store
#define xa_store_irq xa_store
static inline int xa_insert(struct xarray *xa, unsigned long index, void *entry, gfp_t flags)
{
	return xa_err(__xa_change(xa, index, __XA_NOTHING, NULL, entry ?: XA_ZERO_ENTRY, flags, false));
}
static inline void *xa_cmpxchg(struct xarray *xa, unsigned long index, void *old, void *entry, gfp_t flags)
{
	return __xa_shown(__xa_change(xa, index, __XA_SAME, old, entry, flags, false));
}
static inline int xa_reserve(struct xarray *xa, unsigned long index, gfp_t flags)
{
	int error = xa_err(__xa_change(xa, index, __XA_NOTHING, NULL, XA_ZERO_ENTRY, flags, false));

	return error == -EBUSY ? 0 : error;
}
static inline void *xa_erase(struct xarray *xa, unsigned long index)
{
	return xa_store(xa, index, NULL, 0);
}
#define xa_erase_bh xa_erase
#define xa_erase_irq xa_erase
static inline void xa_release(struct xarray *xa, unsigned long index) { xa_cmpxchg(xa, index, NULL, NULL, 0); }

/* The first element from *index on, or the first place without one. Under RCU or the lock. */
static inline void *__xa_next(struct xarray *xa, unsigned long *index, unsigned long max, xa_mark_t mark)
{
	unsigned long at = *index;

	while (at <= max) {
		struct __xa_node *node = READ_ONCE(xa->xa_head);
		void *entry = node;
		unsigned int shift = 0;

		if (!node || !__xa_covers(node, at))
			return NULL;
		while (entry) {
			node = entry;
			shift = node->shift;
			entry = READ_ONCE(node->slots[__xa_slot(node, at)]);
			if (!shift)
				break;
		}
		if (__xa_shown(entry) && (mark == XA_PRESENT || node->marks[mark] >> (at % __XA_SLOTS) & 1)) {
			*index = at;
			return entry;
		}
		at = ((at >> shift) + 1) << shift;
		if (!at)
			return NULL;
	}
	return NULL;
}
static inline bool __xa_free_index(struct xarray *xa, unsigned long *index, unsigned long max)
{
	unsigned long at = *index;

	while (at <= max) {
		struct __xa_node *leaf = __xa_leaf(xa, at);

		if (!leaf || !leaf->slots[at % __XA_SLOTS]) {
			*index = at;
			return true;
		}
		at = leaf->count == __XA_SLOTS ? (at | (__XA_SLOTS - 1)) + 1 : at + 1;
		if (!at)
			break;
	}
	return false;
}
static inline void *xa_find(struct xarray *xa, unsigned long *index, unsigned long max, xa_mark_t mark)
{
	void *entry;

	rcu_read_lock();
	entry = __xa_next(xa, index, max, mark);
	rcu_read_unlock();
	return entry;
}
static inline void *xa_find_after(struct xarray *xa, unsigned long *index, unsigned long max, xa_mark_t mark)
{
	unsigned long after = *index + 1;
	void *entry = after ? xa_find(xa, &after, max, mark) : NULL;

	if (entry)
		*index = after;
	return entry;
}
#define xa_for_each_range(xa, index, entry, start, last) \
	for (index = start, entry = xa_find(xa, &index, last, XA_PRESENT); entry; \
	     entry = xa_find_after(xa, &index, last, XA_PRESENT))
#define xa_for_each_start(xa, index, entry, start) xa_for_each_range(xa, index, entry, start, ULONG_MAX)
#define xa_for_each(xa, index, entry) xa_for_each_start(xa, index, entry, 0)
#define xa_for_each_marked(xa, index, entry, mark) \
	for (index = 0, entry = xa_find(xa, &index, ULONG_MAX, mark); entry; \
	     entry = xa_find_after(xa, &index, ULONG_MAX, mark))

/* A free index within limits gets an entry. -EBUSY: there is none; 1: the search began anew. */
static inline int __xa_give(struct xarray *xa, unsigned long *at, unsigned long max, void *entry, gfp_t flags)
{
	for (;;) {
		unsigned long irq;
		bool found;
		int error;

		spin_lock_irqsave(&xa->xa_lock, irq);
		found = __xa_free_index(xa, at, max);
		spin_unlock_irqrestore(&xa->xa_lock, irq);
		if (!found)
			return -EBUSY;
		error = xa_insert(xa, *at, entry, flags);
		if (error != -EBUSY)
			return error;
	}
}
static inline int xa_alloc(struct xarray *xa, u32 *id, void *entry, struct xa_limit limit, gfp_t flags)
{
	unsigned long at = limit.min;
	int error;

	if (!at && (xa->xa_flags & XA_FLAGS_ALLOC1) == XA_FLAGS_ALLOC1)
		at = 1;
	error = __xa_give(xa, &at, limit.max, entry, flags);
	if (!error)
		*id = at;
	return error;
}
static inline int xa_alloc_cyclic(struct xarray *xa, u32 *id, void *entry, struct xa_limit limit, u32 *next, gfp_t flags)
{
	struct xa_limit above = { .min = max(limit.min, *next), .max = limit.max };
	int error = xa_alloc(xa, id, entry, above, flags), again = 0;

	if (error == -EBUSY && above.min > limit.min) {
		above = (struct xa_limit){ .min = limit.min, .max = above.min - 1 };
		error = xa_alloc(xa, id, entry, above, flags);
		again = 1;
	}
	if (error)
		return error;
	*next = *id + 1;
	return again;
}
#define xa_alloc_irq xa_alloc
#define xa_alloc_bh xa_alloc

static inline bool xa_get_mark(struct xarray *xa, unsigned long index, xa_mark_t mark)
{
	struct __xa_node *leaf;
	bool set;

	rcu_read_lock();
	leaf = __xa_leaf(xa, index);
	set = leaf && leaf->marks[mark] >> (index % __XA_SLOTS) & 1;
	rcu_read_unlock();
	return set;
}
static inline void __xa_mark(struct xarray *xa, unsigned long index, xa_mark_t mark, bool set)
{
	u64 bit = 1ULL << (index % __XA_SLOTS);
	struct __xa_node *leaf;
	unsigned long irq;

	spin_lock_irqsave(&xa->xa_lock, irq);
	leaf = __xa_leaf(xa, index);
	if (leaf && leaf->slots[index % __XA_SLOTS])
		leaf->marks[mark] = set ? leaf->marks[mark] | bit : leaf->marks[mark] & ~bit;
	spin_unlock_irqrestore(&xa->xa_lock, irq);
}
static inline void xa_set_mark(struct xarray *xa, unsigned long index, xa_mark_t mark)
{
	__xa_mark(xa, index, mark, true);
}
static inline void xa_clear_mark(struct xarray *xa, unsigned long index, xa_mark_t mark)
{
	__xa_mark(xa, index, mark, false);
}
static inline bool xa_marked(struct xarray *xa, xa_mark_t mark)
{
	unsigned long index = 0;

	return xa_find(xa, &index, ULONG_MAX, mark) != NULL;
}

/* All elements go; what they point to is the owner's. */
static __maybe_unused noinline void xa_destroy(struct xarray *xa)
{
	unsigned long irq;
	struct __xa_node *node;

	spin_lock_irqsave(&xa->xa_lock, irq);
	node = xa->xa_head;
	WRITE_ONCE(xa->xa_head, NULL);
	spin_unlock_irqrestore(&xa->xa_lock, irq);
	while (node) {
		struct __xa_node *next = node->parent;
		unsigned int slot = 0;

		while (node->shift && slot < __XA_SLOTS && !node->slots[slot])
			slot++;
		if (node->shift && slot < __XA_SLOTS) {
			next = node->slots[slot];
			WRITE_ONCE(node->slots[slot], NULL);
		} else {
			kfree_rcu(node, rcu);
		}
		node = next;
	}
}

#endif
