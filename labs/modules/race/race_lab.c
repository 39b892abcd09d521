// SPDX-License-Identifier: MIT OR Apache-2.0
// Four threads count to the same number: with nothing, a spinlock, an atomic, one counter for each CPU.
#include "lab.h"
#include <linux/atomic.h>
#include <linux/percpu.h>
#include <linux/spinlock.h>

#define THREADS 4
#define TURNS 20000

static unsigned long global_counter;
static atomic_long_t atomic_counter;
static unsigned long __percpu *of_cpu;
static DEFINE_SPINLOCK(lock);

/* Read, add, write: whoever writes in between is forgotten. */
static void nothing(void *data, int which)
{
	for (int turn = 0; turn < TURNS; turn++) {
		unsigned long was = READ_ONCE(global_counter);

		cpu_relax();
		WRITE_ONCE(global_counter, was + 1);
	}
}

static void with_lock(void *data, int which)
{
	for (int turn = 0; turn < TURNS; turn++) {
		spin_lock(&lock);
		global_counter++;
		spin_unlock(&lock);
	}
}

static void with_atomic(void *data, int which)
{
	for (int turn = 0; turn < TURNS; turn++)
		atomic_long_inc(&atomic_counter);
}

static void one_each(void *data, int which)
{
	for (int turn = 0; turn < TURNS; turn++) {
		(*get_cpu_ptr(of_cpu))++;
		put_cpu_ptr(of_cpu);
	}
}

static unsigned long line(struct seq_file *m, const char *name, u64 took, unsigned long counted)
{
	unsigned long lost = (unsigned long)THREADS * TURNS - counted;

	seq_printf(m, "%-10s counted %6lu of %d, lost %6lu, %4llu ns each\n", name, counted, THREADS * TURNS, lost,
		   took / (THREADS * TURNS));
	return lost;
}

static int show(struct seq_file *m, void *v)
{
	unsigned long lost, sum = 0;
	int cpu;
	u64 took;

	global_counter = 0;
	took = crowd_run(THREADS, nothing, NULL);
	line(m, "nothing", took, global_counter);
	global_counter = 0;
	took = crowd_run(THREADS, with_lock, NULL);
	lost = line(m, "spinlock", took, global_counter);
	atomic_long_set(&atomic_counter, 0);
	took = crowd_run(THREADS, with_atomic, NULL);
	lost += line(m, "atomic", took, atomic_long_read(&atomic_counter));
	of_cpu = alloc_percpu(unsigned long);
	if (!of_cpu)
		return -ENOMEM;
	took = crowd_run(THREADS, one_each, NULL);
	for_each_possible_cpu(cpu)
		sum += *per_cpu_ptr(of_cpu, cpu);
	free_percpu(of_cpu);
	lost += line(m, "per CPU", took, sum);
	seq_printf(m, "cures lost: %lu\n", lost);
	return 0;
}

LAB(show);
