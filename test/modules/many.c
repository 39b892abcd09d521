// SPDX-License-Identifier: MIT OR Apache-2.0
// Ten thousand symbols for other modules.
#include <linux/init.h>
#include <linux/module.h>

#define ONE(number) \
	int many_##number(void); \
	int many_##number(void) { return 1##number - 10000; } \
	EXPORT_SYMBOL(many_##number);
#define EACH(what, begin) \
	what(begin##0) what(begin##1) what(begin##2) what(begin##3) what(begin##4) \
	what(begin##5) what(begin##6) what(begin##7) what(begin##8) what(begin##9)
#define TEN(begin) EACH(ONE, begin)
#define TEN2(begin) \
	TEN(begin##0) TEN(begin##1) TEN(begin##2) TEN(begin##3) TEN(begin##4) \
	TEN(begin##5) TEN(begin##6) TEN(begin##7) TEN(begin##8) TEN(begin##9)
#define TEN3(begin) \
	TEN2(begin##0) TEN2(begin##1) TEN2(begin##2) TEN2(begin##3) TEN2(begin##4) \
	TEN2(begin##5) TEN2(begin##6) TEN2(begin##7) TEN2(begin##8) TEN2(begin##9)
TEN3(0) TEN3(1) TEN3(2) TEN3(3) TEN3(4) TEN3(5) TEN3(6) TEN3(7) TEN3(8) TEN3(9)

static int __init many_init(void)
{
	return 0;
}

static void __exit many_exit(void)
{
}

module_init(many_init);
module_exit(many_exit);
MODULE_LICENSE("GPL");
