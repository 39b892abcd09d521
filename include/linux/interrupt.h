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


/* Lines of devices. */
#define IRQF_TRIGGER_NONE 0x00000000
#define IRQF_TRIGGER_RISING 0x00000001
#define IRQF_TRIGGER_FALLING 0x00000002
#define IRQF_TRIGGER_HIGH 0x00000004
#define IRQF_TRIGGER_LOW 0x00000008
#define IRQF_SHARED 0x00000080
#define IRQF_ONESHOT 0x00002000

typedef irqreturn_t (*irq_handler_t)(int line, void *cookie);
extern int __must_check request_threaded_irq(unsigned int line, irq_handler_t handler, irq_handler_t thread,
					     unsigned long flags, const char *name, void *cookie);
extern const void *free_irq(unsigned int line, void *cookie);
extern void synchronize_irq(unsigned int line);

/* Which line a device has: of 1 to 15, those that nobody has. */
extern unsigned long probe_irq_on(void);
extern int probe_irq_off(unsigned long lines);
static inline int __must_check request_irq(unsigned int line, irq_handler_t handler, unsigned long flags,
					   const char *name, void *cookie)
{
	return request_threaded_irq(line, handler, NULL, flags, name, cookie);
}

#endif
