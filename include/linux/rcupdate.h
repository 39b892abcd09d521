/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_RCUPDATE_H
#define _LINUX_RCUPDATE_H
/* Readers take no lock; what they may still see is freed after a grace period. */
#include <linux/types.h>
#include <linux/compiler.h>
#include <linux/preempt.h>
#include <asm/barrier.h>

extern void __rcu_read_lock(void);
extern void __rcu_read_unlock(void);
extern void synchronize_rcu(void);
extern void call_rcu(struct rcu_head *head, rcu_callback_t function);
extern void kvfree_call_rcu(struct rcu_head *head, void *block);
extern void rcu_barrier(void);
extern int rcu_read_lock_held(void);

static __always_inline void rcu_read_lock(void) { __rcu_read_lock(); }
static __always_inline void rcu_read_unlock(void) { __rcu_read_unlock(); }
#define rcu_read_lock_bh() do { local_bh_disable(); rcu_read_lock(); } while (0)
#define rcu_read_unlock_bh() do { rcu_read_unlock(); local_bh_enable(); } while (0)
#define rcu_read_lock_sched rcu_read_lock
#define rcu_read_unlock_sched rcu_read_unlock
#define synchronize_rcu_expedited synchronize_rcu
#define synchronize_sched synchronize_rcu

#define RCU_INITIALIZER(value) (value)
#define RCU_INIT_POINTER(pointer, value) WRITE_ONCE(pointer, value)
#define rcu_assign_pointer(pointer, value) smp_store_release(&(pointer), value)
#define rcu_access_pointer(pointer) READ_ONCE(pointer)
#define rcu_dereference(pointer) READ_ONCE(pointer)
#define rcu_dereference_raw(pointer) READ_ONCE(pointer)
#define rcu_dereference_bh(pointer) READ_ONCE(pointer)
#define rcu_dereference_sched(pointer) READ_ONCE(pointer)
#define rcu_dereference_check(pointer, condition) ({ (void)(condition); READ_ONCE(pointer); })
#define rcu_dereference_protected(pointer, condition) ({ (void)(condition); (pointer); })
#define rcu_replace_pointer(pointer, value, condition) ({ \
	__typeof__(pointer) __was = rcu_dereference_protected(pointer, condition); \
	rcu_assign_pointer(pointer, value); \
	__was; })
#define rcu_pointer_handoff(pointer) (pointer)
#define init_rcu_head(head) ((void)(head))
#define destroy_rcu_head(head) ((void)(head))
#define lockdep_is_held(lock) 1

#define __kfree_rcu_2(pointer, member) do { \
	__typeof__(pointer) __block = (pointer); \
	if (__block) \
		kvfree_call_rcu(&__block->member, (void *)__block); \
} while (0)
#define __kfree_rcu_1(pointer) do { \
	void *__block = (void *)(pointer); \
	if (__block) \
		kvfree_call_rcu(NULL, __block); \
} while (0)
#define __kfree_rcu_n(_1, _2, name, ...) name
#define kfree_rcu(arguments...) __kfree_rcu_n(arguments, __kfree_rcu_2, __kfree_rcu_1)(arguments)
#define kvfree_rcu kfree_rcu
#define kfree_rcu_mightsleep(pointer) __kfree_rcu_1(pointer)

#endif
