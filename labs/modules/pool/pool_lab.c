// SPDX-License-Identifier: MIT OR Apache-2.0
// Four threads take blocks from a pool and put them back: one pool under a lock, a pool for each CPU, kmalloc. And they
// put nodes on one list: under a lock, and without (llist).
#include "lab.h"
#include <linux/llist.h>
#include <linux/percpu.h>
#include <linux/spinlock.h>

#define THREADS 4
#define TURNS 5000
#define BLOCKS 8

struct pool {
	int free;
	void *blocks[BLOCKS];
};

static struct pool common;
static struct pool __percpu *of_cpu;
static DEFINE_SPINLOCK(lock);
static LIST_HEAD(locked);
static LLIST_HEAD(lockless);
static atomic_t lost;

struct node {
	struct list_head list;
	struct llist_node llist;
};
static struct node *nodes;

static void *take(struct pool *pool) { return pool->free ? pool->blocks[--pool->free] : NULL; }
static void put(struct pool *pool, void *block) { pool->blocks[pool->free++] = block; }

static void locked_pool(void *data, int which)
{
	for (int turn = 0; turn < TURNS; turn++) {
		void *block;

		spin_lock(&lock);
		block = take(&common);
		spin_unlock(&lock);
		if (!block) {
			atomic_inc(&lost);
			continue;
		}
		spin_lock(&lock);
		put(&common, block);
		spin_unlock(&lock);
	}
}

static void cpu_pool(void *data, int which)
{
	for (int turn = 0; turn < TURNS; turn++) {
		void *block = take(get_cpu_ptr(of_cpu));

		put_cpu_ptr(of_cpu);
		if (!block) {
			atomic_inc(&lost);
			continue;
		}
		/* Perhaps on another CPU by now: it has room, as nobody holds more than one block. */
		put(get_cpu_ptr(of_cpu), block);
		put_cpu_ptr(of_cpu);
	}
}

static void by_kmalloc(void *data, int which)
{
	for (int turn = 0; turn < TURNS; turn++) {
		void *block = kmalloc(128, GFP_KERNEL);

		if (!block)
			atomic_inc(&lost);
		kfree(block);
	}
}

static void locked_list(void *data, int which)
{
	for (int turn = 0; turn < TURNS; turn++) {
		spin_lock(&lock);
		list_add(&nodes[which * TURNS + turn].list, &locked);
		spin_unlock(&lock);
	}
}

static void lockless_list(void *data, int which)
{
	for (int turn = 0; turn < TURNS; turn++)
		llist_add(&nodes[which * TURNS + turn].llist, &lockless);
}

static void line(struct seq_file *m, const char *name, void (*work)(void *, int))
{
	seq_printf(m, "%-22s %6llu ns each\n", name, crowd_run(THREADS, work, NULL) / (THREADS * TURNS));
}

static int fill(struct pool *pool)
{
	/* Half full: there is room for what comes from other CPUs. */
	for (pool->free = 0; pool->free < BLOCKS / 2; pool->free++) {
		pool->blocks[pool->free] = kmalloc(128, GFP_KERNEL);
		if (!pool->blocks[pool->free])
			return -ENOMEM;
	}
	return 0;
}

static void drain(struct pool *pool)
{
	while (pool->free)
		kfree(take(pool));
}

static int show(struct seq_file *m, void *v)
{
	struct list_head *at;
	int count = 0, lines = 0, cpu, error = 0;

	atomic_set(&lost, 0);
	INIT_LIST_HEAD(&locked);
	init_llist_head(&lockless);
	nodes = kvcalloc(THREADS * TURNS, sizeof(*nodes), GFP_KERNEL);
	of_cpu = alloc_percpu(struct pool);
	if (!nodes || !of_cpu)
		error = -ENOMEM;
	if (!error)
		error = fill(&common);
	if (!error) {
		for_each_possible_cpu(cpu)
			error = error ?: fill(per_cpu_ptr(of_cpu, cpu));
	}
	if (!error) {
		line(m, "locked pool", locked_pool);
		line(m, "pool for each CPU", cpu_pool);
		line(m, "kmalloc", by_kmalloc);
		line(m, "locked list", locked_list);
		line(m, "list without a lock", lockless_list);
		list_for_each(at, &locked)
			count++;
		for (struct llist_node *node = llist_del_all(&lockless); node; node = node->next)
			lines++;
		seq_printf(m, "lost: %d\n", atomic_read(&lost) + 2 * THREADS * TURNS - count - lines);
	}
	drain(&common);
	if (of_cpu) {
		for_each_possible_cpu(cpu)
			drain(per_cpu_ptr(of_cpu, cpu));
	}
	free_percpu(of_cpu);
	kvfree(nodes);
	return error;
}

LAB(show);
