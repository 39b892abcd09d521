/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_SEMAPHORE_H
#define _LINUX_SEMAPHORE_H
#include <linux/types.h>
#include <linux/compiler.h>

/* The first word is the count. */
struct semaphore {
	int count;
	unsigned int reserved[5];
};
#define __SEMAPHORE_INITIALIZER(name, n) { .count = (n) }
#define DEFINE_SEMAPHORE(name) struct semaphore name = __SEMAPHORE_INITIALIZER(name, 1)
static inline void sema_init(struct semaphore *lock, int count) { WRITE_ONCE(lock->count, count); }
extern void down(struct semaphore *lock);
extern int __must_check down_interruptible(struct semaphore *lock);
extern int __must_check down_killable(struct semaphore *lock);
extern int __must_check down_timeout(struct semaphore *lock, long ticks);
extern int __must_check down_trylock(struct semaphore *lock);
extern void up(struct semaphore *lock);
#endif
