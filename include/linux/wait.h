/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_WAIT_H
#define _LINUX_WAIT_H
/* Queues of those who wait for a condition. The queue counts wake-ups: who waits notes the count, looks at the condition,
   and sleeps until the count has changed. */
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/mutex.h>

struct wait_queue_head {
	u32 count;
	spinlock_t lock;
	struct list_head head;
};
typedef struct wait_queue_head wait_queue_head_t;

#define __WAIT_QUEUE_HEAD_INITIALIZER(name) { 0, __SPIN_LOCK_UNLOCKED(name.lock), { NULL, NULL } }
#define DECLARE_WAIT_QUEUE_HEAD(name) wait_queue_head_t name = __WAIT_QUEUE_HEAD_INITIALIZER(name)
#define DECLARE_WAIT_QUEUE_HEAD_ONSTACK DECLARE_WAIT_QUEUE_HEAD

extern void __init_waitqueue_head(wait_queue_head_t *queue, const char *name, struct lock_class_key *key);
extern u32 __wait_begin(wait_queue_head_t *queue);
extern long __wait_on(wait_queue_head_t *queue, u32 count, unsigned int state, long ticks);
extern void __wake_up(wait_queue_head_t *queue, unsigned int mode, int most, void *key);

#define init_waitqueue_head(queue) do { \
	static struct lock_class_key __key; \
	__init_waitqueue_head((queue), #queue, &__key); \
} while (0)
static inline int waitqueue_active(wait_queue_head_t *queue) { (void)queue; return 1; }

#define wake_up(queue) __wake_up(queue, TASK_NORMAL, 1, NULL)
#define __wake_up_sync(queue, mode) __wake_up(queue, mode, 1, NULL)
#define wake_up_interruptible_sync(queue) __wake_up_sync(queue, TASK_INTERRUPTIBLE)
#define wake_up_interruptible_nr(queue, n) __wake_up(queue, TASK_INTERRUPTIBLE, n, NULL)
#define wake_up_nr(queue, n) __wake_up(queue, TASK_NORMAL, n, NULL)
#define wake_up_all(queue) __wake_up(queue, TASK_NORMAL, 0, NULL)
#define wake_up_interruptible(queue) __wake_up(queue, TASK_INTERRUPTIBLE, 1, NULL)
#define wake_up_interruptible_all(queue) __wake_up(queue, TASK_INTERRUPTIBLE, 0, NULL)

/* The jiffies that are left, at least 1, once the condition holds; 0 when time is up and it does not; -ERESTARTSYS. */
#define ___wait_event(queue, condition, state, ticks) ({ \
	long __left = (ticks); \
	for (;;) { \
		u32 __count = __wait_begin(&(queue)); \
		if (condition) { \
			if (__left <= 0) \
				__left = 1; \
			break; \
		} \
		if (__left <= 0) \
			break; \
		__left = __wait_on(&(queue), __count, state, __left); \
	} \
	__left; })

#define wait_event(queue, condition) \
	((void)___wait_event(queue, condition, TASK_UNINTERRUPTIBLE, MAX_SCHEDULE_TIMEOUT))
#define wait_event_timeout(queue, condition, ticks) \
	___wait_event(queue, condition, TASK_UNINTERRUPTIBLE, ticks)
#define __wait_event_int(queue, condition, state) ({ \
	long __result = ___wait_event(queue, condition, state, MAX_SCHEDULE_TIMEOUT); \
	__result < 0 ? (int)__result : 0; })
#define wait_event_interruptible(queue, condition) __wait_event_int(queue, condition, TASK_INTERRUPTIBLE)
#define wait_event_killable(queue, condition) __wait_event_int(queue, condition, TASK_KILLABLE)
#define wait_event_interruptible_exclusive wait_event_interruptible
#define wait_event_killable_timeout(queue, condition, ticks) ___wait_event(queue, condition, TASK_KILLABLE, ticks)
#define wait_event_idle(queue, condition) wait_event(queue, condition)
#define wait_event_idle_timeout(queue, condition, ticks) wait_event_timeout(queue, condition, ticks)
#define wait_event_interruptible_timeout(queue, condition, ticks) \
	___wait_event(queue, condition, TASK_INTERRUPTIBLE, ticks)

/* A thread that takes itself through a wait: what it announced last is what schedule() waits for. */
struct wait_queue_entry {
	unsigned int flags;
	void *private;
	int (*func)(struct wait_queue_entry *entry, unsigned int mode, int flags, void *key);
	struct list_head entry;
};
typedef struct wait_queue_entry wait_queue_entry_t;
#define WQ_FLAG_EXCLUSIVE 0x01
#define DEFINE_WAIT(name) struct wait_queue_entry name = { .private = current }
#define DECLARE_WAITQUEUE(name, task) struct wait_queue_entry name = { .private = (task) }
#define init_wait_entry(entry, how) do { \
	*(entry) = (struct wait_queue_entry){ .flags = (how), .private = current }; \
} while (0)
#define init_wait(entry) do { *(entry) = (struct wait_queue_entry){ .private = current }; } while (0)
#define init_waitqueue_entry(entry, task) do { *(entry) = (struct wait_queue_entry){ .private = (task) }; } while (0)

extern void __prepare_to_wait(wait_queue_head_t *queue, unsigned int state);
extern void __finish_wait(void);
static inline void prepare_to_wait(wait_queue_head_t *queue, struct wait_queue_entry *entry, int state)
{
	__prepare_to_wait(queue, state);
}
static inline bool prepare_to_wait_exclusive(wait_queue_head_t *queue, struct wait_queue_entry *entry, int state)
{
	__prepare_to_wait(queue, state);
	return true;
}
static inline long prepare_to_wait_event(wait_queue_head_t *queue, struct wait_queue_entry *entry, int state)
{
	if (state == TASK_INTERRUPTIBLE && signal_pending(current))
		return -ERESTARTSYS;
	__prepare_to_wait(queue, state);
	return 0;
}
static inline void finish_wait(wait_queue_head_t *queue, struct wait_queue_entry *entry) { __finish_wait(); }
static inline void add_wait_queue(wait_queue_head_t *queue, struct wait_queue_entry *entry)
{
	__prepare_to_wait(queue, TASK_RUNNING);
}
#define add_wait_queue_exclusive add_wait_queue
static inline void remove_wait_queue(wait_queue_head_t *queue, struct wait_queue_entry *entry) { __finish_wait(); }

#endif
