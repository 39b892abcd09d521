// SPDX-License-Identifier: MIT OR Apache-2.0
// Uses the symbols of another module; has all that modprobe looks at.
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/module.h>

extern int give(int number);
extern int give_gpl(void);

static int times = 3;
module_param(times, int, 0444);
MODULE_PARM_DESC(times, "what is given twice");

static int __init takes_init(void)
{
	pr_info("takes: %d %d\n", give(times), give_gpl());
	return 0;
}

static void __exit takes_exit(void)
{
	pr_info("takes: gone\n");
}

module_init(takes_init);
module_exit(takes_exit);
MODULE_LICENSE("GPL");
MODULE_AUTHOR("An Author");
MODULE_DESCRIPTION("Uses the symbols of another module");
MODULE_VERSION("1.0");
MODULE_ALIAS("taker-of-*");
MODULE_SOFTDEP("pre: params post: hello");
