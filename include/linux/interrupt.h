/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_INTERRUPT_H
#define _LINUX_INTERRUPT_H
/* Work put off from interrupts. */
#include <linux/types.h>
#include <linux/atomic.h>
#include <linux/preempt.h>
#include <linux/irqflags.h>
#include <linux/irqreturn.h>

struct tasklet_struct {
	struct tasklet_struct *next;
	u32 state;
	atomic_t count;
	unsigned long use_callback;
	union {
		void (*func)(unsigned long data);
		void (*callback)(struct tasklet_struct *tasklet);
	};
	unsigned long data;
};
#define DECLARE_TASKLET(name, function) \
	struct tasklet_struct name = { .use_callback = 1, .callback = (function) }
#define DECLARE_TASKLET_DISABLED(name, function) \
	struct tasklet_struct name = { .count = ATOMIC_INIT(1), .use_callback = 1, .callback = (function) }
#define DECLARE_TASKLET_OLD(name, function) struct tasklet_struct name = { .func = (function) }
#define DECLARE_TASKLET_DISABLED_OLD(name, function) \
	struct tasklet_struct name = { .count = ATOMIC_INIT(1), .func = (function) }
#define from_tasklet(var, tasklet, member) container_of(tasklet, __typeof__(*var), member)

static inline void tasklet_setup(struct tasklet_struct *tasklet, void (*callback)(struct tasklet_struct *))
{
	*tasklet = (struct tasklet_struct){ .use_callback = 1, .callback = callback };
}
static inline void tasklet_init(struct tasklet_struct *tasklet, void (*func)(unsigned long), unsigned long data)
{
	*tasklet = (struct tasklet_struct){ .func = func, .data = data };
}
extern void tasklet_schedule(struct tasklet_struct *tasklet);
extern void tasklet_hi_schedule(struct tasklet_struct *tasklet);
extern void tasklet_disable_nosync(struct tasklet_struct *tasklet);
extern void tasklet_disable(struct tasklet_struct *tasklet);
extern void tasklet_enable(struct tasklet_struct *tasklet);
extern void tasklet_kill(struct tasklet_struct *tasklet);
#define tasklet_unlock_wait(tasklet) ((void)(tasklet))

#endif
