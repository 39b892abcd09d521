/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_DELAY_H
#define _LINUX_DELAY_H
#include <linux/jiffies.h>
#include <linux/sched.h>
extern void __udelay(unsigned long us);
extern void __ndelay(unsigned long ns);
extern void msleep(unsigned int ms);
extern unsigned long msleep_interruptible(unsigned int ms);
extern void usleep_range_state(unsigned long least, unsigned long most, unsigned int state);
#define udelay(us) __udelay(us)
#define ndelay(ns) __ndelay(ns)
#define mdelay(ms) __udelay((unsigned long)(ms) * 1000)
static inline void usleep_range(unsigned long least, unsigned long most)
{
	usleep_range_state(least, most, TASK_UNINTERRUPTIBLE);
}
static inline void ssleep(unsigned int seconds) { msleep(seconds * 1000); }
static inline void fsleep(unsigned long us) { usleep_range(us, 2 * us); }
#endif
