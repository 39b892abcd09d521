// SPDX-License-Identifier: MIT OR Apache-2.0
// Fails on purpose where nobody waits for it: `place=` says from where, `kind=` how. Without a kind it leaves what it armed
// behind when it goes.
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

static char *place = "timer";
static char *kind = "";
module_param(place, charp, 0444);
module_param(kind, charp, 0444);

static DEFINE_SPINLOCK(lock);
static volatile int zero;
static volatile unsigned long nowhere;
static int fired;

static void fail(void)
{
	fired++;
	if (!strcmp(kind, "null"))
		*(volatile int *)nowhere = 1;
	else if (!strcmp(kind, "wild"))
		*(volatile int *)0xdeadbeef00000000UL = 1;
	else if (!strcmp(kind, "bug"))
		BUG();
	else if (!strcmp(kind, "divide"))
		nowhere = 100 / zero;
	else if (!strcmp(kind, "jump"))
		((void (*)(void))(nowhere + 0x1000))();
	else if (!strcmp(kind, "held"))
		spin_lock(&lock);
	else if (!strcmp(kind, "forever")) {
		spin_lock(&lock);
		while (!zero)
			;
	} else if (!strcmp(kind, "sleep")) {
		spin_lock(&lock);
		msleep(1);
	}
}

static void on_timer(struct timer_list *timer)
{
	fail();
}
static DEFINE_TIMER(timer, on_timer);

static enum hrtimer_restart on_hrtimer(struct hrtimer *timer)
{
	fail();
	return HRTIMER_NORESTART;
}
static struct hrtimer hrtimer;

static void on_tasklet(unsigned long data)
{
	fail();
}
static struct tasklet_struct tasklet;

static void work(struct work_struct *unused)
{
	fail();
}
static DECLARE_WORK(now, work);
static DECLARE_DELAYED_WORK(later, work);

static int thread(void *unused)
{
	fail();
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ);
	return 0;
}

static void on_rcu(struct rcu_head *head)
{
	fail();
}
static struct rcu_head head;

static irqreturn_t on_line(int irq, void *data)
{
	fail();
	return IRQ_NONE;
}

static int __init late_init(void)
{
	/* Without a kind nothing comes before the module goes. */
	unsigned long wait = *kind ? 1 : 3600 * HZ;

	if (!strcmp(place, "timer")) {
		mod_timer(&timer, jiffies + wait);
	} else if (!strcmp(place, "hrtimer")) {
		hrtimer_init(&hrtimer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
		hrtimer.function = on_hrtimer;
		hrtimer_start(&hrtimer, ms_to_ktime(wait), HRTIMER_MODE_REL);
	} else if (!strcmp(place, "tasklet")) {
		tasklet_init(&tasklet, on_tasklet, 0);
		tasklet_schedule(&tasklet);
	} else if (!strcmp(place, "work")) {
		schedule_work(&now);
	} else if (!strcmp(place, "delayed")) {
		schedule_delayed_work(&later, wait);
	} else if (!strcmp(place, "thread")) {
		if (IS_ERR(kthread_run(thread, NULL, "late")))
			return -ENOMEM;
	} else if (!strcmp(place, "rcu")) {
		call_rcu(&head, on_rcu);
	} else if (!strcmp(place, "line")) {
		return request_irq(4, on_line, IRQF_SHARED, "late", &timer);
	} else {
		return -EINVAL;
	}
	return 0;
}

static void __exit late_exit(void)
{
}

module_init(late_init);
module_exit(late_exit);
MODULE_LICENSE("GPL");
