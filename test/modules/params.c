// SPDX-License-Identifier: MIT OR Apache-2.0
// Parameters of every kind, told when it is loaded.
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/module.h>

static int number = 5;
static unsigned short small = 7;
static char *word = "none";
static bool yes;
static int list[4];
static int listed;
static char text[8] = "abc";
module_param(number, int, 0644);
module_param(small, ushort, 0444);
module_param(word, charp, 0);
module_param(yes, bool, 0600);
module_param_array(list, int, &listed, 0444);
module_param_string(text, text, sizeof(text), 0444);
MODULE_PARM_DESC(number, "a number");

static int __init params_init(void)
{
	pr_info("params: number=%d small=%u word=%s yes=%d list=%d:%d,%d,%d,%d text=%s\n", number, small, word, yes,
		listed, list[0], list[1], list[2], list[3], text);
	return 0;
}

static void __exit params_exit(void)
{
}

module_init(params_init);
module_exit(params_exit);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_VERSION("2.5");
