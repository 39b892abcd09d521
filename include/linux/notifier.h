/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_NOTIFIER_H
#define _LINUX_NOTIFIER_H
/* Chains of functions that are told of events, the one of the highest priority first. */
#include <linux/errno.h>
#include <linux/rcupdate.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>

struct notifier_block;
typedef int (*notifier_fn_t)(struct notifier_block *block, unsigned long action, void *data);
struct notifier_block {
	notifier_fn_t notifier_call;
	struct notifier_block __rcu *next;
	int priority;
};
struct raw_notifier_head { struct notifier_block __rcu *head; };
struct atomic_notifier_head { spinlock_t lock; struct notifier_block __rcu *head; };
struct blocking_notifier_head { struct rw_semaphore rwsem; struct notifier_block __rcu *head; };
#define RAW_NOTIFIER_HEAD(name) struct raw_notifier_head name = { NULL }
#define ATOMIC_NOTIFIER_HEAD(name) struct atomic_notifier_head name = { __SPIN_LOCK_UNLOCKED(name.lock), NULL }
#define BLOCKING_NOTIFIER_HEAD(name) struct blocking_notifier_head name = { __RWSEM_INITIALIZER(name.rwsem), NULL }
#define RAW_INIT_NOTIFIER_HEAD(name) do { (name)->head = NULL; } while (0)
#define ATOMIC_INIT_NOTIFIER_HEAD(name) do { spin_lock_init(&(name)->lock); (name)->head = NULL; } while (0)
#define BLOCKING_INIT_NOTIFIER_HEAD(name) do { init_rwsem(&(name)->rwsem); (name)->head = NULL; } while (0)

#define NOTIFY_DONE 0x0000
#define NOTIFY_OK 0x0001
#define NOTIFY_STOP_MASK 0x8000
#define NOTIFY_BAD (NOTIFY_STOP_MASK | 0x0002)
#define NOTIFY_STOP (NOTIFY_OK | NOTIFY_STOP_MASK)
static inline int notifier_from_errno(int error) { return error ? NOTIFY_STOP_MASK | (NOTIFY_OK - error) : NOTIFY_OK; }
static inline int notifier_to_errno(int answer)
{
	answer &= ~NOTIFY_STOP_MASK;
	return answer > NOTIFY_OK ? NOTIFY_OK - answer : 0;
}

static __maybe_unused int __notifier_add(struct notifier_block **place, struct notifier_block *block)
{
	for (; *place; place = &(*place)->next) {
		if (*place == block)
			return -EEXIST;
		if (block->priority > (*place)->priority)
			break;
	}
	block->next = *place;
	rcu_assign_pointer(*place, block);
	return 0;
}
static __maybe_unused int __notifier_del(struct notifier_block **place, struct notifier_block *block)
{
	for (; *place; place = &(*place)->next) {
		if (*place == block) {
			rcu_assign_pointer(*place, block->next);
			return 0;
		}
	}
	return -ENOENT;
}
static __maybe_unused int __notifier_call(struct notifier_block **place, unsigned long action, void *data)
{
	struct notifier_block *block = rcu_dereference(*place), *next;
	int answer = NOTIFY_DONE;

	while (block && !(answer & NOTIFY_STOP_MASK)) {
		next = rcu_dereference(block->next);
		answer = block->notifier_call(block, action, data);
		block = next;
	}
	return answer;
}

static inline int raw_notifier_chain_register(struct raw_notifier_head *chain, struct notifier_block *block)
{
	return __notifier_add(&chain->head, block);
}
static inline int raw_notifier_chain_unregister(struct raw_notifier_head *chain, struct notifier_block *block)
{
	return __notifier_del(&chain->head, block);
}
static inline int raw_notifier_call_chain(struct raw_notifier_head *chain, unsigned long action, void *data)
{
	return __notifier_call(&chain->head, action, data);
}
static __maybe_unused int atomic_notifier_chain_register(struct atomic_notifier_head *chain,
							 struct notifier_block *block)
{
	unsigned long flags;
	int error;

	spin_lock_irqsave(&chain->lock, flags);
	error = __notifier_add(&chain->head, block);
	spin_unlock_irqrestore(&chain->lock, flags);
	return error;
}
static __maybe_unused int atomic_notifier_chain_unregister(struct atomic_notifier_head *chain,
							   struct notifier_block *block)
{
	unsigned long flags;
	int error;

	spin_lock_irqsave(&chain->lock, flags);
	error = __notifier_del(&chain->head, block);
	spin_unlock_irqrestore(&chain->lock, flags);
	synchronize_rcu();
	return error;
}
static __maybe_unused int atomic_notifier_call_chain(struct atomic_notifier_head *chain, unsigned long action,
						     void *data)
{
	int answer;

	rcu_read_lock();
	answer = __notifier_call(&chain->head, action, data);
	rcu_read_unlock();
	return answer;
}
static __maybe_unused int blocking_notifier_chain_register(struct blocking_notifier_head *chain,
							   struct notifier_block *block)
{
	int error;

	down_write(&chain->rwsem);
	error = __notifier_add(&chain->head, block);
	up_write(&chain->rwsem);
	return error;
}
static __maybe_unused int blocking_notifier_chain_unregister(struct blocking_notifier_head *chain,
							     struct notifier_block *block)
{
	int error;

	down_write(&chain->rwsem);
	error = __notifier_del(&chain->head, block);
	up_write(&chain->rwsem);
	return error;
}
static __maybe_unused int blocking_notifier_call_chain(struct blocking_notifier_head *chain, unsigned long action,
						       void *data)
{
	int answer;

	down_read(&chain->rwsem);
	answer = __notifier_call(&chain->head, action, data);
	up_read(&chain->rwsem);
	return answer;
}
#endif
