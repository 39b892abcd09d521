/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_SMP_H
#define _LINUX_SMP_H
#include <linux/preempt.h>
extern unsigned int __smp_processor_id(void);
extern unsigned int __num_online_cpus(void);
#define smp_processor_id() ((int)__smp_processor_id())
#define raw_smp_processor_id() smp_processor_id()
#define get_cpu() ({ preempt_disable(); smp_processor_id(); })
#define put_cpu() preempt_enable()
#endif
