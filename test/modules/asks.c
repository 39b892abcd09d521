// SPDX-License-Identifier: MIT OR Apache-2.0
// Asks for another module, and goes again.
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/kmod.h>
#include <linux/module.h>

static char *name = "gives";
module_param(name, charp, 0);

/* For circle_c. */
int asked;
EXPORT_SYMBOL(asked);

static int __init asks_init(void)
{
	pr_info("asks: %s: %d\n", name, request_module("%s", name));
	return -EAGAIN;
}

module_init(asks_init);
MODULE_LICENSE("GPL");
