/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_LIST_SORT_H
#define _LINUX_LIST_SORT_H
/* Sorts a list; equal ones keep their order. */
#include <linux/list.h>

typedef int (*list_cmp_func_t)(void *data, const struct list_head *a, const struct list_head *b);

/* Runs of 1, 2, 4, ... nodes are merged in pairs, from the front on. */
static __maybe_unused noinline void list_sort(void *data, struct list_head *head, list_cmp_func_t compare)
{
	unsigned long run, merges;

	for (run = 1; ; run *= 2) {
		struct list_head *left = head->next;
		LIST_HEAD(sorted);

		for (merges = 0; left != head; merges++) {
			unsigned long a, b = run;
			struct list_head *right = left;

			for (a = 0; a < run && right != head; a++)
				right = right->next;
			while (a || (b && right != head)) {
				bool from_left = a && (!b || right == head || compare(data, left, right) <= 0);
				struct list_head *next = from_left ? left : right;

				if (from_left) {
					left = left->next;
					a--;
				} else {
					right = right->next;
					b--;
				}
				list_move_tail(next, &sorted);
			}
			left = right;
		}
		list_splice(&sorted, head);
		if (merges <= 1)
			return;
	}
}

#endif
