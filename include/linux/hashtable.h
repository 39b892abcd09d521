/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_HASHTABLE_H
#define _LINUX_HASHTABLE_H
/* Arrays of lists, as many as a power of two. */
#include <linux/hash.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/rculist.h>

#define DECLARE_HASHTABLE(name, bits) struct hlist_head name[1 << (bits)]
#define DEFINE_HASHTABLE(name, bits) DECLARE_HASHTABLE(name, bits) = { [0 ... (1 << (bits)) - 1] = HLIST_HEAD_INIT }
#define DEFINE_READ_MOSTLY_HASHTABLE DEFINE_HASHTABLE
#define HASH_SIZE(name) (ARRAY_SIZE(name))
#define HASH_BITS(name) ilog2(HASH_SIZE(name))
#define hash_min(value, bits) (sizeof(value) <= 4 ? hash_32(value, bits) : hash_long(value, bits))

static inline void __hash_init(struct hlist_head *table, unsigned int size)
{
	while (size--)
		table[size].first = NULL;
}
static inline bool __hash_empty(struct hlist_head *table, unsigned int size)
{
	while (size--)
		if (table[size].first)
			return false;
	return true;
}
#define hash_init(table) __hash_init(table, HASH_SIZE(table))
#define hash_empty(table) __hash_empty(table, HASH_SIZE(table))
#define __hash_bucket(table, key) (&(table)[hash_min(key, HASH_BITS(table))])
#define hash_add(table, node, key) hlist_add_head(node, __hash_bucket(table, key))
#define hash_add_rcu(table, node, key) hlist_add_head_rcu(node, __hash_bucket(table, key))
static inline bool hash_hashed(struct hlist_node *node) { return !hlist_unhashed(node); }
static inline void hash_del(struct hlist_node *node) { hlist_del_init(node); }
static inline void hash_del_rcu(struct hlist_node *node)
{
	if (hash_hashed(node)) {
		hlist_del_rcu(node);
		WRITE_ONCE(node->pprev, NULL);
	}
}

#define hash_for_each(table, bucket, at, member) \
	for ((bucket) = 0, at = NULL; at == NULL && (bucket) < HASH_SIZE(table); (bucket)++) \
		hlist_for_each_entry(at, &(table)[bucket], member)
#define hash_for_each_rcu(table, bucket, at, member) \
	for ((bucket) = 0, at = NULL; at == NULL && (bucket) < HASH_SIZE(table); (bucket)++) \
		hlist_for_each_entry_rcu(at, &(table)[bucket], member)
#define hash_for_each_safe(table, bucket, after, at, member) \
	for ((bucket) = 0, at = NULL; at == NULL && (bucket) < HASH_SIZE(table); (bucket)++) \
		hlist_for_each_entry_safe(at, after, &(table)[bucket], member)
#define hash_for_each_possible(table, at, member, key) hlist_for_each_entry(at, __hash_bucket(table, key), member)
#define hash_for_each_possible_rcu(table, at, member, key, condition...) \
	hlist_for_each_entry_rcu(at, __hash_bucket(table, key), member)
#define hash_for_each_possible_safe(table, at, after, member, key) \
	hlist_for_each_entry_safe(at, after, __hash_bucket(table, key), member)

#endif
