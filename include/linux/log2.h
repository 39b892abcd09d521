/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_LOG2_H
#define _LINUX_LOG2_H
/* Powers of two. All are constants for constants. */
#include <linux/types.h>

#define ilog2(n) ((int)(63 - __builtin_clzll(n)))
static inline bool is_power_of_2(unsigned long n) { return n && !(n & (n - 1)); }
#define roundup_pow_of_two(n) ((n) <= 1 ? 1UL : 1UL << (ilog2((unsigned long)(n) - 1) + 1))
#define rounddown_pow_of_two(n) (1UL << ilog2(n))
#define order_base_2(n) ((n) <= 1 ? 0 : ilog2((n) - 1) + 1)

#endif
