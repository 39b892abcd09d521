// SPDX-License-Identifier: MIT OR Apache-2.0
// Needs circle_a, which needs this one: neither can come.
#include <linux/init.h>
#include <linux/module.h>

int circle_b(int depth);
int circle_a(int depth);

int circle_b(int depth)
{
	return depth ? circle_a(depth - 1) : 0;
}
EXPORT_SYMBOL(circle_b);

MODULE_LICENSE("GPL");
