// SPDX-License-Identifier: MIT OR Apache-2.0
// Uses ten thousand symbols of another module.
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/module.h>

#define ONE(number) extern int many_##number(void);
#define EACH(begin) \
	ONE(begin##0) ONE(begin##1) ONE(begin##2) ONE(begin##3) ONE(begin##4) \
	ONE(begin##5) ONE(begin##6) ONE(begin##7) ONE(begin##8) ONE(begin##9)
#define TEN2(begin) \
	EACH(begin##0) EACH(begin##1) EACH(begin##2) EACH(begin##3) EACH(begin##4) \
	EACH(begin##5) EACH(begin##6) EACH(begin##7) EACH(begin##8) EACH(begin##9)
#define TEN3(begin) \
	TEN2(begin##0) TEN2(begin##1) TEN2(begin##2) TEN2(begin##3) TEN2(begin##4) \
	TEN2(begin##5) TEN2(begin##6) TEN2(begin##7) TEN2(begin##8) TEN2(begin##9)
#define ALL \
	TEN3(0) TEN3(1) TEN3(2) TEN3(3) TEN3(4) TEN3(5) TEN3(6) TEN3(7) TEN3(8) TEN3(9)
ALL

#undef ONE
#define ONE(number) many_##number,
static int (*const all[])(void) = { ALL };

static int __init needs_init(void)
{
	int sum = 0, i;

	for (i = 0; i < 10000; i++)
		sum += all[i]();
	pr_info("needs: %d\n", sum);
	return 0;
}

static void __exit needs_exit(void)
{
}

module_init(needs_init);
module_exit(needs_exit);
MODULE_LICENSE("GPL");
