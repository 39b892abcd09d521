/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_BITOPS_H
#define _LINUX_BITOPS_H
/* Bits of arrays of longs: the plain names are atomic, those with two underscores are not. */
#include <linux/types.h>
#include <linux/bits.h>
#include <asm/barrier.h>

static __always_inline void set_bit(long n, volatile unsigned long *map)
{
	__atomic_fetch_or(&map[BIT_WORD(n)], BIT_MASK(n), __ATOMIC_RELAXED);
}
static __always_inline void clear_bit(long n, volatile unsigned long *map)
{
	__atomic_fetch_and(&map[BIT_WORD(n)], ~BIT_MASK(n), __ATOMIC_RELAXED);
}
static __always_inline void change_bit(long n, volatile unsigned long *map)
{
	__atomic_fetch_xor(&map[BIT_WORD(n)], BIT_MASK(n), __ATOMIC_RELAXED);
}
static __always_inline bool test_and_set_bit(long n, volatile unsigned long *map)
{
	return __atomic_fetch_or(&map[BIT_WORD(n)], BIT_MASK(n), __ATOMIC_SEQ_CST) & BIT_MASK(n);
}
static __always_inline bool test_and_clear_bit(long n, volatile unsigned long *map)
{
	return __atomic_fetch_and(&map[BIT_WORD(n)], ~BIT_MASK(n), __ATOMIC_SEQ_CST) & BIT_MASK(n);
}
static __always_inline bool test_and_change_bit(long n, volatile unsigned long *map)
{
	return __atomic_fetch_xor(&map[BIT_WORD(n)], BIT_MASK(n), __ATOMIC_SEQ_CST) & BIT_MASK(n);
}
static __always_inline bool test_bit(long n, const volatile unsigned long *map)
{
	return map[BIT_WORD(n)] & BIT_MASK(n);
}
static __always_inline void __set_bit(long n, volatile unsigned long *map) { map[BIT_WORD(n)] |= BIT_MASK(n); }
static __always_inline void __clear_bit(long n, volatile unsigned long *map) { map[BIT_WORD(n)] &= ~BIT_MASK(n); }
static __always_inline void __change_bit(long n, volatile unsigned long *map) { map[BIT_WORD(n)] ^= BIT_MASK(n); }

static __always_inline unsigned long __ffs(unsigned long word) { return __builtin_ctzl(word); }
static __always_inline unsigned long __fls(unsigned long word) { return 63 - __builtin_clzl(word); }
static __always_inline unsigned long ffz(unsigned long word) { return __builtin_ctzl(~word); }
static __always_inline int ffs(int x) { return __builtin_ffs(x); }
static __always_inline int fls(unsigned int x) { return x ? 32 - __builtin_clz(x) : 0; }
static __always_inline int fls64(u64 x) { return x ? 64 - __builtin_clzll(x) : 0; }
static __always_inline unsigned long hweight_long(unsigned long word)
{
	unsigned long count = 0;

	for (; word; word &= word - 1)
		count++;
	return count;
}
#define hweight64(word) hweight_long(word)
#define hweight32(word) ((unsigned int)hweight_long((u32)(word)))
#define hweight16(word) ((unsigned int)hweight_long((u16)(word)))
#define hweight8(word) ((unsigned int)hweight_long((u8)(word)))
static inline u32 rol32(u32 word, unsigned int shift) { return word << (shift & 31) | word >> (-shift & 31); }
static inline u32 ror32(u32 word, unsigned int shift) { return word >> (shift & 31) | word << (-shift & 31); }

static inline u64 rol64(u64 word, unsigned int shift) { return word << (shift & 63) | word >> (-shift & 63); }
static inline u64 ror64(u64 word, unsigned int shift) { return word >> (shift & 63) | word << (-shift & 63); }
static inline s32 sign_extend32(u32 value, int sign) { return (s32)(value << (31 - sign)) >> (31 - sign); }
static inline s64 sign_extend64(u64 value, int sign) { return (s64)(value << (63 - sign)) >> (63 - sign); }
static inline int get_count_order(unsigned int count) { return count ? fls(count - 1) : -1; }
#define __ffs64(word) __ffs(word)
#define fls_long(word) fls64(word)
#define assign_bit(n, map, value) ((value) ? set_bit(n, map) : clear_bit(n, map))
#define __assign_bit(n, map, value) ((value) ? __set_bit(n, map) : __clear_bit(n, map))
static __always_inline bool test_and_set_bit_lock(long n, volatile unsigned long *map) { return test_and_set_bit(n, map); }
static __always_inline void clear_bit_unlock(long n, volatile unsigned long *map)
{
	__atomic_fetch_and(&map[BIT_WORD(n)], ~BIT_MASK(n), __ATOMIC_RELEASE);
}
static __always_inline bool __test_and_set_bit(long n, volatile unsigned long *map)
{
	bool was = test_bit(n, map);

	__set_bit(n, map);
	return was;
}
static __always_inline bool __test_and_clear_bit(long n, volatile unsigned long *map)
{
	bool was = test_bit(n, map);

	__clear_bit(n, map);
	return was;
}

static inline unsigned long __find_bit(const unsigned long *map, unsigned long size, unsigned long from,
				       unsigned long invert)
{
	while (from < size) {
		unsigned long word = (map[BIT_WORD(from)] ^ invert) & (~0UL << (from % BITS_PER_LONG));

		if (word) {
			unsigned long found = BIT_WORD(from) * BITS_PER_LONG + __ffs(word);

			return found < size ? found : size;
		}
		from = (BIT_WORD(from) + 1) * BITS_PER_LONG;
	}
	return size;
}
#define find_next_bit(map, size, from) __find_bit(map, size, from, 0)
#define find_first_bit(map, size) __find_bit(map, size, 0, 0)
#define find_next_zero_bit(map, size, from) __find_bit(map, size, from, ~0UL)
#define find_first_zero_bit(map, size) __find_bit(map, size, 0, ~0UL)
static inline unsigned long find_last_bit(const unsigned long *map, unsigned long size)
{
	unsigned long at = size;

	while (at--)
		if (test_bit(at, map))
			return at;
	return size;
}
#define for_each_set_bit_from(at, map, size) \
	for (at = find_next_bit(map, size, at); at < (size); at = find_next_bit(map, size, at + 1))
#define for_each_set_bit(at, map, size) \
	for (at = find_first_bit(map, size); at < (size); at = find_next_bit(map, size, at + 1))
#define for_each_clear_bit(at, map, size) \
	for (at = find_first_zero_bit(map, size); at < (size); at = find_next_zero_bit(map, size, at + 1))

#endif
