/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_JIFFIES_H
#define _LINUX_JIFFIES_H
/* Ticks of the clock, HZ a second. */
#include <linux/kernel.h>
extern u64 get_jiffies_64(void);
#define jiffies ((unsigned long)get_jiffies_64())
#define jiffies_64 get_jiffies_64()
#define time_after(a, b) ((long)((b) - (a)) < 0)
#define time_before(a, b) time_after(b, a)
#define time_after_eq(a, b) ((long)((a) - (b)) >= 0)
#define time_before_eq(a, b) time_after_eq(b, a)
#define time_in_range(a, b, c) (time_after_eq(a, b) && time_before_eq(a, c))
#define time_is_before_jiffies(a) time_after(jiffies, a)
#define time_is_after_jiffies(a) time_before(jiffies, a)
static inline unsigned long msecs_to_jiffies(unsigned int ms)
{
	return (int)ms < 0 ? (unsigned long)(LONG_MAX >> 1) - 1 : ((unsigned long)ms * HZ + 999) / 1000;
}
static inline unsigned long usecs_to_jiffies(unsigned int us) { return ((unsigned long)us * HZ + 999999) / 1000000; }
static inline unsigned long nsecs_to_jiffies(u64 ns) { return ns / (1000000000UL / HZ); }
static inline unsigned int jiffies_to_msecs(unsigned long ticks) { return ticks * (1000 / HZ); }
static inline unsigned int jiffies_to_usecs(unsigned long ticks) { return ticks * (1000000 / HZ); }
static inline u64 jiffies_to_nsecs(unsigned long ticks) { return (u64)ticks * (1000000000UL / HZ); }
#endif
