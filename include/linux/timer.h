/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_TIMER_H
#define _LINUX_TIMER_H
/* Functions called in a softirq once a tick has come. */
#include <linux/jiffies.h>
#include <linux/list.h>

struct timer_list {
	struct hlist_node entry;
	unsigned long expires;
	void (*function)(struct timer_list *timer);
	u32 flags;
};

#define TIMER_DEFERRABLE 0x00080000
#define TIMER_PINNED 0x00100000
#define TIMER_IRQSAFE 0x00200000

#define __TIMER_INITIALIZER(callback, bits) { .function = (callback), .flags = (bits) }
#define DEFINE_TIMER(name, callback) struct timer_list name = __TIMER_INITIALIZER(callback, 0)
static inline void __timer_setup(struct timer_list *timer, void (*callback)(struct timer_list *), u32 flags)
{
	timer->entry.next = NULL;
	timer->entry.pprev = NULL;
	timer->function = callback;
	timer->flags = flags;
}
#define timer_setup(timer, callback, flags) __timer_setup((timer), (callback), (flags))
#define timer_setup_on_stack(timer, callback, flags) __timer_setup((timer), (callback), (flags))
#define destroy_timer_on_stack(timer) ((void)(timer))
#define from_timer(var, timer, member) container_of(timer, __typeof__(*var), member)

extern int mod_timer(struct timer_list *timer, unsigned long expires);
extern int mod_timer_pending(struct timer_list *timer, unsigned long expires);
extern void add_timer(struct timer_list *timer);
extern int timer_pending(const struct timer_list *timer);
extern int del_timer(struct timer_list *timer);
extern int try_to_del_timer_sync(struct timer_list *timer);
extern int del_timer_sync(struct timer_list *timer);
#define del_singleshot_timer_sync(timer) del_timer_sync(timer)
#define timer_delete(timer) del_timer(timer)
#define timer_delete_sync(timer) del_timer_sync(timer)

#define round_jiffies(ticks) (ticks)
#define round_jiffies_relative(ticks) (ticks)

#endif
