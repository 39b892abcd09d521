/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_CPUMASK_H
#define _LINUX_CPUMASK_H
/* CPUs are numbered from 0 without gaps, and none goes away. */
#include <linux/smp.h>
#define num_online_cpus() __num_online_cpus()
#define num_possible_cpus() __num_online_cpus()
#define num_present_cpus() __num_online_cpus()
#define nr_cpu_ids __num_online_cpus()
#define cpu_online(cpu) ((unsigned int)(cpu) < __num_online_cpus())
#define cpu_possible(cpu) cpu_online(cpu)
#define for_each_online_cpu(cpu) for ((cpu) = 0; (unsigned int)(cpu) < __num_online_cpus(); (cpu)++)
#define for_each_possible_cpu(cpu) for_each_online_cpu(cpu)
#define for_each_present_cpu(cpu) for_each_online_cpu(cpu)
#endif
