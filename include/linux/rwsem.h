/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_RWSEM_H
#define _LINUX_RWSEM_H
#include <linux/types.h>
#include <linux/compiler.h>
#include <linux/lockdep.h>

/* How many read, or that one writes; then how many wait to write. */
struct rw_semaphore {
	int count;
	unsigned int writers;
	struct lock_class_key *key;
	unsigned long reserved[3];
};
#define __RWSEM_INITIALIZER(name) { 0 }
#define DECLARE_RWSEM(name) struct rw_semaphore name = __RWSEM_INITIALIZER(name)
#define init_rwsem(lock) do { \
	static struct lock_class_key __key = { #lock }; \
	(lock)->count = 0; \
	(lock)->writers = 0; \
	(lock)->key = &__key; \
} while (0)
static inline int rwsem_is_locked(struct rw_semaphore *lock) { return READ_ONCE(lock->count) != 0; }
extern void down_read(struct rw_semaphore *lock);
extern int __must_check down_read_interruptible(struct rw_semaphore *lock);
extern int __must_check down_read_killable(struct rw_semaphore *lock);
extern int down_read_trylock(struct rw_semaphore *lock);
extern void down_write(struct rw_semaphore *lock);
extern int __must_check down_write_killable(struct rw_semaphore *lock);
extern int down_write_trylock(struct rw_semaphore *lock);
extern void up_read(struct rw_semaphore *lock);
extern void up_write(struct rw_semaphore *lock);
extern void downgrade_write(struct rw_semaphore *lock);
#endif
