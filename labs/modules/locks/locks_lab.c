// SPDX-License-Identifier: MIT OR Apache-2.0
// What a lock costs when nobody else wants it, and what readers of shared data get done when a writer comes by.
#include "lab.h"
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>

#define TURNS 2000
#define READERS 4

struct pair {
	int first, second;
	struct rcu_head rcu;
};

static DEFINE_SPINLOCK(spin);
static DEFINE_MUTEX(mutex);
static DEFINE_RWLOCK(rwlock);
static struct pair pair;
static struct pair __rcu *shared;
static atomic_t torn;

static void look(const struct pair *pair)
{
	if (READ_ONCE(pair->first) != READ_ONCE(pair->second))
		atomic_inc(&torn);
}

static void change(struct pair *pair)
{
	WRITE_ONCE(pair->first, pair->first + 1);
	WRITE_ONCE(pair->second, pair->second + 1);
}

static void spin_read(void) { spin_lock(&spin); look(&pair); spin_unlock(&spin); }
static void spin_write(void) { spin_lock(&spin); change(&pair); spin_unlock(&spin); }
static void mutex_read(void) { mutex_lock(&mutex); look(&pair); mutex_unlock(&mutex); }
static void mutex_write(void) { mutex_lock(&mutex); change(&pair); mutex_unlock(&mutex); }
static void rw_read(void) { read_lock(&rwlock); look(&pair); read_unlock(&rwlock); }
static void rw_write(void) { write_lock(&rwlock); change(&pair); write_unlock(&rwlock); }

static void rcu_read(void)
{
	rcu_read_lock();
	look(rcu_dereference(shared));
	rcu_read_unlock();
}

/* A reader sees the old pair or the new one, never half of each. */
static void rcu_write(void)
{
	struct pair *new = kmalloc(sizeof(*new), GFP_KERNEL), *old;

	if (!new)
		return;
	mutex_lock(&mutex);
	old = rcu_dereference_protected(shared, 1);
	new->first = old->first;
	new->second = old->second;
	change(new);
	rcu_assign_pointer(shared, new);
	mutex_unlock(&mutex);
	kfree_rcu(old, rcu);
}

static const struct kind {
	const char *name;
	void (*read)(void), (*write)(void);
} kinds[] = {
	{ "spinlock", spin_read, spin_write },
	{ "mutex", mutex_read, mutex_write },
	{ "rwlock", rw_read, rw_write },
	{ "RCU", rcu_read, rcu_write },
};

static void readers(void *data, int which)
{
	const struct kind *kind = data;

	for (int turn = 0; turn < TURNS; turn++)
		kind->read();
}

/* The last of the threads writes, once for ten looks of each reader. */
static void readers_and_writer(void *data, int which)
{
	const struct kind *kind = data;

	if (which < READERS)
		return readers(data, which);
	for (int turn = 0; turn < TURNS / 10; turn++)
		kind->write();
}

static int show(struct seq_file *m, void *v)
{
	struct pair *first = kzalloc(sizeof(*first), GFP_KERNEL);

	if (!first)
		return -ENOMEM;
	rcu_assign_pointer(shared, first);
	atomic_set(&torn, 0);
	seq_printf(m, "nanoseconds a turn   alone: read  write   %d readers   and 1 writer\n", READERS);
	for (size_t at = 0; at < ARRAY_SIZE(kinds); at++) {
		const struct kind *kind = &kinds[at];
		u64 read = COST(TURNS, kind->read()), write = COST(TURNS, kind->write());
		u64 many = crowd_run(READERS, readers, (void *)kind);
		u64 mixed = crowd_run(READERS + 1, readers_and_writer, (void *)kind);

		seq_printf(m, "%-20s %11llu %6llu %11llu %14llu\n", kind->name, read, write,
			   many / (READERS * TURNS), mixed / (READERS * TURNS));
	}
	seq_printf(m, "pairs seen half changed: %d\n", atomic_read(&torn));
	synchronize_rcu();
	rcu_barrier();
	kfree(shared);
	return 0;
}

LAB(show);
