// SPDX-License-Identifier: MIT OR Apache-2.0
// Waits that signals end, and what is asked of a context. A word written to /proc/sleeps says what the writer waits for.
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/proc_fs.h>
#include <linux/rcupdate.h>
#include <linux/rwsem.h>
#include <linux/sched/signal.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

static struct completion never;
static DEFINE_MUTEX(mutex);
static DECLARE_RWSEM(rwsem);
static struct task_struct *holder;
static struct completion held;

/* Holds both locks for as long as the module is there. */
static int hold(void *unused)
{
	mutex_lock(&mutex);
	down_write(&rwsem);
	complete(&held);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	up_write(&rwsem);
	mutex_unlock(&mutex);
	return 0;
}

static long wait_as(const char *how)
{
	if (!strcmp(how, "completion"))
		return wait_for_completion_interruptible(&never);
	if (!strcmp(how, "completion-killable"))
		return wait_for_completion_killable(&never);
	if (!strcmp(how, "completion-timeout"))
		return wait_for_completion_interruptible_timeout(&never, 10000 * HZ);
	if (!strcmp(how, "mutex"))
		return mutex_lock_interruptible(&mutex);
	if (!strcmp(how, "mutex-killable"))
		return mutex_lock_killable(&mutex);
	if (!strcmp(how, "rwsem"))
		return down_read_interruptible(&rwsem);
	if (!strcmp(how, "rwsem-killable"))
		return down_read_killable(&rwsem);
	if (!strcmp(how, "msleep"))
		return msleep_interruptible(10000000) > 1000000;
	return -ENOENT;
}

static ssize_t sleeps_write(struct file *file, const char __user *buffer, size_t count, loff_t *pos)
{
	char how[32] = "";
	long answer;

	if (count >= sizeof(how) || copy_from_user(how, buffer, count))
		return -EFAULT;
	strim(how);
	answer = wait_as(how);
	pr_info("sleeps: %s %ld, signal %d, fatal %d\n", how, answer, signal_pending(current) != 0,
		fatal_signal_pending(current) != 0);
	return -EINTR;
}
static const struct proc_ops ops = { .proc_write = sleeps_write };

static void completions(void)
{
	DECLARE_COMPLETION_ONSTACK(done);
	int a, b, c;
	long left;

	a = try_wait_for_completion(&done);
	complete(&done);
	b = completion_done(&done);
	c = try_wait_for_completion(&done);
	pr_info("sleeps: completion %d %d %d %d\n", a, b, c, completion_done(&done));
	complete_all(&done);
	a = wait_for_completion_interruptible(&done);
	b = wait_for_completion_killable(&done);
	left = wait_for_completion_interruptible_timeout(&done, 100);
	pr_info("sleeps: completed %d %d %ld\n", a, b, left);
	reinit_completion(&done);
	left = wait_for_completion_interruptible_timeout(&done, 2);
	pr_info("sleeps: time is up %ld\n", left);
}

static void locks(void)
{
	static DEFINE_MUTEX(own);
	static DECLARE_RWSEM(own_rwsem);
	int a, b;

	a = mutex_lock_interruptible(&own);
	mutex_unlock(&own);
	b = mutex_lock_killable(&own);
	mutex_unlock(&own);
	pr_info("sleeps: mutex %d %d\n", a, b);
	a = down_read_interruptible(&own_rwsem);
	b = down_read_killable(&own_rwsem);
	up_read(&own_rwsem);
	up_read(&own_rwsem);
	pr_info("sleeps: rwsem %d %d\n", a, b);
}

static void clocks(void)
{
	ktime_t before = ktime_get(), real = ktime_get_real(), boot = ktime_get_boottime();
	s64 spun;

	pr_info("sleeps: real %d, boot %d\n", ktime_to_ns(real) > 1600000000LL * NSEC_PER_SEC,
		ktime_compare(boot, before) >= 0);
	udelay(200);
	ndelay(500);
	spun = ktime_to_ns(ktime_sub(ktime_get(), before));
	pr_info("sleeps: spun %d\n", spun >= 200500);
	before = ktime_get();
	usleep_range(1000, 2000);
	pr_info("sleeps: slept %d\n", ktime_us_delta(ktime_get(), before) >= 1000);
	pr_info("sleeps: nothing left %lu\n", msleep_interruptible(2));
}

static enum hrtimer_restart no_more(struct hrtimer *timer)
{
	return HRTIMER_NORESTART;
}

static int works, ran_off, ran_on;

static void work(struct work_struct *unused)
{
	works++;
}
static DECLARE_WORK(item, work);
static DECLARE_WORK(long_item, work);
static DECLARE_WORK(other_item, work);
static DECLARE_DELAYED_WORK(later, work);

static void on_tasklet(struct tasklet_struct *tasklet)
{
	ran_on++;
}

static void put_off(void)
{
	static struct tasklet_struct tasklet;
	struct hrtimer timer;
	int a, b, c;

	hrtimer_init(&timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	timer.function = no_more;
	a = hrtimer_is_queued(&timer);
	hrtimer_start(&timer, ktime_set(1000, 0), HRTIMER_MODE_REL);
	b = hrtimer_is_queued(&timer);
	hrtimer_cancel(&timer);
	pr_info("sleeps: queued %d %d %d\n", a, b, hrtimer_is_queued(&timer));

	a = queue_work(system_highpri_wq, &item);
	b = queue_work(system_long_wq, &long_item) + queue_work(system_unbound_wq, &other_item);
	flush_work(&item);
	flush_work(&long_item);
	flush_work(&other_item);
	pr_info("sleeps: works %d %d %d, busy %u\n", a, b, works, work_busy(&item));
	queue_delayed_work(system_long_wq, &later, 10000 * HZ);
	a = cancel_work(&item);
	b = work_busy(&later.work);
	c = cancel_delayed_work(&later);
	pr_info("sleeps: cancelled %d %d %d\n", a, b, c);

	tasklet_setup(&tasklet, on_tasklet);
	tasklet_disable_nosync(&tasklet);
	tasklet_schedule(&tasklet);
	msleep(10);
	ran_off = ran_on;
	tasklet_enable(&tasklet);
	tasklet_kill(&tasklet);
	pr_info("sleeps: tasklet %d %d\n", ran_off, ran_on);
	local_bh_disable();
	tasklet_schedule(&tasklet);
	a = ran_on;
	b = in_softirq() != 0;
	local_bh_enable();
	tasklet_kill(&tasklet);
	pr_info("sleeps: bottom halves off %d %d, then %d\n", a, b, ran_on);
}

static int on_cpu(void *wanted)
{
	int cpu = get_cpu();

	put_cpu();
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return cpu == (long)wanted;
}

static void contexts(void)
{
	struct task_struct *task;
	unsigned long flags;
	int a, b, c;

	local_irq_disable();
	a = irqs_disabled();
	local_irq_enable();
	b = irqs_disabled();
	local_irq_save(flags);
	c = irqs_disabled();
	local_irq_restore(flags);
	pr_info("sleeps: interrupts off %d %d %d %d\n", a, b, c, irqs_disabled());
	rcu_read_lock();
	a = rcu_read_lock_held();
	rcu_read_unlock();
	pr_info("sleeps: rcu %d\n", a);
	preempt_disable();
	a = smp_processor_id() < num_online_cpus();
	preempt_enable();
	pr_info("sleeps: cpu %d\n", a);
	task = kthread_create(on_cpu, (void *)0L, "sleeps-bound");
	kthread_bind(task, 0);
	wake_up_process(task);
	msleep(20);
	pr_info("sleeps: bound %d\n", kthread_stop(task));
	pr_info("sleeps: signal %d, fatal %d\n", signal_pending(current) != 0, fatal_signal_pending(current) != 0);
}

static void uses(void)
{
	int a = module_refcount(THIS_MODULE), b, c;

	b = try_module_get(THIS_MODULE);
	__module_get(THIS_MODULE);
	c = module_refcount(THIS_MODULE);
	module_put(THIS_MODULE);
	module_put(THIS_MODULE);
	pr_info("sleeps: uses %d %d, then %d, nothing %d\n", b, c - a, module_refcount(THIS_MODULE) - a,
		try_module_get(NULL));
}

static DECLARE_WAIT_QUEUE_HEAD(fixed);

static void queues(void)
{
	wait_queue_head_t queue;

	init_waitqueue_head(&queue);
	wake_up(&queue);
	pr_info("sleeps: waited %ld %ld\n", wait_event_timeout(queue, 0, 2), wait_event_timeout(fixed, 1, 2) > 0 ? 1L : 0L);
}

static int __init sleeps_init(void)
{
	init_completion(&never);
	init_completion(&held);
	completions();
	locks();
	clocks();
	put_off();
	contexts();
	uses();
	queues();
	holder = kthread_run(hold, NULL, "sleeps-holder");
	if (IS_ERR(holder))
		return PTR_ERR(holder);
	wait_for_completion(&held);
	return proc_create("sleeps", 0222, NULL, &ops) ? 0 : -ENOMEM;
}

static void __exit sleeps_exit(void)
{
	remove_proc_entry("sleeps", NULL);
	kthread_stop(holder);
}

module_init(sleeps_init);
module_exit(sleeps_exit);
MODULE_LICENSE("GPL");
