// SPDX-License-Identifier: MIT OR Apache-2.0
// Work, completions, wait queues, sleeps. /proc/waits waits for a wake-up; writing to it gives one.
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

static DECLARE_COMPLETION(worked);
static DECLARE_COMPLETION(begun);
static DECLARE_COMPLETION(go_on);
static DECLARE_WAIT_QUEUE_HEAD(queue);
static struct workqueue_struct *own;
static struct proc_dir_entry *entry;
static int flag, runs;

static void work(struct work_struct *unused)
{
	runs++;
	complete(&worked);
}
static DECLARE_WORK(item, work);

/* Runs on one queue while it is queued on another. */
static void slow_work(struct work_struct *unused)
{
	runs++;
	complete(&begun);
	wait_for_completion(&go_on);
}
static DECLARE_WORK(slow, slow_work);

struct number {
	struct list_head link;
	int value;
};

static int lists(void)
{
	struct number *at, *after;
	LIST_HEAD(all);
	int i, sum = 0;

	for (i = 1; i <= 4; i++) {
		at = kzalloc(sizeof(*at), GFP_KERNEL);
		if (!at)
			break;
		at->value = i;
		list_add_tail(&at->link, &all);
	}
	list_for_each_entry(at, &all, link)
		sum = sum * 10 + at->value;
	list_for_each_entry_safe(at, after, &all, link) {
		list_del(&at->link);
		kfree(at);
	}
	return list_empty(&all) ? sum : -1;
}

static ssize_t waits_read(struct file *file, char __user *buffer, size_t count, loff_t *pos)
{
	if (*pos)
		return 0;
	if (wait_event_interruptible(queue, flag))
		return -ERESTARTSYS;
	flag = 0;
	if (count < 6 || copy_to_user(buffer, "woken\n", 6))
		return -EFAULT;
	*pos = 6;
	return 6;
}

static ssize_t waits_write(struct file *file, const char __user *buffer, size_t count, loff_t *pos)
{
	flag = 1;
	wake_up_interruptible(&queue);
	return count;
}

static const struct proc_ops ops = { .proc_read = waits_read, .proc_write = waits_write };

static int __init waits_init(void)
{
	char text[16] = "";
	ktime_t before;
	long left;

	pr_info("waits: lists %d\n", lists());
	strscpy(text, "a long text that is cut", sizeof(text));
	pr_info("waits: text '%s' %zu\n", text, strlen(text));
	schedule_work(&item);
	left = wait_for_completion_timeout(&worked, 5 * HZ);
	pr_info("waits: worked %d\n", left > 0);
	own = alloc_workqueue("waits", WQ_UNBOUND, 1);
	if (!own)
		return -ENOMEM;
	queue_work(own, &item);
	flush_workqueue(own);
	pr_info("waits: runs %d busy %d\n", runs, work_pending(&item));
	runs = 0;
	schedule_work(&slow);
	wait_for_completion(&begun);
	queue_work(own, &slow);
	msleep(20);
	complete_all(&go_on);
	flush_workqueue(own);
	flush_work(&slow);
	pr_info("waits: on two queues %d\n", runs);
	before = ktime_get();
	msleep(20);
	pr_info("waits: slept %d\n", ktime_to_ms(ktime_get() - before) >= 20);
	left = wait_event_timeout(queue, flag, msecs_to_jiffies(20));
	pr_info("waits: time is up %ld\n", left);
	pr_info("waits: warned %d\n", (int)WARN_ON(runs != 3));
	entry = proc_create("waits", 0666, NULL, &ops);
	return entry ? 0 : -ENOMEM;
}

static void __exit waits_exit(void)
{
	proc_remove(entry);
	cancel_work_sync(&item);
	cancel_work_sync(&slow);
	destroy_workqueue(own);
}

module_init(waits_init);
module_exit(waits_exit);
MODULE_LICENSE("GPL");
