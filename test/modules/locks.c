// SPDX-License-Identifier: MIT OR Apache-2.0
// Locks and counters of every kind, and RCU: each is tried where it succeeds and where it answers no.
#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/rwsem.h>
#include <linux/semaphore.h>
#include <linux/seqlock.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

static DEFINE_SPINLOCK(spin);
static DEFINE_RWLOCK(rw);
static DECLARE_RWSEM(rwsem);
static DEFINE_SEQLOCK(seq);
static DEFINE_MUTEX(mutex);
static struct semaphore sem;
static atomic_t counter = ATOMIC_INIT(0);
static int global_counter;
static DECLARE_COMPLETION(done);

struct thing {
	int value;
	struct rcu_head rcu;
};
static struct thing __rcu *shared;
static atomic_t freed = ATOMIC_INIT(0);
static bool freed_in_softirq;

static void spins(void)
{
	unsigned long flags;

	spin_lock(&spin);
	pr_info("locks: spin held %d\n", spin_is_locked(&spin));
	spin_unlock(&spin);
	spin_lock_irqsave(&spin, flags);
	pr_info("locks: irqsave off %d\n", irqs_disabled());
	spin_unlock_irqrestore(&spin, flags);
	spin_lock_irq(&spin);
	spin_unlock_irq(&spin);
	pr_info("locks: irqs on again %d\n", !irqs_disabled());
	spin_lock_bh(&spin);
	pr_info("locks: bh off %d\n", in_softirq() != 0);
	spin_unlock_bh(&spin);
	pr_info("locks: bh on again %d\n", in_softirq() == 0);
	pr_info("locks: trylock %d\n", spin_trylock(&spin));
	spin_unlock(&spin);
	read_lock(&rw);
	read_lock(&rw);
	read_unlock(&rw);
	read_unlock(&rw);
	write_lock_irqsave(&rw, flags);
	write_unlock_irqrestore(&rw, flags);
	read_lock_irqsave(&rw, flags);
	read_unlock_irqrestore(&rw, flags);
	write_lock_bh(&rw);
	write_unlock_bh(&rw);
	read_lock_bh(&rw);
	read_unlock_bh(&rw);
	write_lock_irq(&rw);
	write_unlock_irq(&rw);
	read_lock_irq(&rw);
	read_unlock_irq(&rw);
	write_lock(&rw);
	write_unlock(&rw);
}

static void sleeping(void)
{
	unsigned int start;
	int a, b, c;

	sema_init(&sem, 2);
	down(&sem);
	a = down_interruptible(&sem);
	b = down_trylock(&sem);
	c = down_timeout(&sem, 2) == -ETIME;
	pr_info("locks: down %d %d %d\n", a, b, c);
	up(&sem);
	pr_info("locks: down again %d\n", down_killable(&sem));
	up(&sem);
	up(&sem);
	down_read(&rwsem);
	a = down_read_trylock(&rwsem);
	b = down_write_trylock(&rwsem);
	pr_info("locks: rwsem shared %d %d\n", a, b);
	up_read(&rwsem);
	up_read(&rwsem);
	down_write(&rwsem);
	pr_info("locks: rwsem alone %d %d\n", down_read_trylock(&rwsem), rwsem_is_locked(&rwsem) != 0);
	downgrade_write(&rwsem);
	pr_info("locks: rwsem downgraded %d\n", down_read_trylock(&rwsem));
	up_read(&rwsem);
	up_read(&rwsem);
	pr_info("locks: rwsem killable %d\n", down_write_killable(&rwsem));
	up_write(&rwsem);
	a = mutex_trylock(&mutex);
	pr_info("locks: mutex %d %d\n", a, mutex_is_locked(&mutex));
	mutex_unlock(&mutex);
	start = read_seqbegin(&seq);
	pr_info("locks: seq %d\n", read_seqretry(&seq, start));
	write_seqlock(&seq);
	write_sequnlock(&seq);
	pr_info("locks: seq written %d\n", read_seqretry(&seq, start));
}

static void counters(void)
{
	static unsigned long bits[2];
	static refcount_t ref = REFCOUNT_INIT(1);
	atomic64_t big = ATOMIC64_INIT(1LL << 40);
	int a, b, c;

	atomic_set(&counter, 5);
	a = atomic_inc_return(&counter);
	b = atomic_dec_and_test(&counter);
	c = atomic_cmpxchg(&counter, 5, 9);
	pr_info("locks: atomic %d %d %d %d\n", a, b, c, atomic_read(&counter));
	a = atomic_add_unless(&counter, 1, 9);
	pr_info("locks: unless %d %d\n", a, atomic_xchg(&counter, 0));
	pr_info("locks: big %lld\n", (long long)atomic64_add_return(1, &big));
	refcount_inc(&ref);
	a = refcount_dec_and_test(&ref);
	pr_info("locks: refcount %d %d\n", a, refcount_dec_and_test(&ref));
	pr_info("locks: refcount of nothing %d\n", refcount_inc_not_zero(&ref));
	set_bit(70, bits);
	a = test_bit(70, bits) != 0;
	pr_info("locks: bits %d %d %lu %lu\n", a, test_and_set_bit(70, bits) != 0,
		find_first_bit(bits, 128), find_first_zero_bit(bits, 128));
}

static int count(void *unused)
{
	int i;

	for (i = 0; i < 10000; i++) {
		spin_lock(&spin);
		global_counter++;
		spin_unlock(&spin);
		atomic_inc(&counter);
	}
	complete(&done);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 7;
}

static void race(void)
{
	struct task_struct *threads[4];
	int i, sum = 0;

	for (i = 0; i < 4; i++) {
		threads[i] = kthread_run(count, NULL, "locks/%d", i);
		if (IS_ERR(threads[i]))
			return;
	}
	for (i = 0; i < 4; i++)
		wait_for_completion(&done);
	for (i = 0; i < 4; i++)
		sum += kthread_stop(threads[i]);
	pr_info("locks: counted %d %d, threads say %d\n", global_counter, atomic_read(&counter), sum);
}

static void thing_free(struct rcu_head *head)
{
	struct thing *thing = container_of(head, struct thing, rcu);

	freed_in_softirq = in_softirq() != 0;
	kfree(thing);
	atomic_inc(&freed);
}

static int update(int value)
{
	struct thing *old, *fresh = kmalloc(sizeof(*fresh), GFP_KERNEL);

	if (!fresh)
		return -ENOMEM;
	fresh->value = value;
	old = rcu_dereference_protected(shared, 1);
	rcu_assign_pointer(shared, fresh);
	if (!old)
		return 0;
	if (value % 3 == 0) {
		synchronize_rcu();
		kfree(old);
	} else if (value % 3 == 1) {
		call_rcu(&old->rcu, thing_free);
	} else {
		kfree_rcu(old, rcu);
	}
	return 0;
}

static int reader(void *unused)
{
	long wrong = 0;
	int last = 0, now;

	complete(&done);
	while (!kthread_should_stop()) {
		rcu_read_lock();
		now = rcu_dereference(shared)->value;
		wrong += now < last || rcu_dereference(shared)->value < now;
		last = now;
		rcu_read_unlock();
		cond_resched();
	}
	return wrong;
}

static void rcu(void)
{
	struct task_struct *task;
	int i;

	if (update(1))
		return;
	task = kthread_run(reader, NULL, "locks-reader");
	wait_for_completion(&done);
	for (i = 2; i <= 61; i++)
		if (update(i))
			return;
	pr_info("locks: readers saw wrong values %d\n", kthread_stop(task));
	rcu_barrier();
	pr_info("locks: called back %d in softirq %d\n", atomic_read(&freed), freed_in_softirq);
	kfree(rcu_dereference_protected(shared, 1));
	RCU_INIT_POINTER(shared, NULL);
}

static int __init locks_init(void)
{
	spins();
	sleeping();
	counters();
	atomic_set(&counter, 0);
	race();
	rcu();
	return 0;
}

static void __exit locks_exit(void)
{
}

module_init(locks_init);
module_exit(locks_exit);
MODULE_LICENSE("GPL");
