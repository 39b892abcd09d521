// SPDX-License-Identifier: MIT OR Apache-2.0
// Needs circle_b, which needs this one: neither can come.
#include <linux/init.h>
#include <linux/module.h>

int circle_a(int depth);
int circle_b(int depth);

int circle_a(int depth)
{
	return depth ? circle_b(depth - 1) : 0;
}
EXPORT_SYMBOL(circle_a);

MODULE_LICENSE("GPL");
