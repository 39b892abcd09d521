/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_WORKQUEUE_H
#define _LINUX_WORKQUEUE_H
/* Functions that a kernel thread calls. */
#include <linux/kernel.h>
#include <linux/atomic.h>
#include <linux/timer.h>

struct workqueue_struct;
struct work_struct;
typedef void (*work_func_t)(struct work_struct *work);

/* The kernel knows a work by its address, and reads its function each time it runs. */
struct work_struct {
	atomic_long_t data;
	struct list_head entry;
	work_func_t func;
};

#define __WORK_INITIALIZER(name, function) { ATOMIC_LONG_INIT(0), { NULL, NULL }, (function) }
#define DECLARE_WORK(name, function) struct work_struct name = __WORK_INITIALIZER(name, function)
#define INIT_WORK(work, function) do { \
	struct work_struct *__work = (work); \
	atomic_long_set(&__work->data, 0); \
	__work->entry.next = __work->entry.prev = NULL; \
	__work->func = (function); \
} while (0)
#define INIT_WORK_ONSTACK INIT_WORK

/* The timer stands right behind the work. */
struct delayed_work {
	struct work_struct work;
	struct timer_list timer;
};
#define __DELAYED_WORK_INITIALIZER(name, function) { .work = __WORK_INITIALIZER((name).work, function) }
#define DECLARE_DELAYED_WORK(name, function) struct delayed_work name = __DELAYED_WORK_INITIALIZER(name, function)
#define INIT_DELAYED_WORK(name, function) INIT_WORK(&(name)->work, function)
#define INIT_DEFERRABLE_WORK INIT_DELAYED_WORK
static inline struct delayed_work *to_delayed_work(struct work_struct *work)
{
	return container_of(work, struct delayed_work, work);
}

#define WORK_BUSY_PENDING 1
#define WORK_BUSY_RUNNING 2
#define WQ_UNBOUND (1 << 1)
#define WQ_FREEZABLE (1 << 2)
#define WQ_MEM_RECLAIM (1 << 3)
#define WQ_HIGHPRI (1 << 4)
#define WQ_CPU_INTENSIVE (1 << 5)
#define WQ_SYSFS (1 << 6)
#define __WQ_ORDERED (1 << 17)
#define WORK_CPU_UNBOUND (-1)

extern struct workqueue_struct *system_wq, *system_highpri_wq, *system_long_wq, *system_unbound_wq;

extern __printf(1, 4) struct workqueue_struct *alloc_workqueue(const char *format, unsigned int flags,
							       int max_active, ...);
#define alloc_ordered_workqueue(format, flags, arguments...) \
	alloc_workqueue(format, WQ_UNBOUND | __WQ_ORDERED | (flags), 1, ##arguments)
#define create_workqueue(name) alloc_workqueue("%s", WQ_MEM_RECLAIM, 1, (name))
#define create_singlethread_workqueue(name) alloc_ordered_workqueue("%s", WQ_MEM_RECLAIM, name)
extern void destroy_workqueue(struct workqueue_struct *queue);
extern void __flush_workqueue(struct workqueue_struct *queue);
#define flush_workqueue(queue) __flush_workqueue(queue)
#define drain_workqueue(queue) __flush_workqueue(queue)
#define flush_scheduled_work() __flush_workqueue(system_wq)

extern bool queue_work_on(int cpu, struct workqueue_struct *queue, struct work_struct *work);
extern bool flush_work(struct work_struct *work);
extern bool cancel_work_sync(struct work_struct *work);
extern unsigned int work_busy(struct work_struct *work);
static inline bool queue_work(struct workqueue_struct *queue, struct work_struct *work)
{
	return queue_work_on(WORK_CPU_UNBOUND, queue, work);
}
static inline bool schedule_work(struct work_struct *work) { return queue_work(system_wq, work); }
static inline bool schedule_work_on(int cpu, struct work_struct *work)
{
	return queue_work_on(cpu, system_wq, work);
}
#define work_pending(work) ((work_busy(work) & WORK_BUSY_PENDING) != 0)
extern bool cancel_work(struct work_struct *work);

extern bool queue_delayed_work_on(int cpu, struct workqueue_struct *queue, struct delayed_work *work,
				  unsigned long ticks);
extern bool mod_delayed_work_on(int cpu, struct workqueue_struct *queue, struct delayed_work *work,
				unsigned long ticks);
extern bool cancel_delayed_work(struct delayed_work *work);
extern bool cancel_delayed_work_sync(struct delayed_work *work);
extern bool flush_delayed_work(struct delayed_work *work);
extern bool __delayed_work_pending(struct delayed_work *work);
#define delayed_work_pending(work) __delayed_work_pending(work)
static inline bool queue_delayed_work(struct workqueue_struct *queue, struct delayed_work *work, unsigned long ticks)
{
	return queue_delayed_work_on(WORK_CPU_UNBOUND, queue, work, ticks);
}
static inline bool mod_delayed_work(struct workqueue_struct *queue, struct delayed_work *work, unsigned long ticks)
{
	return mod_delayed_work_on(WORK_CPU_UNBOUND, queue, work, ticks);
}
static inline bool schedule_delayed_work(struct delayed_work *work, unsigned long ticks)
{
	return queue_delayed_work(system_wq, work, ticks);
}
static inline bool schedule_delayed_work_on(int cpu, struct delayed_work *work, unsigned long ticks)
{
	return queue_delayed_work_on(cpu, system_wq, work, ticks);
}

#endif
