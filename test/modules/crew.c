// SPDX-License-Identifier: MIT
/* Kernel threads and workqueues, for ps to see: a thread, a queue with a rescuer, an ordered one, and a worker that is held at the
   work of a third queue until the module goes. */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/workqueue.h>

static struct workqueue_struct *plain, *rescued, *ordered;
static struct task_struct *thread;
static bool over;

static void hold(struct work_struct *work)
{
	while (!READ_ONCE(over))
		msleep(2);
}
static DECLARE_WORK(held, hold);

static int wait(void *unused)
{
	while (!kthread_should_stop())
		msleep_interruptible(1000);
	return 0;
}

static void stop(void)
{
	WRITE_ONCE(over, true);
	if (!IS_ERR_OR_NULL(thread))
		kthread_stop(thread);
	if (plain)
		destroy_workqueue(plain);
	if (rescued)
		destroy_workqueue(rescued);
	if (ordered)
		destroy_workqueue(ordered);
}

static int __init start(void)
{
	plain = alloc_workqueue("crew%s", 0, 0, "plain");
	rescued = alloc_workqueue("crewrescued", WQ_MEM_RECLAIM, 0);
	ordered = alloc_ordered_workqueue("crewordered", WQ_MEM_RECLAIM);
	thread = kthread_run(wait, NULL, "crew/%d", 7);
	if (!plain || !rescued || !ordered || IS_ERR(thread)) {
		stop();
		return -ENOMEM;
	}
	queue_work(plain, &held);
	pr_info("crew: its number is that of its process: %d\n", thread->pid == thread->tgid && thread->pid > 2);
	return 0;
}

module_init(start);
module_exit(stop);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("threads and queues that ps shows");
