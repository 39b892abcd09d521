/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_MUTEX_H
#define _LINUX_MUTEX_H
#include <linux/types.h>
#include <linux/lockdep.h>


/* The first word is the lock: 0, or who has it. Without a key it is a class of its own. */
struct mutex {
	unsigned long owner;
	const char *name;
	struct lock_class_key *key;
	unsigned long reserved;
};

#define __MUTEX_INITIALIZER(lock) { 0, #lock, 0, 0 }
#define DEFINE_MUTEX(name) struct mutex name = __MUTEX_INITIALIZER(name)

extern void __mutex_init(struct mutex *lock, const char *name, struct lock_class_key *key);
extern void mutex_lock(struct mutex *lock);
extern int __must_check mutex_lock_interruptible(struct mutex *lock);
extern int __must_check mutex_lock_killable(struct mutex *lock);
extern int mutex_trylock(struct mutex *lock);
extern void mutex_unlock(struct mutex *lock);
extern bool mutex_is_locked(struct mutex *lock);

#define mutex_init(lock) do { \
	static struct lock_class_key __key = { #lock }; \
	__mutex_init((lock), #lock, &__key); \
} while (0)
#define mutex_lock_nested(lock, subclass) mutex_lock(lock)
static inline void mutex_destroy(struct mutex *lock) { (void)lock; }

#endif
