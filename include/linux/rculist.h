/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_RCULIST_H
#define _LINUX_RCULIST_H
/* Lists that are read under RCU: what is added is whole before it is seen, what is taken off still leads on. */
#include <linux/list.h>
#include <linux/rcupdate.h>

static inline void __list_add_rcu(struct list_head *node, struct list_head *before, struct list_head *after)
{
	node->next = after;
	node->prev = before;
	rcu_assign_pointer(before->next, node);
	after->prev = node;
}
static inline void list_add_rcu(struct list_head *node, struct list_head *head)
{
	__list_add_rcu(node, head, head->next);
}
static inline void list_add_tail_rcu(struct list_head *node, struct list_head *head)
{
	__list_add_rcu(node, head->prev, head);
}
static inline void list_del_rcu(struct list_head *entry)
{
	__list_del_entry(entry);
	entry->prev = LIST_POISON2;
}
static inline void list_replace_rcu(struct list_head *old, struct list_head *fresh)
{
	fresh->next = old->next;
	fresh->prev = old->prev;
	rcu_assign_pointer(fresh->prev->next, fresh);
	fresh->next->prev = fresh;
	old->prev = LIST_POISON2;
}
#define list_entry_rcu(pointer, type, member) container_of(READ_ONCE(pointer), type, member)
#define list_first_or_null_rcu(head, type, member) ({ \
	struct list_head *__head = (head), *__first = READ_ONCE(__head->next); \
	__first != __head ? list_entry(__first, type, member) : NULL; })
#define list_for_each_entry_rcu(at, head, member, condition...) \
	for (at = list_entry_rcu((head)->next, __typeof__(*at), member); &at->member != (head); \
	     at = list_entry_rcu(at->member.next, __typeof__(*at), member))

static inline void hlist_add_head_rcu(struct hlist_node *node, struct hlist_head *head)
{
	struct hlist_node *first = head->first;

	node->next = first;
	node->pprev = &head->first;
	rcu_assign_pointer(head->first, node);
	if (first)
		first->pprev = &node->next;
}
static inline void hlist_del_rcu(struct hlist_node *node)
{
	WRITE_ONCE(*node->pprev, node->next);
	if (node->next)
		node->next->pprev = node->pprev;
	node->pprev = LIST_POISON2;
}
#define hlist_for_each_entry_rcu(at, head, member, condition...) \
	for (at = hlist_entry_safe(READ_ONCE((head)->first), __typeof__(*at), member); at; \
	     at = hlist_entry_safe(READ_ONCE(at->member.next), __typeof__(*at), member))

#endif
