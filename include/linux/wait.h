/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_WAIT_H
#define _LINUX_WAIT_H
/* Queues of those who wait for a condition. The queue counts wake-ups: who waits notes the count, looks at the condition,
   and sleeps until the count has changed. */
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/mutex.h>

struct wait_queue_head {
	u32 count;
	spinlock_t lock;
	struct list_head head;
};
typedef struct wait_queue_head wait_queue_head_t;

#define __WAIT_QUEUE_HEAD_INITIALIZER(name) { 0, __SPIN_LOCK_UNLOCKED((name).lock), LIST_HEAD_INIT((name).head) }
#define DECLARE_WAIT_QUEUE_HEAD(name) wait_queue_head_t name = __WAIT_QUEUE_HEAD_INITIALIZER(name)
#define DECLARE_WAIT_QUEUE_HEAD_ONSTACK DECLARE_WAIT_QUEUE_HEAD

extern void __init_waitqueue_head(wait_queue_head_t *queue, const char *name, struct lock_class_key *key);
extern u32 __wait_begin(wait_queue_head_t *queue);
extern long __wait_on(wait_queue_head_t *queue, u32 count, unsigned int state, long ticks);
extern void __wake_up(wait_queue_head_t *queue, unsigned int mode, int most, void *key);

#define init_waitqueue_head(queue) do { \
	static struct lock_class_key __key; \
	__init_waitqueue_head((queue), #queue, &__key); \
	spin_lock_init(&(queue)->lock); \
	INIT_LIST_HEAD(&(queue)->head); \
} while (0)
static inline int waitqueue_active(wait_queue_head_t *queue) { (void)queue; return 1; }

/* One that waits: a thread that takes itself through it, or a function that is called for each wake-up. Entries with a
   function hang on the queue's list, which is the module's own business: the kernel never looks at it. */
struct wait_queue_entry;
typedef int (*wait_queue_func_t)(struct wait_queue_entry *entry, unsigned int mode, int flags, void *key);
struct wait_queue_entry {
	unsigned int flags;
	void *private;
	wait_queue_func_t func;
	struct list_head entry;
};
typedef struct wait_queue_entry wait_queue_entry_t;
#define WQ_FLAG_EXCLUSIVE 0x01

/* Calls the functions until `most` exclusive ones have taken the wake-up (0: all), then wakes the threads. */
static inline void __wake_up_with(wait_queue_head_t *queue, unsigned int mode, int most, int flags, void *key)
{
	if (!list_empty(&queue->head)) {
		struct wait_queue_entry *at, *next;
		unsigned long irqs;

		spin_lock_irqsave(&queue->lock, irqs);
		list_for_each_entry_safe(at, next, &queue->head, entry) {
			unsigned int exclusive = at->flags & WQ_FLAG_EXCLUSIVE;
			int taken = at->func(at, mode, flags, key);

			if (taken < 0 || (taken && exclusive && !--most))
				break;
		}
		spin_unlock_irqrestore(&queue->lock, irqs);
	}
	__wake_up(queue, mode, most, key);
}

#define wake_up(queue) __wake_up_with(queue, TASK_NORMAL, 1, 0, NULL)
#define __wake_up_sync(queue, mode) __wake_up_with(queue, mode, 1, 0, NULL)
#define wake_up_interruptible_sync(queue) __wake_up_sync(queue, TASK_INTERRUPTIBLE)
#define wake_up_interruptible_nr(queue, n) __wake_up_with(queue, TASK_INTERRUPTIBLE, n, 0, NULL)
#define wake_up_nr(queue, n) __wake_up_with(queue, TASK_NORMAL, n, 0, NULL)
#define wake_up_all(queue) __wake_up_with(queue, TASK_NORMAL, 0, 0, NULL)
#define wake_up_interruptible(queue) __wake_up_with(queue, TASK_INTERRUPTIBLE, 1, 0, NULL)
#define wake_up_interruptible_all(queue) __wake_up_with(queue, TASK_INTERRUPTIBLE, 0, 0, NULL)
/* The key of poll: which events there are. */
#define poll_to_key(events) ((void *)(unsigned long)(events))
#define key_to_poll(key) ((__poll_t)(unsigned long)(key))
#define wake_up_poll(queue, events) __wake_up_with(queue, TASK_NORMAL, 1, 0, poll_to_key(events))
#define wake_up_interruptible_poll(queue, events) \
	__wake_up_with(queue, TASK_INTERRUPTIBLE, 1, 0, poll_to_key(events))

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

static inline int default_wake_function(struct wait_queue_entry *entry, unsigned int mode, int flags, void *key)
{
	return wake_up_process(entry->private);
}
static inline int autoremove_wake_function(struct wait_queue_entry *entry, unsigned int mode, int flags, void *key)
{
	int woken = default_wake_function(entry, mode, flags, key);

	if (woken)
		list_del_init(&entry->entry);
	return woken;
}
static inline void init_waitqueue_func_entry(struct wait_queue_entry *entry, wait_queue_func_t func)
{
	*entry = (struct wait_queue_entry){ .func = func };
}

/* A thread that takes itself through a wait: what it announced last is what schedule() waits for. */
#define DEFINE_WAIT_FUNC(name, function) struct wait_queue_entry name = { \
	.private = current, .func = (function), .entry = LIST_HEAD_INIT((name).entry) }
#define DEFINE_WAIT(name) struct wait_queue_entry name = { .private = current }
#define DECLARE_WAITQUEUE(name, task) struct wait_queue_entry name = { .private = (task) }
#define init_wait_entry(entry, how) do { \
	*(entry) = (struct wait_queue_entry){ .flags = (how), .private = current }; \
} while (0)
#define init_wait(entry) do { *(entry) = (struct wait_queue_entry){ .private = current }; } while (0)
#define init_waitqueue_entry(entry, task) do { *(entry) = (struct wait_queue_entry){ .private = (task) }; } while (0)

extern void __prepare_to_wait(wait_queue_head_t *queue, unsigned int state);
extern void __finish_wait(void);
/* Hangs an entry with a function on the queue, if it does not yet, behind those that are not exclusive or at the end. */
static inline bool __hang(wait_queue_head_t *queue, struct wait_queue_entry *entry, bool at_end)
{
	bool first = true;

	if (entry->func) {
		unsigned long irqs;

		spin_lock_irqsave(&queue->lock, irqs);
		first = list_empty(&queue->head);
		if (!entry->entry.next || list_empty(&entry->entry)) {
			if (at_end)
				list_add_tail(&entry->entry, &queue->head);
			else
				list_add(&entry->entry, &queue->head);
		}
		spin_unlock_irqrestore(&queue->lock, irqs);
	}
	return first;
}
static inline void __unhang(wait_queue_head_t *queue, struct wait_queue_entry *entry)
{
	if (entry->func && entry->entry.next) {
		unsigned long irqs;

		spin_lock_irqsave(&queue->lock, irqs);
		list_del_init(&entry->entry);
		spin_unlock_irqrestore(&queue->lock, irqs);
	}
}
static inline void prepare_to_wait(wait_queue_head_t *queue, struct wait_queue_entry *entry, int state)
{
	entry->flags &= ~WQ_FLAG_EXCLUSIVE;
	__hang(queue, entry, false);
	__prepare_to_wait(queue, state);
}
static inline bool prepare_to_wait_exclusive(wait_queue_head_t *queue, struct wait_queue_entry *entry, int state)
{
	bool first;

	entry->flags |= WQ_FLAG_EXCLUSIVE;
	first = __hang(queue, entry, true);
	__prepare_to_wait(queue, state);
	return first;
}
static inline long prepare_to_wait_event(wait_queue_head_t *queue, struct wait_queue_entry *entry, int state)
{
	if (state == TASK_INTERRUPTIBLE && signal_pending(current)) {
		__unhang(queue, entry);
		return -ERESTARTSYS;
	}
	__hang(queue, entry, entry->flags & WQ_FLAG_EXCLUSIVE);
	__prepare_to_wait(queue, state);
	return 0;
}
static inline void finish_wait(wait_queue_head_t *queue, struct wait_queue_entry *entry)
{
	__finish_wait();
	__unhang(queue, entry);
}
static inline void add_wait_queue(wait_queue_head_t *queue, struct wait_queue_entry *entry)
{
	entry->flags &= ~WQ_FLAG_EXCLUSIVE;
	if (entry->func)
		__hang(queue, entry, false);
	else
		__prepare_to_wait(queue, TASK_RUNNING);
}
static inline void add_wait_queue_exclusive(wait_queue_head_t *queue, struct wait_queue_entry *entry)
{
	entry->flags |= WQ_FLAG_EXCLUSIVE;
	if (entry->func)
		__hang(queue, entry, true);
	else
		__prepare_to_wait(queue, TASK_RUNNING);
}
static inline void remove_wait_queue(wait_queue_head_t *queue, struct wait_queue_entry *entry)
{
	if (entry->func)
		__unhang(queue, entry);
	else
		__finish_wait();
}

#endif
