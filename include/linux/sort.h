/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_SORT_H
#define _LINUX_SORT_H
/* Sorts an array in place, in n log n steps whatever is in it. */
#include <linux/types.h>

typedef int (*cmp_func_t)(const void *a, const void *b);
typedef int (*cmp_r_func_t)(const void *a, const void *b, const void *data);
typedef void (*swap_func_t)(void *a, void *b, int size);

static inline void __sort_swap(char *a, char *b, size_t size, swap_func_t own)
{
	if (own) {
		own(a, b, size);
		return;
	}
	while (size--) {
		char byte = a[size];

		a[size] = b[size];
		b[size] = byte;
	}
}
/* A heap: each is at least as large as the two below it. The largest goes to the end, again and again. */
static __maybe_unused noinline void sort(void *base, size_t count, size_t size, cmp_func_t compare, swap_func_t own)
{
	size_t start = count / 2, end = count;

	while (end > 1) {
		size_t at, below;

		if (start)
			start--;
		else
			__sort_swap(base, base + --end * size, size, own);
		for (at = start; (below = 2 * at + 1) < end; at = below) {
			if (below + 1 < end && compare(base + below * size, base + (below + 1) * size) < 0)
				below++;
			if (compare(base + at * size, base + below * size) >= 0)
				break;
			__sort_swap(base + at * size, base + below * size, size, own);
		}
	}
}

#endif
