// SPDX-License-Identifier: MIT OR Apache-2.0
// What stands in headers alone: lists under RCU and without locks, notifiers, static keys.
#include <linux/init.h>
#include <linux/jump_label.h>
#include <linux/kernel.h>
#include <linux/llist.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/rculist.h>
#include <linux/slab.h>

struct item {
	int value;
	struct list_head link;
	struct hlist_node hash;
	struct llist_node fast;
	struct rcu_head rcu;
};
static LIST_HEAD(list);
static HLIST_HEAD(hash);
static LLIST_HEAD(fast);
static struct item items[5];

static int sum(void)
{
	struct item *at;
	int all = 0;

	rcu_read_lock();
	list_for_each_entry_rcu(at, &list, link)
		all = all * 10 + at->value;
	rcu_read_unlock();
	return all;
}

static void lists(void)
{
	struct item *at, *after;
	struct llist_node *first;
	int i, hashed = 0, taken = 0, empty;

	for (i = 0; i < 5; i++) {
		items[i].value = i + 1;
		hlist_add_head_rcu(&items[i].hash, &hash);
	}
	list_add_tail_rcu(&items[0].link, &list);
	list_add_tail_rcu(&items[1].link, &list);
	list_add_rcu(&items[2].link, &list);
	pr_info("lists: list %d\n", sum());
	list_replace_rcu(&items[0].link, &items[3].link);
	list_del_rcu(&items[1].link);
	synchronize_rcu();
	pr_info("lists: changed %d\n", sum());
	at = list_first_or_null_rcu(&list, struct item, link);
	pr_info("lists: first %d\n", at ? at->value : -1);
	hlist_del_rcu(&items[4].hash);
	rcu_read_lock();
	hlist_for_each_entry_rcu(at, &hash, hash)
		hashed = hashed * 10 + at->value;
	rcu_read_unlock();
	pr_info("lists: hash %d\n", hashed);
	empty = llist_add(&items[0].fast, &fast);
	pr_info("lists: was empty %d %d\n", empty, llist_add(&items[1].fast, &fast));
	llist_add(&items[2].fast, &fast);
	first = llist_del_first(&fast);
	pr_info("lists: last in %d\n", llist_entry(first, struct item, fast)->value);
	first = llist_reverse_order(llist_del_all(&fast));
	llist_for_each_entry_safe(at, after, first, fast)
		taken = taken * 10 + at->value;
	pr_info("lists: taken %d, empty %d\n", taken, llist_empty(&fast));
}

static int order;

static int first_told(struct notifier_block *block, unsigned long action, void *data)
{
	order = order * 10 + 1;
	return action == 9 ? NOTIFY_STOP : NOTIFY_OK;
}

static int then_told(struct notifier_block *block, unsigned long action, void *data)
{
	order = order * 10 + 2;
	*(int *)data += action;
	return notifier_from_errno(action == 5 ? -EBUSY : 0);
}

static struct notifier_block then = { .notifier_call = then_told };
static struct notifier_block first = { .notifier_call = first_told, .priority = 10 };
static ATOMIC_NOTIFIER_HEAD(atomic_chain);
static BLOCKING_NOTIFIER_HEAD(chain);
static RAW_NOTIFIER_HEAD(raw_chain);

static void notifiers(void)
{
	int data = 0, a, b;

	a = blocking_notifier_chain_register(&chain, &then);
	b = blocking_notifier_chain_register(&chain, &first);
	pr_info("lists: chain %d %d\n", a, b);
	a = blocking_notifier_call_chain(&chain, 3, &data);
	pr_info("lists: told %d, data %d, order %d\n", a, data, order);
	a = blocking_notifier_call_chain(&chain, 9, &data);
	pr_info("lists: stopped %d, data %d\n", a == NOTIFY_STOP, data);
	a = blocking_notifier_call_chain(&chain, 5, &data);
	pr_info("lists: error %d\n", notifier_to_errno(a));
	a = blocking_notifier_chain_unregister(&chain, &then);
	b = blocking_notifier_chain_unregister(&chain, &then);
	pr_info("lists: gone %d %d\n", a, b);
	blocking_notifier_chain_unregister(&chain, &first);
	a = atomic_notifier_chain_register(&atomic_chain, &then);
	b = atomic_notifier_call_chain(&atomic_chain, 1, &data);
	pr_info("lists: atomic %d %d %d\n", a, b, atomic_notifier_chain_unregister(&atomic_chain, &then));
	a = raw_notifier_chain_register(&raw_chain, &then);
	b = raw_notifier_call_chain(&raw_chain, 1, &data);
	pr_info("lists: raw %d %d %d, data %d\n", a, b, raw_notifier_chain_unregister(&raw_chain, &then), data);
}

static DEFINE_STATIC_KEY_FALSE(off);
static DEFINE_STATIC_KEY_TRUE(on);

static void keys(void)
{
	int before = 0;

	if (static_branch_unlikely(&off))
		before += 1;
	if (static_branch_likely(&on))
		before += 2;
	static_branch_enable(&off);
	static_branch_disable(&on);
	if (static_branch_unlikely(&off))
		before += 4;
	if (static_branch_likely(&on))
		before += 8;
	pr_info("lists: keys %d %d %d\n", before, static_key_enabled(&off), static_key_enabled(&on));
}

static int __init lists_init(void)
{
	lists();
	notifiers();
	keys();
	return 0;
}

static void __exit lists_exit(void)
{
}

module_init(lists_init);
module_exit(lists_exit);
MODULE_LICENSE("GPL");
