/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_KTHREAD_H
#define _LINUX_KTHREAD_H
/* Threads that run a function of the kernel. */
#include <linux/err.h>
#include <linux/sched.h>

#define NUMA_NO_NODE (-1)
struct completion;

extern __printf(4, 5) struct task_struct *kthread_create_on_node(int (*function)(void *data), void *data, int node,
								  const char *format, ...);
#define kthread_create(function, data, format, arguments...) \
	kthread_create_on_node(function, data, NUMA_NO_NODE, format, ##arguments)
#define kthread_run(function, data, format, arguments...) ({ \
	struct task_struct *__task = kthread_create(function, data, format, ##arguments); \
	if (!IS_ERR(__task)) \
		wake_up_process(__task); \
	__task; })
#define kthread_create_on_cpu(function, data, cpu, format) ({ \
	struct task_struct *__task = kthread_create(function, data, format, cpu); \
	if (!IS_ERR(__task)) \
		kthread_bind(__task, cpu); \
	__task; })

extern int kthread_stop(struct task_struct *task);
extern bool kthread_should_stop(void);
extern bool kthread_should_park(void);
extern int kthread_park(struct task_struct *task);
extern void kthread_unpark(struct task_struct *task);
extern void kthread_parkme(void);
extern void kthread_bind(struct task_struct *task, unsigned int cpu);
extern void __noreturn kthread_complete_and_exit(struct completion *completion, long code);
static inline void __noreturn kthread_exit(long code) { kthread_complete_and_exit(NULL, code); }
#define do_exit(code) kthread_exit(code)
#define set_freezable() false
#define try_to_freeze() false

#endif
