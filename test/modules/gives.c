// SPDX-License-Identifier: MIT OR Apache-2.0
// Symbols for other modules.
#include <linux/init.h>
#include <linux/module.h>

int give(int number);
int give_gpl(void);

int give(int number)
{
	return 2 * number;
}
EXPORT_SYMBOL(give);

int give_gpl(void)
{
	return 7;
}
EXPORT_SYMBOL_GPL(give_gpl);

static int __init gives_init(void)
{
	return 0;
}

static void __exit gives_exit(void)
{
}

module_init(gives_init);
module_exit(gives_exit);
MODULE_LICENSE("GPL");
