// SPDX-License-Identifier: MIT
/* Finds the interrupt line of a network card that can't say which it has (an NE2000), as drivers of old did. */
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/module.h>

#define PORT 0x340
#define COMMAND PORT
#define PENDING (PORT + 7)
#define COUNT_LOW (PORT + 10)
#define COUNT_HIGH (PORT + 11)
#define ENABLE (PORT + 15)

static void quiet(void)
{
	outb(0x21, COMMAND);
	outb(0, ENABLE);
	outb(0xff, PENDING);
}

/* A transfer of nothing is over at once. */
static void interrupt(void)
{
	outb(0x40, ENABLE);
	outb(0, COUNT_LOW);
	outb(0, COUNT_HIGH);
	outb(0x0a, COMMAND);
}

static int __init finds_init(void)
{
	unsigned long lines;
	int nothing, found;

	quiet();
	lines = probe_irq_on();
	nothing = probe_irq_off(lines);
	pr_info("finds: line 5 %lu, line 0 %lu, nothing %d\n", lines >> 5 & 1, lines & 1, nothing);
	lines = probe_irq_on();
	interrupt();
	mdelay(5);
	found = probe_irq_off(lines);
	quiet();
	pr_info("finds: line %d\n", found);
	lines = probe_irq_on();
	pr_info("finds: again %d\n", probe_irq_off(lines));
	return 0;
}

static void __exit finds_exit(void)
{
}

module_init(finds_init);
module_exit(finds_exit);
MODULE_LICENSE("GPL");
