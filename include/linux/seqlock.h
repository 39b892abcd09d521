/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_SEQLOCK_H
#define _LINUX_SEQLOCK_H
/* Readers look again when somebody wrote meanwhile: the number is odd while one writes. */
#include <linux/spinlock.h>
#include <asm/barrier.h>

typedef struct seqcount { unsigned int sequence; } seqcount_t;
typedef struct { seqcount_t seqcount; spinlock_t lock; } seqlock_t;
#define SEQCNT_ZERO(name) { 0 }
#define seqcount_init(count) do { (count)->sequence = 0; } while (0)
#define __SEQLOCK_UNLOCKED(name) { { 0 }, __SPIN_LOCK_UNLOCKED(name.lock) }
#define DEFINE_SEQLOCK(name) seqlock_t name = __SEQLOCK_UNLOCKED(name)
#define seqlock_init(name) do { seqcount_init(&(name)->seqcount); spin_lock_init(&(name)->lock); } while (0)

static inline unsigned int read_seqcount_begin(const seqcount_t *count)
{
	unsigned int now;

	while ((now = __atomic_load_n(&count->sequence, __ATOMIC_ACQUIRE)) & 1)
		__builtin_ia32_pause();
	return now;
}
static inline unsigned int raw_read_seqcount(const seqcount_t *count)
{
	return __atomic_load_n(&count->sequence, __ATOMIC_ACQUIRE);
}
static inline int read_seqcount_retry(const seqcount_t *count, unsigned int start)
{
	smp_rmb();
	return READ_ONCE(count->sequence) != start;
}
static inline void write_seqcount_begin(seqcount_t *count)
{
	WRITE_ONCE(count->sequence, count->sequence + 1);
	smp_wmb();
}
static inline void write_seqcount_end(seqcount_t *count)
{
	smp_wmb();
	WRITE_ONCE(count->sequence, count->sequence + 1);
}
static inline unsigned int read_seqbegin(const seqlock_t *lock) { return read_seqcount_begin(&lock->seqcount); }
static inline unsigned int read_seqretry(const seqlock_t *lock, unsigned int start)
{
	return read_seqcount_retry(&lock->seqcount, start);
}
static inline void write_seqlock(seqlock_t *lock)
{
	spin_lock(&lock->lock);
	write_seqcount_begin(&lock->seqcount);
}
static inline void write_sequnlock(seqlock_t *lock)
{
	write_seqcount_end(&lock->seqcount);
	spin_unlock(&lock->lock);
}
#define write_seqlock_irqsave(name, flags) do { \
	spin_lock_irqsave(&(name)->lock, flags); \
	write_seqcount_begin(&(name)->seqcount); \
} while (0)
#define write_sequnlock_irqrestore(name, flags) do { \
	write_seqcount_end(&(name)->seqcount); \
	spin_unlock_irqrestore(&(name)->lock, flags); \
} while (0)
static inline void read_seqlock_excl(seqlock_t *lock) { spin_lock(&lock->lock); }
static inline void read_sequnlock_excl(seqlock_t *lock) { spin_unlock(&lock->lock); }

#endif
