// SPDX-License-Identifier: MIT OR Apache-2.0
// Does a little of everything all the time, and counts what goes wrong: a module beside those that crash. /proc/healthy says
// how often each part has run; 0 written to it stops all of them, 1 starts them.
#include <linux/delay.h>
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

static DEFINE_SPINLOCK(lock);
static DEFINE_MUTEX(mutex);
static struct kmem_cache *cache;
static struct proc_dir_entry *entry;
static struct task_struct *thread;
static bool on;
/* Both are changed together under the lock. */
static unsigned long left, right;
static unsigned long timers, tasklets, works, turns, reads, bad;

static void balance(void)
{
	unsigned long flags;

	spin_lock_irqsave(&lock, flags);
	bad += left++ != right++;
	spin_unlock_irqrestore(&lock, flags);
}

static void on_tasklet(struct tasklet_struct *unused)
{
	balance();
	tasklets++;
}
static DECLARE_TASKLET(tasklet, on_tasklet);

static void on_work(struct work_struct *unused)
{
	unsigned char *block = kmalloc(200, GFP_KERNEL), *object;
	int i;

	mutex_lock(&mutex);
	object = kmem_cache_zalloc(cache, GFP_KERNEL);
	for (i = 0; block && object && i < 100; i++) {
		block[i] = i;
		bad += object[i] != 0 || block[i] != i;
	}
	kmem_cache_free(cache, object);
	mutex_unlock(&mutex);
	kfree(block);
	balance();
	works++;
}
static DECLARE_WORK(work, on_work);

static void on_timer(struct timer_list *timer)
{
	balance();
	timers++;
	tasklet_schedule(&tasklet);
	schedule_work(&work);
	if (READ_ONCE(on))
		mod_timer(timer, jiffies + 2);
}
static DEFINE_TIMER(timer, on_timer);

static int serve(void *unused)
{
	while (!kthread_should_stop()) {
		if (READ_ONCE(on)) {
			balance();
			turns++;
			msleep(5);
		} else {
			msleep(20);
		}
	}
	return 0;
}

static int show(struct seq_file *seq, void *unused)
{
	reads++;
	seq_printf(seq, "timers %lu tasklets %lu works %lu turns %lu reads %lu bad %lu\n", timers, tasklets, works, turns,
		   reads, bad);
	return 0;
}

static int healthy_open(struct inode *inode, struct file *file)
{
	return single_open(file, show, NULL);
}

static void stop_all(void)
{
	WRITE_ONCE(on, false);
	del_timer_sync(&timer);
	tasklet_kill(&tasklet);
	cancel_work_sync(&work);
}

static ssize_t healthy_write(struct file *file, const char __user *buffer, size_t count, loff_t *pos)
{
	char what;

	if (!count || get_user(what, buffer))
		return -EFAULT;
	stop_all();
	if (what == '1') {
		WRITE_ONCE(on, true);
		mod_timer(&timer, jiffies + 1);
	}
	return count;
}

static const struct proc_ops ops = {
	.proc_open = healthy_open,
	.proc_read = seq_read,
	.proc_lseek = seq_lseek,
	.proc_release = single_release,
	.proc_write = healthy_write,
};

static int __init start(void)
{
	cache = kmem_cache_create("healthy", 120, 0, 0, NULL);
	if (!cache)
		return -ENOMEM;
	thread = kthread_run(serve, NULL, "healthy");
	if (IS_ERR(thread)) {
		kmem_cache_destroy(cache);
		return PTR_ERR(thread);
	}
	entry = proc_create("healthy", 0600, NULL, &ops);
	if (!entry) {
		kthread_stop(thread);
		kmem_cache_destroy(cache);
		return -ENOMEM;
	}
	return 0;
}

static void __exit stop(void)
{
	proc_remove(entry);
	stop_all();
	kthread_stop(thread);
	kmem_cache_destroy(cache);
}

module_init(start);
module_exit(stop);
MODULE_LICENSE("GPL");
