/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_PREEMPT_H
#define _LINUX_PREEMPT_H
/* In which context code runs, and keeping others from coming in between. */
#include <linux/types.h>

#define PREEMPT_MASK 0x000000ffu
#define SOFTIRQ_MASK 0x0000ff00u
#define SOFTIRQ_OFFSET 0x00000100u
#define HARDIRQ_MASK 0x000f0000u
#define NMI_MASK 0x00f00000u

extern unsigned int __preempt_count(void);
extern void __preempt_disable(void);
extern void __preempt_enable(void);
extern void __local_bh_disable(void);
extern void __local_bh_enable(void);
extern bool __irqs_disabled(void);

#define preempt_count() ((int)__preempt_count())
#define preempt_disable() __preempt_disable()
#define preempt_enable() __preempt_enable()
#define preempt_disable_notrace() __preempt_disable()
#define preempt_enable_notrace() __preempt_enable()
#define local_bh_disable() __local_bh_disable()
#define local_bh_enable() __local_bh_enable()
#define in_nmi() (__preempt_count() & NMI_MASK)
#define in_hardirq() (__preempt_count() & HARDIRQ_MASK)
#define in_irq() in_hardirq()
#define in_softirq() (__preempt_count() & SOFTIRQ_MASK)
#define in_serving_softirq() (__preempt_count() & SOFTIRQ_OFFSET)
#define in_interrupt() (__preempt_count() & (NMI_MASK | HARDIRQ_MASK | SOFTIRQ_MASK))
#define in_task() (!(__preempt_count() & (NMI_MASK | HARDIRQ_MASK | SOFTIRQ_OFFSET)))
#define in_atomic() (__preempt_count() != 0)
#define preemptible() (__preempt_count() == 0 && !__irqs_disabled())

#endif
