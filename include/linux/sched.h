/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_SCHED_H
#define _LINUX_SCHED_H
#include <linux/kernel.h>
#include <linux/types.h>
#include <asm/processor.h>
#include <linux/compiler.h>
#include <linux/preempt.h>
#include <linux/irqflags.h>
#include <linux/cpumask.h>
#include <linux/signal.h>
#include <linux/capability.h>
#include <asm/barrier.h>
#define TASK_RUNNING 0x0000
#define TASK_INTERRUPTIBLE 0x0001
#define TASK_UNINTERRUPTIBLE 0x0002
#define TASK_WAKEKILL 0x0100
#define TASK_KILLABLE (TASK_WAKEKILL | TASK_UNINTERRUPTIBLE)
#define TASK_IDLE TASK_UNINTERRUPTIBLE
#define TASK_NORMAL (TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE)
#define MAX_SCHEDULE_TIMEOUT ((long)(~0UL >> 1))
#define TASK_COMM_LEN 16
#define PF_EXITING 0x00000004
#define PF_KTHREAD 0x00200000

struct mm_struct;

/* What is known of a thread: copied when it is asked for. The same as in capi's task.rs. */
struct task_struct {
	unsigned int __state;
	pid_t pid;
	pid_t tgid;
	unsigned int flags;
	char comm[TASK_COMM_LEN];
	struct mm_struct *mm;
	uid_t __uid, __euid;
	gid_t __gid, __egid;
	unsigned long __handle;
};

extern struct task_struct *__current(void);
#define current __current()
#define get_current() __current()

extern int wake_up_process(struct task_struct *task);
extern void schedule(void);
extern long schedule_timeout(long ticks);
extern void __set_current_state(unsigned int state);
#define set_current_state(state) __set_current_state(state)
extern int __signal_pending(struct task_struct *task);
extern int __fatal_signal_pending(struct task_struct *task);
extern void yield(void);

static inline int signal_pending(struct task_struct *task) { return __signal_pending(task); }
static inline int fatal_signal_pending(struct task_struct *task) { return __fatal_signal_pending(task); }
static inline long schedule_timeout_interruptible(long ticks)
{
	__set_current_state(TASK_INTERRUPTIBLE);
	return schedule_timeout(ticks);
}
static inline long schedule_timeout_uninterruptible(long ticks)
{
	__set_current_state(TASK_UNINTERRUPTIBLE);
	return schedule_timeout(ticks);
}
static inline long schedule_timeout_killable(long ticks)
{
	__set_current_state(TASK_KILLABLE);
	return schedule_timeout(ticks);
}
static inline pid_t task_pid_nr(struct task_struct *task) { return task->pid; }
static inline pid_t task_tgid_nr(struct task_struct *task) { return task->tgid; }
static inline pid_t task_pid_vnr(struct task_struct *task) { return task->pid; }
#define get_task_comm(to, task) ({ \
	struct task_struct *__task = (task); \
	__builtin_memcpy((to), __task->comm, TASK_COMM_LEN); \
	(to); })
#define cond_resched() ({ if (preemptible()) yield(); 0; })

#endif
