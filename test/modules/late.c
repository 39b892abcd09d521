// SPDX-License-Identifier: MIT OR Apache-2.0
// Fails on purpose: `place=` says from where, `kind=` how. Without a kind it leaves what it armed behind when it goes.
#include <linux/hrtimer.h>
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/proc_fs.h>
#include <linux/timer.h>
#include <linux/workqueue.h>
#include "fail.h"

static char *place = "timer";
static char *kind = "";
module_param(place, charp, 0444);
module_param(kind, charp, 0444);

static int fired;

static void come(void)
{
	fired++;
	fail(kind);
}

static void on_timer(struct timer_list *timer)
{
	come();
}
static DEFINE_TIMER(timer, on_timer);

static enum hrtimer_restart on_hrtimer(struct hrtimer *timer)
{
	come();
	return HRTIMER_NORESTART;
}
static struct hrtimer hrtimer;

static void on_tasklet(unsigned long data)
{
	come();
}
static struct tasklet_struct tasklet;

static void work(struct work_struct *unused)
{
	come();
}
static DECLARE_WORK(now, work);
static DECLARE_DELAYED_WORK(later, work);

static int thread(void *unused)
{
	come();
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ);
	return 0;
}

static void on_rcu(struct rcu_head *head)
{
	come();
}
static struct rcu_head head;

static irqreturn_t on_line(int irq, void *data)
{
	come();
	return IRQ_NONE;
}

static ssize_t late_write(struct file *file, const char __user *buffer, size_t count, loff_t *pos)
{
	come();
	return count;
}
static const struct proc_ops ops = { .proc_write = late_write };
static struct proc_dir_entry *entry;

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
	} else if (!strcmp(place, "file")) {
		entry = proc_create("late", 0666, NULL, &ops);
		if (!entry)
			return -ENOMEM;
	} else if (!strcmp(place, "init")) {
		come();
	} else if (strcmp(place, "exit")) {
		return -EINVAL;
	}
	return 0;
}

static void __exit late_exit(void)
{
	if (!strcmp(place, "exit"))
		come();
	proc_remove(entry);
}

module_init(late_init);
module_exit(late_exit);
MODULE_LICENSE("GPL");
