// SPDX-License-Identifier: MIT OR Apache-2.0
// Takes and releases locks as it must not; `kind=` says how. With `fine` it does nothing wrong.
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/timer.h>

static char *kind = "";
module_param(kind, charp, 0444);

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);
static DEFINE_SPINLOCK(shared);
static DEFINE_RWLOCK(table);
static DECLARE_RWSEM(tree);

struct pair {
	spinlock_t outer, inner;
};

static struct pair *new_pair(void)
{
	struct pair *pair = kzalloc(sizeof(*pair), GFP_KERNEL);

	if (pair) {
		spin_lock_init(&pair->outer);
		spin_lock_init(&pair->inner);
	}
	return pair;
}

static enum hrtimer_restart on_hrtimer(struct hrtimer *timer)
{
	spin_lock(&shared);
	spin_unlock(&shared);
	return HRTIMER_NORESTART;
}
static struct hrtimer hrtimer;

static void on_timer(struct timer_list *timer)
{
	spin_lock(&shared);
	spin_unlock(&shared);
}
static DEFINE_TIMER(timer, on_timer);

static bool is(const char *name)
{
	return !strcmp(kind, name);
}

/* Each as often as anybody may: nothing here depends on what came before. */
static void right(struct pair *pair)
{
	unsigned long flags;

	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);
	spin_lock(&pair->outer);
	spin_lock(&pair->inner);
	spin_unlock(&pair->inner);
	spin_unlock(&pair->outer);
	spin_lock_irqsave(&shared, flags);
	spin_unlock_irqrestore(&shared, flags);
}

static noinline void wrong(struct pair *pair)
{
	if (is("order")) {
		mutex_lock(&second);
		mutex_lock(&first);
		mutex_unlock(&first);
		mutex_unlock(&second);
	} else if (is("keyed")) {
		spin_lock(&pair->inner);
		spin_lock(&pair->outer);
		spin_unlock(&pair->outer);
		spin_unlock(&pair->inner);
	} else if (is("irq") || is("softirq")) {
		spin_lock(&shared);
		spin_unlock(&shared);
	} else if (is("twice")) {
		spin_lock(&shared);
		spin_lock(&shared);
	} else if (is("sleep")) {
		spin_lock(&shared);
		mutex_lock(&second);
	} else if (is("again")) {
		mutex_lock(&first);
		mutex_lock(&first);
	} else if (is("unlock")) {
		mutex_unlock(&first);
	} else if (is("unspin")) {
		spin_unlock(&pair->outer);
	} else if (is("unread")) {
		read_unlock(&table);
	} else if (is("up")) {
		up_read(&tree);
	}
	barrier();
}

static int __init start(void)
{
	struct pair *one = new_pair(), *other = new_pair();

	if (one && other) {
		if (is("irq") || is("fine")) {
			hrtimer_init(&hrtimer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
			hrtimer.function = on_hrtimer;
			hrtimer_start(&hrtimer, ms_to_ktime(1), HRTIMER_MODE_REL);
			msleep(20);
		}
		if (is("softirq"))
			mod_timer(&timer, jiffies + 1);
		msleep(20);
		right(one);
		right(other);
		wrong(other);
	}
	kfree(one);
	kfree(other);
	return 0;
}

static void __exit stop(void)
{
	del_timer_sync(&timer);
}

module_init(start);
module_exit(stop);
MODULE_LICENSE("GPL");
