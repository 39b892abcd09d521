/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_KCONFIG_H
#define _LINUX_KCONFIG_H
/* How the kernel is configured, for the sources that ask. Included before everything else. */
#define CONFIG_64BIT 1
#define CONFIG_X86 1
#define CONFIG_X86_64 1
#define CONFIG_SMP 1
#define CONFIG_PREEMPT 1
#define CONFIG_MODULES 1
#define CONFIG_MODULE_UNLOAD 1
#define CONFIG_PRINTK 1
#define CONFIG_KPROBES 1
#define CONFIG_KRETPROBES 1
#define CONFIG_PROC_FS 1
#define CONFIG_HZ 250
#define HZ 250
#define CONFIG_ARCH_HAS_SYSCALL_WRAPPER 1

/* IS_ENABLED(CONFIG_X): 1 when it is defined as 1. */
#define __ARG_PLACEHOLDER_1 0,
#define __take_second_arg(ignored, value, ...) value
#define ____is_defined(arg1_or_junk) __take_second_arg(arg1_or_junk 1, 0)
#define ___is_defined(value) ____is_defined(__ARG_PLACEHOLDER_##value)
#define __is_defined(x) ___is_defined(x)
#define IS_BUILTIN(option) __is_defined(option)
#define IS_MODULE(option) __is_defined(option##_MODULE)
#define IS_ENABLED(option) (IS_BUILTIN(option) || IS_MODULE(option))
#define IS_REACHABLE(option) IS_ENABLED(option)
#endif
