/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_BITMAP_H
#define _LINUX_BITMAP_H
/* Sets of bits as arrays of longs; what lies behind the last bit means nothing. None of it is atomic. */
#include <linux/bitops.h>
#include <linux/errno.h>
#include <linux/slab.h>
#include <linux/string.h>

#define BITMAP_FIRST_WORD_MASK(start) (~0UL << ((start) % BITS_PER_LONG))
#define BITMAP_LAST_WORD_MASK(bits) (~0UL >> (-(bits) & (BITS_PER_LONG - 1)))
#define __bitmap_bytes(bits) (BITS_TO_LONGS(bits) * sizeof(long))

static inline unsigned long *bitmap_alloc(unsigned int bits, gfp_t flags)
{
	return kmalloc_array(BITS_TO_LONGS(bits), sizeof(long), flags);
}
static inline unsigned long *bitmap_zalloc(unsigned int bits, gfp_t flags) { return bitmap_alloc(bits, flags | __GFP_ZERO); }
static inline void bitmap_free(const unsigned long *map) { kfree(map); }
static inline void bitmap_zero(unsigned long *map, unsigned int bits) { memset(map, 0, __bitmap_bytes(bits)); }
static inline void bitmap_fill(unsigned long *map, unsigned int bits) { memset(map, 0xff, __bitmap_bytes(bits)); }
static inline void bitmap_copy(unsigned long *to, const unsigned long *from, unsigned int bits)
{
	memcpy(to, from, __bitmap_bytes(bits));
}
static inline void bitmap_set(unsigned long *map, unsigned int start, unsigned int count)
{
	for (; count; count--)
		__set_bit(start++, map);
}
static inline void bitmap_clear(unsigned long *map, unsigned int start, unsigned int count)
{
	for (; count; count--)
		__clear_bit(start++, map);
}

/* Of each word the bits that count. */
static inline unsigned long __bitmap_word(const unsigned long *map, unsigned int word, unsigned int bits)
{
	return map[word] & (word == (bits - 1) / BITS_PER_LONG ? BITMAP_LAST_WORD_MASK(bits) : ~0UL);
}
#define __BITMAP_MAKE(name, expression) \
static inline bool name(unsigned long *to, const unsigned long *a, const unsigned long *b, unsigned int bits) \
{ \
	unsigned long any = 0; \
	unsigned int word; \
	for (word = 0; word < BITS_TO_LONGS(bits); word++) { \
		to[word] = expression; \
		any |= __bitmap_word(to, word, bits); \
	} \
	return any != 0; \
}
__BITMAP_MAKE(bitmap_and, a[word] & b[word])
__BITMAP_MAKE(bitmap_or, a[word] | b[word])
__BITMAP_MAKE(bitmap_xor, a[word] ^ b[word])
__BITMAP_MAKE(bitmap_andnot, a[word] & ~b[word])
static inline void bitmap_complement(unsigned long *to, const unsigned long *from, unsigned int bits)
{
	unsigned int word;

	for (word = 0; word < BITS_TO_LONGS(bits); word++)
		to[word] = ~from[word];
}
#define __BITMAP_ASK(name, wrong) \
static inline bool name(const unsigned long *map1, const unsigned long *map2, unsigned int bits) \
{ \
	unsigned int word; \
	for (word = 0; word < BITS_TO_LONGS(bits); word++) { \
		unsigned long a = __bitmap_word(map1, word, bits), b = __bitmap_word(map2, word, bits); \
		if (wrong) \
			return false; \
	} \
	return true; \
}
__BITMAP_ASK(bitmap_equal, a != b)
__BITMAP_ASK(bitmap_subset, a & ~b)
__BITMAP_ASK(__bitmap_disjoint, a & b)
static inline bool bitmap_intersects(const unsigned long *a, const unsigned long *b, unsigned int bits)
{
	return !__bitmap_disjoint(a, b, bits);
}
static inline bool bitmap_empty(const unsigned long *map, unsigned int bits)
{
	return find_first_bit(map, bits) == bits;
}
static inline bool bitmap_full(const unsigned long *map, unsigned int bits)
{
	return find_first_zero_bit(map, bits) == bits;
}
static inline unsigned int bitmap_weight(const unsigned long *map, unsigned int bits)
{
	unsigned int word, count = 0;

	for (word = 0; word < BITS_TO_LONGS(bits); word++)
		count += hweight_long(__bitmap_word(map, word, bits));
	return count;
}

/* The first run of `count` zeros from `start` on whose place has no bit of `align`; past the end when there is none. */
static inline unsigned long bitmap_find_next_zero_area(unsigned long *map, unsigned long size, unsigned long start,
						       unsigned int count, unsigned long align)
{
	for (;;) {
		unsigned long at = (find_next_zero_bit(map, size, start) + align) & ~align, taken;

		if (at + count > size)
			return at + count;
		taken = find_next_bit(map, at + count, at);
		if (taken >= at + count)
			return at;
		start = taken + 1;
	}
}

/* Runs of 2^order bits at such places. */
static inline int bitmap_find_free_region(unsigned long *map, unsigned int bits, int order)
{
	unsigned long size = 1UL << order, at = bitmap_find_next_zero_area(map, bits, 0, size, size - 1);

	if (at + size > bits)
		return -ENOMEM;
	bitmap_set(map, at, size);
	return at;
}
static inline void bitmap_release_region(unsigned long *map, unsigned int at, int order)
{
	bitmap_clear(map, at, 1U << order);
}
static inline int bitmap_allocate_region(unsigned long *map, unsigned int at, int order)
{
	if (find_next_bit(map, at + (1UL << order), at) < at + (1UL << order))
		return -EBUSY;
	bitmap_set(map, at, 1U << order);
	return 0;
}

#endif
