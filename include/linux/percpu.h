/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_PERCPU_H
#define _LINUX_PERCPU_H
/* Variables of which each CPU has its own: the first one's address, and how far the other's is from it. */
#include <linux/types.h>
#include <linux/compiler.h>
#include <linux/cpumask.h>

#define DEFINE_PER_CPU(type, name) __attribute__((section(".data..percpu"))) __typeof__(type) name
#define DEFINE_PER_CPU_ALIGNED(type, name) DEFINE_PER_CPU(type, name) __aligned(64)
#define DEFINE_PER_CPU_SHARED_ALIGNED DEFINE_PER_CPU_ALIGNED
#define DECLARE_PER_CPU(type, name) extern __typeof__(type) name

extern void __percpu *__alloc_percpu(size_t size, size_t align);
extern void free_percpu(void __percpu *variable);
extern unsigned long __per_cpu_offset(unsigned int cpu);
extern unsigned long __my_cpu_offset(void);

#define alloc_percpu(type) ((__typeof__(type) __percpu *)__alloc_percpu(sizeof(type), __alignof__(type)))
#define per_cpu_ptr(pointer, cpu) \
	((__typeof__(pointer))((unsigned long)(pointer) + __per_cpu_offset(cpu)))
#define this_cpu_ptr(pointer) ((__typeof__(pointer))((unsigned long)(pointer) + __my_cpu_offset()))
#define raw_cpu_ptr(pointer) this_cpu_ptr(pointer)
#define per_cpu(variable, cpu) (*per_cpu_ptr(&(variable), cpu))
#define get_cpu_var(variable) (*({ preempt_disable(); this_cpu_ptr(&(variable)); }))
#define put_cpu_var(variable) do { (void)&(variable); preempt_enable(); } while (0)
#define get_cpu_ptr(pointer) ({ preempt_disable(); this_cpu_ptr(pointer); })
#define put_cpu_ptr(pointer) do { (void)(pointer); preempt_enable(); } while (0)

/* One access, by whoever interrupts too: the CPU stays the same, and the operation is one instruction of the others. */
#define __this_cpu_do(variable, operation) ({ \
	__typeof__(&(variable)) __own; \
	__typeof__(variable) __value; \
	preempt_disable(); \
	__own = this_cpu_ptr(&(variable)); \
	__value = operation; \
	preempt_enable(); \
	__value; })
#define this_cpu_read(variable) __this_cpu_do(variable, READ_ONCE(*__own))
#define this_cpu_write(variable, value) ((void)__this_cpu_do(variable, (WRITE_ONCE(*__own, value), *__own)))
#define this_cpu_add(variable, n) ((void)__this_cpu_do(variable, __atomic_add_fetch(__own, n, __ATOMIC_RELAXED)))
#define this_cpu_sub(variable, n) ((void)__this_cpu_do(variable, __atomic_sub_fetch(__own, n, __ATOMIC_RELAXED)))
#define this_cpu_inc(variable) this_cpu_add(variable, 1)
#define this_cpu_dec(variable) this_cpu_sub(variable, 1)
#define this_cpu_add_return(variable, n) __this_cpu_do(variable, __atomic_add_fetch(__own, n, __ATOMIC_RELAXED))
#define this_cpu_inc_return(variable) this_cpu_add_return(variable, 1)
#define this_cpu_xchg(variable, value) __this_cpu_do(variable, __atomic_exchange_n(__own, value, __ATOMIC_RELAXED))
#define __this_cpu_read this_cpu_read
#define __this_cpu_write this_cpu_write
#define __this_cpu_add this_cpu_add
#define __this_cpu_inc this_cpu_inc
#define __this_cpu_dec this_cpu_dec
#endif
