/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_REFCOUNT_H
#define _LINUX_REFCOUNT_H
/* A counter of references: one that would wrap, or that was 0 and is counted up, stays saturated and is reported. */
#include <linux/atomic.h>
#include <linux/bug.h>

typedef struct refcount_struct { atomic_t refs; } refcount_t;
#define REFCOUNT_INIT(n) { .refs = ATOMIC_INIT(n) }
#define REFCOUNT_MAX (~0U >> 1)
#define REFCOUNT_SATURATED ((int)0xc0000000)

static inline void refcount_set(refcount_t *r, int n) { atomic_set(&r->refs, n); }
static inline unsigned int refcount_read(const refcount_t *r) { return atomic_read(&r->refs); }
static inline void __refcount_saturate(refcount_t *r, const char *what)
{
	refcount_set(r, REFCOUNT_SATURATED);
	WARN_ONCE(1, "refcount_t: %s.\n", what);
}
static inline bool refcount_add_not_zero(int i, refcount_t *r)
{
	int old = atomic_fetch_add_unless(&r->refs, i, 0);

	if (unlikely(old < 0 || old + i < 0))
		__refcount_saturate(r, "saturated; leaking memory");
	return old;
}
static inline void refcount_add(int i, refcount_t *r)
{
	int old = atomic_fetch_add(i, &r->refs);

	if (unlikely(!old))
		__refcount_saturate(r, "addition on 0; use-after-free");
	else if (unlikely(old < 0 || old + i < 0))
		__refcount_saturate(r, "saturated; leaking memory");
}
static inline bool refcount_inc_not_zero(refcount_t *r) { return refcount_add_not_zero(1, r); }
static inline void refcount_inc(refcount_t *r) { refcount_add(1, r); }
static inline bool refcount_sub_and_test(int i, refcount_t *r)
{
	int old = atomic_fetch_sub(i, &r->refs);

	if (old == i)
		return true;
	if (unlikely(old < 0 || old - i < 0))
		__refcount_saturate(r, "underflow; use-after-free");
	return false;
}
static inline bool refcount_dec_and_test(refcount_t *r) { return refcount_sub_and_test(1, r); }
static inline void refcount_dec(refcount_t *r)
{
	if (unlikely(atomic_fetch_sub(1, &r->refs) <= 1))
		__refcount_saturate(r, "decrement hit 0; leaking memory");
}

#endif
