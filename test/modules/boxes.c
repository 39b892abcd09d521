// SPDX-License-Identifier: MIT OR Apache-2.0
// What holds things: trees, hash tables, rings, numbered tables, arrays, bitmaps, pools; sorting. Each against simple sums.
#include <linux/bitmap.h>
#include <linux/bsearch.h>
#include <linux/circ_buf.h>
#include <linux/hashtable.h>
#include <linux/idr.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/kfifo.h>
#include <linux/list.h>
#include <linux/list_sort.h>
#include <linux/mempool.h>
#include <linux/module.h>
#include <linux/rbtree.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/u64_stats_sync.h>
#include <linux/xarray.h>

#define MANY 500
static struct item {
	int key;
	int order;
	struct rb_node node;
	struct hlist_node hash;
	struct list_head link;
} items[MANY];

/* The same numbers in each run. */
static u32 seed;
static u32 next_number(void)
{
	seed = seed * 1664525 + 1013904223;
	return seed >> 8;
}

static bool less(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct item, node)->key < rb_entry(b, struct item, node)->key;
}

static int by_key(const void *key, const struct rb_node *node)
{
	return *(const int *)key - rb_entry(node, struct item, node)->key;
}

/* The longest way down, and whether the order holds. */
static int depth(struct rb_node *node)
{
	int left, right;

	if (!node)
		return 0;
	left = depth(node->rb_left);
	right = depth(node->rb_right);
	return 1 + max(left, right);
}

static int ordered(struct rb_root *root)
{
	struct rb_node *node;
	int count = 0, last = -1;

	for (node = rb_first(root); node; node = rb_next(node)) {
		int key = rb_entry(node, struct item, node)->key;

		if (key < last)
			return -1;
		last = key;
		count++;
	}
	for (node = rb_last(root); node; node = rb_prev(node))
		count--;
	return count;
}

static void trees(void)
{
	struct rb_root root = RB_ROOT;
	struct rb_root_cached cached = RB_ROOT_CACHED;
	struct item *at, *after;
	struct rb_node *found;
	int i, bad = 0, flat = 1, sum = 0, key;

	seed = 1;
	for (i = 0; i < MANY; i++) {
		items[i].key = next_number() % 1000;
		items[i].order = i;
		if (i % 2) {
			rb_add(&items[i].node, &root, less);
		} else {
			struct rb_node **link = &root.rb_node, *parent = NULL;

			while (*link) {
				parent = *link;
				link = less(&items[i].node, parent) ? &parent->rb_left : &parent->rb_right;
			}
			rb_link_node(&items[i].node, parent, link);
			rb_insert_color(&items[i].node, &root);
		}
		bad += ordered(&root) != 0;
		flat &= depth(root.rb_node) <= 2 * (ilog2(i + 2) + 1);
	}
	pr_info("boxes: tree wrong %d, flat %d, first %d, last %d\n", bad, flat,
		rb_entry(rb_first(&root), struct item, node)->key, rb_entry(rb_last(&root), struct item, node)->key);
	key = items[77].key;
	found = rb_find(&key, &root, by_key);
	pr_info("boxes: found %d", found && rb_entry(found, struct item, node)->key == key);
	key = 1000;
	pr_cont(" %d\n", rb_find(&key, &root, by_key) != NULL);
	for (i = 0; i < MANY; i += 2) {
		rb_erase(&items[i].node, &root);
		RB_CLEAR_NODE(&items[i].node);
		bad += ordered(&root) != 0 || !RB_EMPTY_NODE(&items[i].node);
		flat &= depth(root.rb_node) <= 20;
	}
	pr_info("boxes: half gone, wrong %d, flat %d\n", bad, flat);
	items[0].key = items[1].key;
	rb_replace_node(&items[1].node, &items[0].node, &root);
	pr_info("boxes: replaced %d\n", ordered(&root));
	rbtree_postorder_for_each_entry_safe(at, after, &root, node)
		sum++;
	pr_info("boxes: postorder %d\n", sum);
	for (i = 3; i < MANY; i += 2)
		rb_erase(&items[i].node, &root);
	rb_erase(&items[0].node, &root);
	pr_info("boxes: empty %d\n", RB_EMPTY_ROOT(&root));
	for (i = 0; i < 100; i++)
		rb_add_cached(&items[i].node, &cached, less);
	key = rb_entry(rb_first_cached(&cached), struct item, node)->key;
	for (i = 0; i < 100; i++) {
		bad += rb_first_cached(&cached) != rb_first(&cached.rb_root);
		rb_erase_cached(&items[i].node, &cached);
	}
	pr_info("boxes: cached %d, wrong %d, none %d\n", key, bad, rb_first_cached(&cached) == NULL);
}

static DEFINE_HASHTABLE(table, 4);

static void hashes(void)
{
	struct hlist_node *after;
	struct item *at;
	int i, bucket, count = 0, same = 0, order = 0;

	for (i = 0; i < 40; i++)
		hash_add(table, &items[i].hash, items[i].order % 10);
	hash_for_each_possible(table, at, hash, 7)
		same += at->order % 10 == 7;
	hash_for_each(table, bucket, at, hash) {
		count++;
		order = (order * 31 + at->order) % 10007;
	}
	pr_info("boxes: hashed %d, same key %d, order %d, buckets %d\n", count, same, order, (int)HASH_SIZE(table));
	hash_for_each_safe(table, bucket, after, at, hash)
		if (at->order % 2)
			hash_del(&at->hash);
	count = 0;
	hash_for_each(table, bucket, at, hash)
		count++;
	pr_info("boxes: left %d, there %d %d\n", count, hash_hashed(&items[0].hash), hash_hashed(&items[1].hash));
	hash_for_each_safe(table, bucket, after, at, hash)
		hash_del(&at->hash);
	pr_info("boxes: empty %d, hash %u %u\n", hash_empty(table), hash_32(12345, 8), (u32)hash_64(12345, 16));
}

static DEFINE_KFIFO(numbers, int, 8);
static DECLARE_KFIFO(bytes, unsigned char, 16);
static DECLARE_KFIFO_PTR(larger, u64);
static DEFINE_SPINLOCK(lock);

static void rings(void)
{
	struct kfifo plain;
	char text[20] = "";
	int i, sum = 0, value = 0, put = 0;
	u64 word = 0;

	for (i = 0; i < 10; i++)
		put += kfifo_put(&numbers, i);
	pr_info("boxes: put %d, in %d, room %d, full %d, size %d\n", put, kfifo_len(&numbers), kfifo_avail(&numbers),
		kfifo_is_full(&numbers), kfifo_size(&numbers));
	put = kfifo_peek(&numbers, &value);
	kfifo_skip(&numbers);
	pr_info("boxes: peeked %d %d\n", put, value);
	while (kfifo_get(&numbers, &value))
		sum = sum * 10 + value;
	pr_info("boxes: got %d, empty %d\n", sum, kfifo_is_empty(&numbers));
	INIT_KFIFO(bytes);
	put = kfifo_in(&bytes, "0123456789", 10);
	sum = kfifo_out(&bytes, text, 6);
	put += kfifo_in(&bytes, "abcdefghijklmnop", 16);
	pr_info("boxes: bytes %d %d %s", put, sum, text);
	sum = kfifo_out_peek(&bytes, text, 3);
	pr_cont(" %d %.3s", sum, text);
	sum = kfifo_out_spinlocked(&bytes, text, 20, &lock);
	pr_cont(" %d %.16s\n", sum, text);
	sum = kfifo_alloc(&larger, 5, GFP_KERNEL);
	put = kfifo_put(&larger, 1ULL << 40);
	value = kfifo_get(&larger, &word);
	pr_info("boxes: allocated %d %d %d %llu, size %d, esize %d\n", sum, put, value, word, kfifo_size(&larger),
		(int)kfifo_esize(&larger));
	kfifo_free(&larger);
	sum = kfifo_init(&plain, text, 20);
	pr_info("boxes: own room %d %d", sum, kfifo_size(&plain));
	pr_cont(", too small %d\n", kfifo_alloc(&plain, 1, GFP_KERNEL));
	pr_info("boxes: circle %d %d %d %d\n", CIRC_CNT(2, 14, 16), CIRC_SPACE(2, 14, 16), CIRC_CNT_TO_END(2, 14, 16),
		CIRC_SPACE_TO_END(2, 14, 16));
}

static DEFINE_IDR(idr);
static DEFINE_IDA(ida);

static int add_id(int id, void *pointer, void *data)
{
	*(int *)data += id;
	return id == 12 ? -7 : 0;
}

static void numbered(void)
{
	int i, a, b, c, id, sum = 0;
	struct item *at;
	u32 u = 5;

	a = idr_alloc(&idr, &items[0], 0, 0, GFP_KERNEL);
	b = idr_alloc(&idr, &items[1], 10, 12, GFP_KERNEL);
	c = idr_alloc(&idr, &items[2], 10, 12, GFP_KERNEL);
	pr_info("boxes: idr %d %d %d %d\n", a, b, c, idr_alloc(&idr, &items[3], 10, 12, GFP_KERNEL));
	a = idr_alloc(&idr, &items[4], 3, 4, GFP_KERNEL);
	b = idr_alloc(&idr, &items[5], 5, 3, GFP_KERNEL);
	c = idr_alloc_u32(&idr, &items[6], &u, 100, GFP_KERNEL);
	pr_info("boxes: idr %d %d %d %u\n", a, b, c, u);
	a = idr_alloc_cyclic(&idr, &items[7], 12, 15, GFP_KERNEL);
	b = idr_alloc_cyclic(&idr, &items[8], 12, 15, GFP_KERNEL);
	c = idr_alloc_cyclic(&idr, &items[9], 12, 15, GFP_KERNEL);
	idr_remove(&idr, 12);
	pr_info("boxes: idr in turn %d %d %d %d\n", a, b, c, idr_alloc_cyclic(&idr, &items[7], 12, 15, GFP_KERNEL));
	pr_info("boxes: idr find %d %d %d\n", idr_find(&idr, 10) == &items[1], idr_find(&idr, 9) == NULL,
		idr_find(&idr, 1UL << 40) == NULL);
	pr_info("boxes: idr replace %d %ld\n", idr_replace(&idr, &items[20], 10) == &items[1],
		PTR_ERR(idr_replace(&idr, &items[20], 9)));
	idr_for_each_entry(&idr, at, id)
		sum = (sum * 100 + id) % 1000003;
	pr_info("boxes: idr all %d\n", sum);
	sum = 0;
	a = idr_for_each(&idr, add_id, &sum);
	pr_info("boxes: idr each %d %d\n", a, sum);
	a = idr_remove(&idr, 10) == &items[20];
	pr_info("boxes: idr removed %d %d\n", a, idr_remove(&idr, 10) == NULL);
	id = 6;
	at = idr_get_next(&idr, &id);
	pr_info("boxes: idr next %d %d\n", id, at == &items[2]);
	idr_destroy(&idr);
	pr_info("boxes: idr empty %d\n", idr_is_empty(&idr));

	for (i = 0; i < 200; i++)
		sum = ida_alloc(&ida, GFP_KERNEL);
	ida_free(&ida, 7);
	ida_free(&ida, 70);
	a = ida_alloc_min(&ida, 50, GFP_KERNEL);
	b = ida_alloc(&ida, GFP_KERNEL);
	c = ida_alloc_max(&ida, 100, GFP_KERNEL);
	pr_info("boxes: ida %d %d %d %d %d\n", sum, a, b, c, ida_alloc_range(&ida, 1000, 1000, GFP_KERNEL));
	pr_info("boxes: ida empty %d", ida_is_empty(&ida));
	ida_destroy(&ida);
	pr_cont(" %d\n", ida_is_empty(&ida));
}

static DEFINE_XARRAY(xa);
static DEFINE_XARRAY_ALLOC1(ids);

static void arrays(void)
{
	static const unsigned long places[] = { 0, 63, 64, 5000, 1UL << 31, ~0UL };
	unsigned long index;
	void *entry;
	u32 id = 0, turn = 0;
	int i, a, b, c, count = 0;

	for (i = 0; i < ARRAY_SIZE(places); i++)
		count += xa_store(&xa, places[i], xa_mk_value(i + 1), GFP_KERNEL) == NULL;
	pr_info("boxes: stored %d\n", count);
	count = 0;
	xa_for_each(&xa, index, entry)
		count = count * 10 + xa_to_value(entry) * (index == places[xa_to_value(entry) - 1]);
	pr_info("boxes: all %d\n", count);
	pr_info("boxes: loaded %ld %d %d\n", xa_to_value(xa_load(&xa, 5000)), xa_load(&xa, 5001) == NULL,
		xa_load(&xa, ~0UL - 1) == NULL);
	a = xa_insert(&xa, 64, &items[0], GFP_KERNEL);
	b = xa_insert(&xa, 65, &items[0], GFP_KERNEL);
	c = xa_cmpxchg(&xa, 65, NULL, &items[1], GFP_KERNEL) == &items[0];
	pr_info("boxes: insert %d %d, exchange %d %d\n", a, b, c,
		xa_cmpxchg(&xa, 65, &items[0], &items[1], GFP_KERNEL) == &items[0]);
	a = xa_load(&xa, 65) == &items[1];
	b = xa_reserve(&xa, 66, GFP_KERNEL);
	c = xa_load(&xa, 66) == NULL;
	pr_info("boxes: exchanged %d, reserved %d %d %d\n", a, b, c, xa_insert(&xa, 66, &items[0], GFP_KERNEL));
	xa_release(&xa, 66);
	xa_set_mark(&xa, 63, XA_MARK_0);
	xa_set_mark(&xa, 5000, XA_MARK_0);
	xa_set_mark(&xa, 5001, XA_MARK_0);
	count = 0;
	xa_for_each_marked(&xa, index, entry, XA_MARK_0)
		count = count * 10 + xa_to_value(entry);
	xa_clear_mark(&xa, 63, XA_MARK_0);
	pr_info("boxes: marked %d %d %d %d\n", count, xa_get_mark(&xa, 63, XA_MARK_0), xa_get_mark(&xa, 5000, XA_MARK_0),
		xa_marked(&xa, XA_MARK_1));
	index = 64;
	entry = xa_find_after(&xa, &index, 4999, XA_PRESENT);
	pr_info("boxes: after %lu %d %d\n", index, entry == &items[1],
		xa_find_after(&xa, &index, 4999, XA_PRESENT) == NULL);
	a = xa_erase(&xa, 63) == xa_mk_value(2);
	pr_info("boxes: erased %d %d %d\n", a, xa_erase(&xa, 63) == NULL, xa_empty(&xa));
	xa_destroy(&xa);
	pr_info("boxes: empty %d\n", xa_empty(&xa));
	a = xa_alloc(&ids, &id, &items[0], XA_LIMIT(0, 3), GFP_KERNEL);
	pr_info("boxes: given %d %u", a, id);
	a = xa_alloc(&ids, &id, &items[0], XA_LIMIT(3, 3), GFP_KERNEL);
	b = xa_alloc(&ids, &id, &items[0], XA_LIMIT(3, 3), GFP_KERNEL);
	pr_cont(" %d %d %u", a, b, id);
	turn = 9;
	a = xa_alloc_cyclic(&ids, &id, &items[0], XA_LIMIT(1, 9), &turn, GFP_KERNEL);
	b = xa_alloc_cyclic(&ids, &id, &items[0], XA_LIMIT(1, 9), &turn, GFP_KERNEL);
	pr_cont(" %d %d %u\n", a, b, id);
	seed = 5;
	count = 0;
	for (i = 0; i < 2000; i++) {
		index = next_number() % 10000;
		if (next_number() % 3)
			xa_store(&xa, index, xa_mk_value(index), GFP_KERNEL);
		else
			xa_erase(&xa, index);
	}
	xa_for_each(&xa, index, entry)
		count += xa_to_value(entry) == index;
	pr_info("boxes: at random %d\n", count);
	xa_destroy(&xa);
	xa_destroy(&ids);
}

static void bits(void)
{
	DECLARE_BITMAP(a, 100);
	DECLARE_BITMAP(b, 100);
	DECLARE_BITMAP(c, 100);
	unsigned long *own;
	int at, sum = 0, some;

	bitmap_zero(a, 100);
	bitmap_fill(b, 100);
	bitmap_set(a, 60, 10);
	bitmap_clear(b, 65, 30);
	pr_info("boxes: bits %d %d, empty %d, full %d\n", bitmap_weight(a, 100), bitmap_weight(b, 100),
		bitmap_empty(a, 100), bitmap_full(b, 100));
	some = bitmap_and(c, a, b, 100);
	pr_info("boxes: and %d %d", some, bitmap_weight(c, 100));
	bitmap_or(c, a, b, 100);
	pr_cont(" or %d", bitmap_weight(c, 100));
	bitmap_xor(c, a, b, 100);
	pr_cont(" xor %d", bitmap_weight(c, 100));
	some = bitmap_andnot(c, a, b, 100);
	pr_cont(" andnot %d %d", some, bitmap_weight(c, 100));
	bitmap_complement(c, a, 100);
	pr_cont(" not %d\n", bitmap_weight(c, 100));
	pr_info("boxes: meet %d %d, part %d %d, equal %d", bitmap_intersects(a, b, 100), bitmap_intersects(a, c, 100),
		bitmap_subset(a, b, 100), bitmap_subset(c, c, 100), bitmap_equal(a, c, 100));
	bitmap_copy(c, a, 100);
	pr_cont(" %d\n", bitmap_equal(a, c, 100));
	for_each_set_bit(at, a, 100)
		sum += at;
	pr_info("boxes: sum %d, last %lu, area %lu %lu\n", sum, find_last_bit(a, 100),
		bitmap_find_next_zero_area(a, 100, 55, 8, 0), bitmap_find_next_zero_area(a, 100, 55, 8, 7));
	bitmap_zero(a, 100);
	at = bitmap_find_free_region(a, 100, 2);
	some = bitmap_find_free_region(a, 100, 3);
	bitmap_release_region(a, at, 2);
	pr_info("boxes: regions %d %d %d %d\n", at, some, bitmap_find_free_region(a, 100, 7), bitmap_weight(a, 100));
	own = bitmap_zalloc(1000, GFP_KERNEL);
	__set_bit(999, own);
	pr_info("boxes: own %lu\n", find_first_bit(own, 1000));
	bitmap_free(own);
	pr_info("boxes: words %d %d %d %d %lu %lu %d %d\n", hweight8(0x1ff), hweight16(0x1ffff), sign_extend32(0x80, 7),
		get_count_order(9), roundup_pow_of_two(33), rounddown_pow_of_two(33), is_power_of_2(64), order_base_2(65));
}

static int smaller(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static int by_tens(void *data, const struct list_head *a, const struct list_head *b)
{
	(*(int *)data)++;
	return list_entry(a, struct item, link)->key / 10 > list_entry(b, struct item, link)->key / 10;
}

static void sorting(void)
{
	static int values[MANY];
	LIST_HEAD(list);
	struct item *at, *last = NULL;
	int i, bad = 0, compared = 0, key = 123456, *found;

	seed = 3;
	for (i = 0; i < MANY; i++)
		values[i] = next_number() % 100000;
	values[17] = key;
	sort(values, MANY, sizeof(int), smaller, NULL);
	for (i = 1; i < MANY; i++)
		bad += values[i] < values[i - 1];
	found = bsearch(&key, values, MANY, sizeof(int), smaller);
	key = -1;
	pr_info("boxes: sorted, wrong %d, found %d %d\n", bad, found == &values[MANY - 1],
		bsearch(&key, values, MANY, sizeof(int), smaller) == NULL);
	for (i = 0; i < MANY; i++) {
		items[i].order = i;
		list_add_tail(&items[i].link, &list);
	}
	list_sort(&compared, &list, by_tens);
	i = 0;
	list_for_each_entry(at, &list, link) {
		if (last)
			bad += last->key / 10 > at->key / 10 || (last->key / 10 == at->key / 10 && last->order > at->order);
		last = at;
		i++;
	}
	pr_info("boxes: list sorted, wrong %d of %d, few steps %d\n", bad, i, compared < 10 * MANY);
}

static int denied;

static void *may_fail(gfp_t flags, void *data)
{
	return denied ? NULL : mempool_kmalloc(flags, data);
}

static void pools(void)
{
	mempool_t *pool = mempool_create(3, may_fail, mempool_kfree, (void *)100);
	struct u64_stats_sync sync;
	void *a[4];
	unsigned int start;
	u64 value;
	int i;

	denied = 1;
	for (i = 0; i < 4; i++)
		a[i] = mempool_alloc(pool, GFP_ATOMIC);
	pr_info("boxes: pool %d %d %d %d\n", a[0] != NULL, a[1] != NULL, a[2] != NULL, a[3] == NULL);
	mempool_free(a[1], pool);
	a[1] = mempool_alloc(pool, GFP_KERNEL);
	pr_info("boxes: kept back %d\n", a[1] != NULL);
	denied = 0;
	a[3] = mempool_alloc(pool, GFP_KERNEL);
	pr_info("boxes: more %d\n", a[3] != NULL);
	for (i = 0; i < 4; i++)
		mempool_free(a[i], pool);
	mempool_destroy(pool);
	pool = mempool_create_kmalloc_pool(2, 64);
	a[0] = mempool_alloc(pool, GFP_KERNEL);
	mempool_free(a[0], pool);
	mempool_destroy(pool);
	u64_stats_init(&sync);
	do {
		start = u64_stats_fetch_begin(&sync);
		value = 7;
	} while (u64_stats_fetch_retry(&sync, start));
	u64_stats_update_begin(&sync);
	value++;
	u64_stats_update_end(&sync);
	pr_info("boxes: counted %llu\n", value);
}

static int __init boxes_init(void)
{
	trees();
	hashes();
	rings();
	numbered();
	arrays();
	bits();
	sorting();
	pools();
	return 0;
}

static void __exit boxes_exit(void)
{
	rcu_barrier();
}

module_init(boxes_init);
module_exit(boxes_exit);
MODULE_LICENSE("GPL");
