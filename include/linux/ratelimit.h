/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_RATELIMIT_H
#define _LINUX_RATELIMIT_H
#include <linux/kernel.h>
#include <linux/jiffies.h>
struct ratelimit_state {
	int interval;
	int burst;
	unsigned long begun;
	unsigned long came;
};
#define DEFAULT_RATELIMIT_INTERVAL (5 * HZ)
#define DEFAULT_RATELIMIT_BURST 10
#define RATELIMIT_STATE_INIT(name, ticks, most) { .interval = (ticks), .burst = (most) }
#define DEFINE_RATELIMIT_STATE(name, ticks, most) \
	struct ratelimit_state name = RATELIMIT_STATE_INIT(name, ticks, most)
extern int ___ratelimit(struct ratelimit_state *state, const char *function);
extern int __printk_ratelimit(const char *function);
#define printk_ratelimit() __printk_ratelimit(__func__)
#define __ratelimit(state) ___ratelimit(state, __func__)
static inline void ratelimit_state_init(struct ratelimit_state *state, int ticks, int most)
{
	*state = (struct ratelimit_state){ .interval = ticks, .burst = most };
}
#define printk_ratelimited(format, arguments...) ({ \
	static DEFINE_RATELIMIT_STATE(__state, DEFAULT_RATELIMIT_INTERVAL, DEFAULT_RATELIMIT_BURST); \
	if (__ratelimit(&__state)) \
		printk(format, ##arguments); })
#define pr_err_ratelimited(format, arguments...) printk_ratelimited(KERN_ERR pr_fmt(format), ##arguments)
#define pr_warn_ratelimited(format, arguments...) printk_ratelimited(KERN_WARNING pr_fmt(format), ##arguments)
#define pr_info_ratelimited(format, arguments...) printk_ratelimited(KERN_INFO pr_fmt(format), ##arguments)
#endif
