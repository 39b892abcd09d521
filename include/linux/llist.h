/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_LLIST_H
#define _LINUX_LLIST_H
/* A list to which many add without a lock, and which is taken as a whole. */
#include <linux/atomic.h>
#include <linux/kernel.h>

struct llist_head { struct llist_node *first; };
struct llist_node { struct llist_node *next; };
#define LLIST_HEAD_INIT(name) { NULL }
#define LLIST_HEAD(name) struct llist_head name = LLIST_HEAD_INIT(name)
static inline void init_llist_head(struct llist_head *list) { list->first = NULL; }
static inline bool llist_empty(const struct llist_head *head) { return !READ_ONCE(head->first); }
/* True: it was empty. */
static inline bool llist_add(struct llist_node *node, struct llist_head *head)
{
	struct llist_node *first = READ_ONCE(head->first);

	do {
		node->next = first;
	} while (!try_cmpxchg(&head->first, &first, node));
	return !first;
}
static inline struct llist_node *llist_del_all(struct llist_head *head) { return xchg(&head->first, NULL); }
/* One at a time takes off: a lock of the caller's sees to it. */
static inline struct llist_node *llist_del_first(struct llist_head *head)
{
	struct llist_node *first = smp_load_acquire(&head->first);

	while (first && !try_cmpxchg(&head->first, &first, READ_ONCE(first->next)))
		;
	return first;
}
static inline struct llist_node *llist_reverse_order(struct llist_node *at)
{
	struct llist_node *reversed = NULL;

	while (at) {
		struct llist_node *next = at->next;

		at->next = reversed;
		reversed = at;
		at = next;
	}
	return reversed;
}
#define llist_entry(pointer, type, member) container_of(pointer, type, member)
#define llist_for_each(at, node) for ((at) = (node); at; (at) = (at)->next)
#define __llist_entry(node, type, member) ({ \
	struct llist_node *__node = (node); \
	__node ? llist_entry(__node, type, member) : NULL; })
#define llist_for_each_entry(at, node, member) \
	for ((at) = __llist_entry(node, __typeof__(*(at)), member); at; \
	     (at) = __llist_entry((at)->member.next, __typeof__(*(at)), member))
#define llist_for_each_entry_safe(at, after, node, member) \
	for ((at) = __llist_entry(node, __typeof__(*(at)), member); \
	     (at) && ({ (after) = __llist_entry((at)->member.next, __typeof__(*(at)), member); 1; }); (at) = (after))
#endif
