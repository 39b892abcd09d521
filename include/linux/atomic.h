/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_ATOMIC_H
#define _LINUX_ATOMIC_H
/* Counters that many change at once. What gives a value back is a full barrier, the others order nothing. */
#include <linux/types.h>

#define __ATOMICS(prefix, type, number) \
static __always_inline number prefix##_read(const type *v) { return __atomic_load_n(&v->counter, __ATOMIC_RELAXED); } \
static __always_inline void prefix##_set(type *v, number i) { __atomic_store_n(&v->counter, i, __ATOMIC_RELAXED); } \
static __always_inline number prefix##_read_acquire(const type *v) { return __atomic_load_n(&v->counter, __ATOMIC_ACQUIRE); } \
static __always_inline void prefix##_set_release(type *v, number i) { __atomic_store_n(&v->counter, i, __ATOMIC_RELEASE); } \
static __always_inline void prefix##_add(number i, type *v) { __atomic_fetch_add(&v->counter, i, __ATOMIC_RELAXED); } \
static __always_inline void prefix##_sub(number i, type *v) { __atomic_fetch_sub(&v->counter, i, __ATOMIC_RELAXED); } \
static __always_inline void prefix##_inc(type *v) { prefix##_add(1, v); } \
static __always_inline void prefix##_dec(type *v) { prefix##_sub(1, v); } \
static __always_inline void prefix##_and(number i, type *v) { __atomic_fetch_and(&v->counter, i, __ATOMIC_RELAXED); } \
static __always_inline void prefix##_or(number i, type *v) { __atomic_fetch_or(&v->counter, i, __ATOMIC_RELAXED); } \
static __always_inline void prefix##_xor(number i, type *v) { __atomic_fetch_xor(&v->counter, i, __ATOMIC_RELAXED); } \
static __always_inline number prefix##_add_return(number i, type *v) { return __atomic_add_fetch(&v->counter, i, __ATOMIC_SEQ_CST); } \
static __always_inline number prefix##_sub_return(number i, type *v) { return __atomic_sub_fetch(&v->counter, i, __ATOMIC_SEQ_CST); } \
static __always_inline number prefix##_inc_return(type *v) { return prefix##_add_return(1, v); } \
static __always_inline number prefix##_dec_return(type *v) { return prefix##_sub_return(1, v); } \
static __always_inline number prefix##_fetch_add(number i, type *v) { return __atomic_fetch_add(&v->counter, i, __ATOMIC_SEQ_CST); } \
static __always_inline number prefix##_fetch_sub(number i, type *v) { return __atomic_fetch_sub(&v->counter, i, __ATOMIC_SEQ_CST); } \
static __always_inline number prefix##_fetch_inc(type *v) { return prefix##_fetch_add(1, v); } \
static __always_inline number prefix##_fetch_dec(type *v) { return prefix##_fetch_sub(1, v); } \
static __always_inline number prefix##_fetch_or(number i, type *v) { return __atomic_fetch_or(&v->counter, i, __ATOMIC_SEQ_CST); } \
static __always_inline number prefix##_fetch_and(number i, type *v) { return __atomic_fetch_and(&v->counter, i, __ATOMIC_SEQ_CST); } \
static __always_inline bool prefix##_inc_and_test(type *v) { return prefix##_inc_return(v) == 0; } \
static __always_inline bool prefix##_dec_and_test(type *v) { return prefix##_dec_return(v) == 0; } \
static __always_inline bool prefix##_sub_and_test(number i, type *v) { return prefix##_sub_return(i, v) == 0; } \
static __always_inline bool prefix##_add_negative(number i, type *v) { return prefix##_add_return(i, v) < 0; } \
static __always_inline number prefix##_xchg(type *v, number i) { return __atomic_exchange_n(&v->counter, i, __ATOMIC_SEQ_CST); } \
static __always_inline number prefix##_cmpxchg(type *v, number old, number fresh) \
{ \
	__atomic_compare_exchange_n(&v->counter, &old, fresh, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED); \
	return old; \
} \
static __always_inline bool prefix##_try_cmpxchg(type *v, number *old, number fresh) \
{ \
	return __atomic_compare_exchange_n(&v->counter, old, fresh, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED); \
} \
static __always_inline number prefix##_fetch_add_unless(type *v, number i, number not) \
{ \
	number now = prefix##_read(v); \
	while (now != not && !prefix##_try_cmpxchg(v, &now, now + i)) \
		; \
	return now; \
} \
static __always_inline bool prefix##_add_unless(type *v, number i, number not) \
{ \
	return prefix##_fetch_add_unless(v, i, not) != not; \
} \
static __always_inline bool prefix##_inc_not_zero(type *v) { return prefix##_add_unless(v, 1, 0); } \
static __always_inline number prefix##_dec_if_positive(type *v) \
{ \
	number now = prefix##_read(v); \
	while (now > 0 && !prefix##_try_cmpxchg(v, &now, now - 1)) \
		; \
	return now - 1; \
}

__ATOMICS(atomic, atomic_t, int)
__ATOMICS(atomic64, atomic64_t, s64)
__ATOMICS(atomic_long, atomic_long_t, long)

#define xchg(pointer, value) __atomic_exchange_n(pointer, value, __ATOMIC_SEQ_CST)
#define cmpxchg(pointer, old, fresh) ({ \
	__typeof__(*(pointer)) __old = (old); \
	__atomic_compare_exchange_n(pointer, &__old, fresh, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED); \
	__old; })
#define try_cmpxchg(pointer, old, fresh) \
	__atomic_compare_exchange_n(pointer, old, fresh, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)

#include <asm/barrier.h>

#endif
