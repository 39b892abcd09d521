// SPDX-License-Identifier: MIT OR Apache-2.0
// Files below /proc/shows whose text is made by seq_file; a line's interrupts are counted in /proc/shows/line.
#include <linux/cred.h>
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

static unsigned int line = 4;
module_param(line, uint, 0444);
static struct proc_dir_entry *folder;
static atomic_t seen = ATOMIC_INIT(0), threaded = ATOMIC_INIT(0);
static bool in_hard, in_thread;
static int cookie, cookie2;

static int whole_show(struct seq_file *m, void *unused)
{
	seq_puts(m, "whole");
	seq_putc(m, ' ');
	seq_printf(m, "%s %d\n", (char *)m->private, 42);
	return 0;
}

static int whole_open(struct inode *inode, struct file *file)
{
	return single_open(file, whole_show, pde_data(inode));
}

static const struct proc_ops whole_ops = {
	.proc_open = whole_open,
	.proc_read = seq_read,
	.proc_lseek = seq_lseek,
	.proc_release = single_release,
};

static void *walk_start(struct seq_file *m, loff_t *pos)
{
	return *pos < 3000 ? pos : NULL;
}

static void *walk_next(struct seq_file *m, void *record, loff_t *pos)
{
	++*pos;
	return *pos < 3000 ? pos : NULL;
}

static void walk_stop(struct seq_file *m, void *record)
{
}

static int walk_show(struct seq_file *m, void *record)
{
	long n = *(loff_t *)record;

	if (n % 2)
		return SEQ_SKIP;
	seq_printf(m, "%ld\n", n);
	return 0;
}

static const struct seq_operations walk = {
	.start = walk_start,
	.next = walk_next,
	.stop = walk_stop,
	.show = walk_show,
};

static int large_show(struct seq_file *m, void *unused)
{
	int i;

	for (i = 0; i < 20000; i++)
		seq_putc(m, 'x');
	seq_putc(m, '\n');
	return 0;
}

static int who_show(struct seq_file *m, void *unused)
{
	seq_printf(m, "%s %d %d %u\n", current->comm, current->pid == task_pid_nr(current), current->tgid > 0,
		   __kuid_val(current_uid()));
	return 0;
}

static int line_show(struct seq_file *m, void *unused)
{
	synchronize_irq(line);
	seq_printf(m, "seen %d hard %d threaded %d in thread %d\n", atomic_read(&seen) > 0, in_hard,
		   atomic_read(&threaded) > 0, in_thread);
	return 0;
}

static irqreturn_t on_line(int irq, void *data)
{
	in_hard = in_hardirq() && irqs_disabled() && data == &cookie && irq == line;
	atomic_inc(&seen);
	return IRQ_NONE;
}

static irqreturn_t wakes(int irq, void *data)
{
	return IRQ_WAKE_THREAD;
}

static irqreturn_t in_threads(int irq, void *data)
{
	in_thread = in_task() && data == &cookie2 && (current->flags & PF_KTHREAD);
	atomic_inc(&threaded);
	return IRQ_HANDLED;
}

static int __init shows_init(void)
{
	int a, b;

	folder = proc_mkdir("shows", NULL);
	if (!folder)
		return -ENOMEM;
	proc_create_data("whole", 0, folder, &whole_ops, "text");
	proc_create_seq("walk", 0444, folder, &walk);
	proc_create_single("large", 0444, folder, large_show);
	proc_create_single("who", 0444, folder, who_show);
	proc_create_single("line", 0444, folder, line_show);
	proc_symlink("link", folder, "whole");
	proc_set_user(proc_create_single("owned", 0440, folder, who_show), KUIDT_INIT(12), KGIDT_INIT(34));
	proc_set_size(proc_create_single_data("sized", 0400, folder, whole_show, "sized"), 1234);
	a = request_irq(line, NULL, IRQF_SHARED, "shows", &cookie);
	b = request_irq(line, on_line, IRQF_SHARED, "shows", NULL);
	pr_info("shows: wrong %d %d %d\n", a, b, request_irq(100000, on_line, 0, "shows", NULL));
	pr_info("shows: alone %d\n", request_irq(line, on_line, 0, "shows", &cookie));
	a = request_irq(line, on_line, IRQF_SHARED, "shows", &cookie);
	b = request_threaded_irq(line, wakes, in_threads, IRQF_SHARED, "shows-threads", &cookie2);
	pr_info("shows: taken %d %d\n", a, b);
	return 0;
}

static void __exit shows_exit(void)
{
	free_irq(line, &cookie);
	free_irq(line, &cookie2);
	remove_proc_entry("link", folder);
	remove_proc_subtree("shows", NULL);
}

module_init(shows_init);
module_exit(shows_exit);
MODULE_LICENSE("GPL");
