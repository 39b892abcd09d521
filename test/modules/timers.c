// SPDX-License-Identifier: MIT OR Apache-2.0
// What is put off: timers, high-resolution timers, delayed works, tasklets, kernel threads.
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/timer.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

static struct owner {
	struct timer_list timer;
	int fired;
	bool softirq, early;
	struct hrtimer hr;
	int ticks;
	bool hardirq;
	struct tasklet_struct tasklet;
	int ran;
} owner;
static DECLARE_COMPLETION(done);
static DECLARE_WAIT_QUEUE_HEAD(queue);
static int works, olds;
static char name[TASK_COMM_LEN];

static void on_timer(struct timer_list *timer)
{
	struct owner *o = from_timer(o, timer, timer);

	o->softirq = in_softirq() && !in_hardirq();
	o->early = time_before(jiffies, timer->expires);
	if (++o->fired < 3)
		mod_timer(timer, jiffies + 1);
	else
		complete(&done);
}

static void timers(void)
{
	unsigned long left;
	int was;

	timer_setup(&owner.timer, on_timer, 0);
	pr_info("timers: pending %d\n", timer_pending(&owner.timer));
	was = mod_timer(&owner.timer, jiffies + 1000 * HZ);
	pr_info("timers: armed %d, pending %d\n", was, timer_pending(&owner.timer));
	pr_info("timers: moved %d\n", mod_timer(&owner.timer, jiffies + 2000 * HZ));
	was = del_timer(&owner.timer);
	pr_info("timers: deleted %d %d\n", was, del_timer_sync(&owner.timer));
	pr_info("timers: not pending %d\n", mod_timer_pending(&owner.timer, jiffies + 1));
	owner.timer.expires = jiffies + 2;
	add_timer(&owner.timer);
	left = wait_for_completion_timeout(&done, 20 * HZ);
	was = del_timer_sync(&owner.timer);
	pr_info("timers: fired %d in time %d, softirq %d, early %d, pending %d\n", owner.fired, left > 0,
		owner.softirq, owner.early, was);
	pr_info("timers: try %d\n", try_to_del_timer_sync(&owner.timer));
}

static enum hrtimer_restart on_hrtimer(struct hrtimer *timer)
{
	struct owner *o = container_of(timer, struct owner, hr);

	o->hardirq = in_hardirq() != 0;
	if (++o->ticks == 5) {
		complete(&done);
		return HRTIMER_NORESTART;
	}
	hrtimer_forward_now(timer, ms_to_ktime(1));
	return HRTIMER_RESTART;
}

static void hrtimers(void)
{
	unsigned long left;
	bool active;
	int was;

	hrtimer_init(&owner.hr, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	owner.hr.function = on_hrtimer;
	hrtimer_start(&owner.hr, ktime_set(1000, 0), HRTIMER_MODE_REL);
	active = hrtimer_active(&owner.hr);
	was = hrtimer_cancel(&owner.hr);
	pr_info("timers: hr active %d, cancelled %d %d\n", active, was, hrtimer_try_to_cancel(&owner.hr));
	hrtimer_start(&owner.hr, ktime_add_ns(ktime_get(), 1000000), HRTIMER_MODE_ABS);
	left = wait_for_completion_timeout(&done, 20 * HZ);
	hrtimer_cancel(&owner.hr);
	pr_info("timers: hr ticks %d in time %d, in interrupt %d\n", owner.ticks, left > 0, owner.hardirq);
}

static void work(struct work_struct *unused)
{
	works++;
}
static DECLARE_DELAYED_WORK(delayed, work);

static void delays(void)
{
	int a, b, c;

	a = schedule_delayed_work(&delayed, 1000 * HZ);
	b = schedule_delayed_work(&delayed, 1);
	c = delayed_work_pending(&delayed);
	pr_info("timers: delayed %d %d, pending %d\n", a, b, c);
	pr_info("timers: moved %d\n", mod_delayed_work(system_wq, &delayed, 1));
	msleep(100);
	flush_delayed_work(&delayed);
	pr_info("timers: works %d, pending %d\n", works, delayed_work_pending(&delayed));
	schedule_delayed_work(&delayed, 1000 * HZ);
	flush_delayed_work(&delayed);
	pr_info("timers: flushed, works %d\n", works);
	schedule_delayed_work(&delayed, 1000 * HZ);
	a = cancel_delayed_work(&delayed);
	pr_info("timers: cancelled %d %d, works %d\n", a, cancel_delayed_work_sync(&delayed), works);
}

static void on_tasklet(struct tasklet_struct *tasklet)
{
	struct owner *o = from_tasklet(o, tasklet, tasklet);

	o->ran += in_softirq() ? 1 : 100;
}

static void on_old(unsigned long data)
{
	olds += data;
}
static struct tasklet_struct old;

static void tasklets(void)
{
	tasklet_setup(&owner.tasklet, on_tasklet);
	tasklet_disable(&owner.tasklet);
	tasklet_schedule(&owner.tasklet);
	tasklet_schedule(&owner.tasklet);
	msleep(20);
	pr_info("timers: tasklet disabled %d\n", owner.ran);
	tasklet_enable(&owner.tasklet);
	tasklet_kill(&owner.tasklet);
	pr_info("timers: tasklet ran %d\n", owner.ran);
	tasklet_init(&old, on_old, 42);
	tasklet_hi_schedule(&old);
	tasklet_kill(&old);
	pr_info("timers: old tasklet %d\n", olds);
}

static int waiting(void *data)
{
	memcpy(name, current->comm, sizeof(name));
	complete(data);
	wait_event_interruptible(queue, kthread_should_stop());
	return 5;
}

static int sleeping(void *data)
{
	while (!kthread_should_stop()) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (!kthread_should_stop() && !kthread_should_park())
			schedule();
		__set_current_state(TASK_RUNNING);
		if (kthread_should_park())
			kthread_parkme();
		complete(data);
	}
	return 6;
}

static int queueing(void *data)
{
	DEFINE_WAIT(wait);
	DECLARE_WAITQUEUE(old, current);
	int rounds = 0;

	while (!works) {
		prepare_to_wait(&queue, &wait, TASK_UNINTERRUPTIBLE);
		if (!works)
			schedule();
		rounds++;
	}
	finish_wait(&queue, &wait);
	add_wait_queue(&queue, &old);
	set_current_state(TASK_INTERRUPTIBLE);
	complete(data);
	while (works == 1 && !kthread_should_stop()) {
		schedule();
		set_current_state(TASK_INTERRUPTIBLE);
	}
	__set_current_state(TASK_RUNNING);
	remove_wait_queue(&queue, &old);
	complete(data);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return rounds > 0;
}

static int ending(void *data)
{
	kthread_complete_and_exit(data, 9);
}

static void threads(void)
{
	struct task_struct *task;
	long left;

	task = kthread_run(waiting, &done, "timers-%s", "wait");
	wait_for_completion(&done);
	pr_info("timers: thread %s stopped %d\n", name, kthread_stop(task));
	task = kthread_create(waiting, &done, "never");
	pr_info("timers: never run %d\n", kthread_stop(task) == -EINTR);
	task = kthread_run(sleeping, &done, "timers-sleep");
	msleep(20);
	wake_up_process(task);
	wait_for_completion(&done);
	left = kthread_park(task);
	kthread_unpark(task);
	wait_for_completion(&done);
	pr_info("timers: parked %ld, stopped %d\n", left, kthread_stop(task));
	works = 0;
	task = kthread_run(queueing, &done, "timers-queue");
	msleep(20);
	works = 1;
	wake_up(&queue);
	wait_for_completion(&done);
	works = 2;
	wake_up_interruptible(&queue);
	left = wait_for_completion_timeout(&done, 20 * HZ);
	left = left > 0;
	pr_info("timers: queued %ld, went %d\n", left, kthread_stop(task));
	task = kthread_run(ending, &done, "timers-end");
	wait_for_completion(&done);
	__set_current_state(TASK_UNINTERRUPTIBLE);
	left = schedule_timeout(2);
	pr_info("timers: slept %ld\n", left);
}

static int __init timers_init(void)
{
	timers();
	hrtimers();
	delays();
	tasklets();
	threads();
	return 0;
}

static void __exit timers_exit(void)
{
}

module_init(timers_init);
module_exit(timers_exit);
MODULE_LICENSE("GPL");
