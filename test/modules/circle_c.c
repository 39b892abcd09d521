// SPDX-License-Identifier: MIT OR Apache-2.0
// Needs a symbol of asks, whose init asks for this one and waits.
#include <linux/init.h>
#include <linux/module.h>

extern int asked;

static int __init circle_init(void)
{
	asked++;
	return 0;
}

module_init(circle_init);
MODULE_LICENSE("GPL");
