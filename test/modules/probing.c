// SPDX-License-Identifier: MIT OR Apache-2.0
// A kprobe in a function of the kernel's, in the way of Linux' samples/kprobes: says how often it was called.
#include <linux/atomic.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/string.h>

static char symbol[64] = "kernel_clone";
module_param_string(symbol, symbol, sizeof(symbol), 0444);
static unsigned int offset;
module_param(offset, uint, 0444);
static char how[16] = "count";
module_param_string(how, how, sizeof(how), 0644);
static int *volatile nowhere = (int *)8;
static atomic_t hits = ATOMIC_INIT(0), ends = ATOMIC_INIT(0);

static int __kprobes before(struct kprobe *p, struct pt_regs *regs)
{
	atomic_inc(&hits);
	// A system call's registers are its only argument.
	if (!strcmp(how, "argument"))
		pr_info("probing: called with 0%lo\n", ((struct pt_regs *)regs->di)->di);
	else if (!strcmp(how, "null"))
		*nowhere = 1;
	else if (!strcmp(how, "away")) {
		regs->ip = 0xdead0000beef;
		return 1;
	} else if (!strcmp(how, "forever")) {
		for (;;)
			cpu_relax();
	}
	return 0;
}

static void __kprobes behind(struct kprobe *p, struct pt_regs *regs, unsigned long flags)
{
	atomic_inc(&ends);
}

static struct kprobe probe = { .symbol_name = symbol, .pre_handler = before };

static int __init probing_init(void)
{
	int answer;

	probe.offset = offset;
	if (strcmp(how, "away"))
		probe.post_handler = behind;
	answer = register_kprobe(&probe);
	if (answer < 0) {
		pr_info("probing: register_kprobe failed, returned %d\n", answer);
		return answer;
	}
	return 0;
}

static void __exit probing_exit(void)
{
	if (strcmp(how, "forget"))
		unregister_kprobe(&probe);
	pr_info("probing: %s hit %d, ended %d, missed %lu\n", symbol, !!atomic_read(&hits), atomic_read(&hits) == atomic_read(&ends), probe.nmissed);
}

module_init(probing_init);
module_exit(probing_exit);
MODULE_LICENSE("GPL");
