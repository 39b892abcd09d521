/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_SPINLOCK_H
#define _LINUX_SPINLOCK_H
/* Locks that are held for moments: who waits spins, preemption off. */
#include <linux/types.h>
#include <linux/compiler.h>
#include <asm/processor.h>
#include <linux/irqflags.h>
#include <linux/lockdep.h>

/* Behind the lock's word stands half of the address of its class's key; 0: it is a class of its own. */
typedef struct raw_spinlock { u32 word; u32 key; } raw_spinlock_t;
typedef struct spinlock { struct raw_spinlock rlock; } spinlock_t;
typedef struct { u32 word; u32 key; } rwlock_t;

#define __RAW_SPIN_LOCK_UNLOCKED(name) { 0, 0 }
#define __SPIN_LOCK_UNLOCKED(name) { { 0, 0 } }
#define __RW_LOCK_UNLOCKED(name) { 0, 0 }
#define DEFINE_RAW_SPINLOCK(name) raw_spinlock_t name = __RAW_SPIN_LOCK_UNLOCKED(name)
#define DEFINE_SPINLOCK(name) spinlock_t name = __SPIN_LOCK_UNLOCKED(name)
#define DEFINE_RWLOCK(name) rwlock_t name = __RW_LOCK_UNLOCKED(name)

extern void _raw_spin_lock(raw_spinlock_t *lock);
extern void _raw_spin_unlock(raw_spinlock_t *lock);
extern int _raw_spin_trylock(raw_spinlock_t *lock);
extern void _raw_spin_lock_irq(raw_spinlock_t *lock);
extern void _raw_spin_unlock_irq(raw_spinlock_t *lock);
extern unsigned long _raw_spin_lock_irqsave(raw_spinlock_t *lock);
extern void _raw_spin_unlock_irqrestore(raw_spinlock_t *lock, unsigned long flags);
extern void _raw_read_lock(rwlock_t *lock);
extern void _raw_read_unlock(rwlock_t *lock);
extern void _raw_write_lock(rwlock_t *lock);
extern void _raw_write_unlock(rwlock_t *lock);
extern unsigned long _raw_read_lock_irqsave(rwlock_t *lock);
extern void _raw_read_unlock_irqrestore(rwlock_t *lock, unsigned long flags);
extern unsigned long _raw_write_lock_irqsave(rwlock_t *lock);
extern void _raw_write_unlock_irqrestore(rwlock_t *lock, unsigned long flags);

extern void _raw_spin_lock_bh(raw_spinlock_t *lock);
extern void _raw_spin_unlock_bh(raw_spinlock_t *lock);
extern void _raw_read_lock_bh(rwlock_t *lock);
extern void _raw_read_unlock_bh(rwlock_t *lock);
extern void _raw_read_lock_irq(rwlock_t *lock);
extern void _raw_read_unlock_irq(rwlock_t *lock);
extern void _raw_write_lock_bh(rwlock_t *lock);
extern void _raw_write_unlock_bh(rwlock_t *lock);
extern void _raw_write_lock_irq(rwlock_t *lock);
extern void _raw_write_unlock_irq(rwlock_t *lock);
static __always_inline raw_spinlock_t *spinlock_check(spinlock_t *lock) { return &lock->rlock; }
#define __lock_word_init(lock, name) do { \
	static struct lock_class_key __key = { name }; \
	__typeof__(lock) __lock = (lock); \
	__lock->word = 0; \
	__lock->key = (u32)(unsigned long)&__key; \
} while (0)
#define raw_spin_lock_init(lock) __lock_word_init(lock, #lock)
#define spin_lock_init(lock) __lock_word_init(spinlock_check(lock), #lock)
#define rwlock_init(lock) __lock_word_init(lock, #lock)

#define raw_spin_lock(lock) _raw_spin_lock(lock)
#define raw_spin_unlock(lock) _raw_spin_unlock(lock)
#define raw_spin_trylock(lock) _raw_spin_trylock(lock)
#define raw_spin_lock_irqsave(lock, flags) do { flags = _raw_spin_lock_irqsave(lock); } while (0)
#define raw_spin_unlock_irqrestore(lock, flags) _raw_spin_unlock_irqrestore(lock, flags)
#define raw_spin_lock_irq(lock) _raw_spin_lock_irq(lock)
#define raw_spin_unlock_irq(lock) _raw_spin_unlock_irq(lock)

/* Macros, so that reports name the line that calls. */
#define spin_lock(lock) _raw_spin_lock(spinlock_check(lock))
#define spin_unlock(lock) _raw_spin_unlock(spinlock_check(lock))
#define spin_trylock(lock) _raw_spin_trylock(spinlock_check(lock))
#define spin_lock_irq(lock) _raw_spin_lock_irq(spinlock_check(lock))
#define spin_unlock_irq(lock) _raw_spin_unlock_irq(spinlock_check(lock))
#define spin_unlock_irqrestore(lock, flags) _raw_spin_unlock_irqrestore(spinlock_check(lock), flags)
#define spin_lock_bh(lock) _raw_spin_lock_bh(spinlock_check(lock))
#define spin_unlock_bh(lock) _raw_spin_unlock_bh(spinlock_check(lock))
static __always_inline int spin_is_locked(spinlock_t *lock) { return READ_ONCE(lock->rlock.word) != 0; }
#define spin_lock_irqsave(lock, flags) do { flags = _raw_spin_lock_irqsave(spinlock_check(lock)); } while (0)
#define spin_trylock_irqsave(lock, flags) ({ \
	int __taken; \
	local_irq_save(flags); \
	__taken = spin_trylock(lock); \
	if (!__taken) \
		local_irq_restore(flags); \
	__taken; })
#define spin_lock_nested(lock, subclass) spin_lock(lock)
#define spin_lock_irqsave_nested(lock, flags, subclass) spin_lock_irqsave(lock, flags)
#define assert_spin_locked(lock) ((void)(lock))

#define read_lock(lock) _raw_read_lock(lock)
#define read_unlock(lock) _raw_read_unlock(lock)
#define write_lock(lock) _raw_write_lock(lock)
#define write_unlock(lock) _raw_write_unlock(lock)
#define read_lock_irq(lock) _raw_read_lock_irq(lock)
#define read_unlock_irq(lock) _raw_read_unlock_irq(lock)
#define read_lock_bh(lock) _raw_read_lock_bh(lock)
#define read_unlock_bh(lock) _raw_read_unlock_bh(lock)
#define write_lock_irq(lock) _raw_write_lock_irq(lock)
#define write_unlock_irq(lock) _raw_write_unlock_irq(lock)
#define write_lock_bh(lock) _raw_write_lock_bh(lock)
#define write_unlock_bh(lock) _raw_write_unlock_bh(lock)
#define read_lock_irqsave(lock, flags) do { flags = _raw_read_lock_irqsave(lock); } while (0)
#define read_unlock_irqrestore(lock, flags) _raw_read_unlock_irqrestore(lock, flags)
#define write_lock_irqsave(lock, flags) do { flags = _raw_write_lock_irqsave(lock); } while (0)
#define write_unlock_irqrestore(lock, flags) _raw_write_unlock_irqrestore(lock, flags)

#endif
