// SPDX-License-Identifier: MIT OR Apache-2.0
// A module whose licence is not the kernel's, and without a way out.
#include <linux/init.h>
#include <linux/module.h>

static int __init closed_init(void)
{
	return 0;
}

module_init(closed_init);
MODULE_LICENSE("Proprietary");
