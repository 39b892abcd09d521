/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_INIT_H
#define _LINUX_INIT_H
/* What runs once: its sections are given back after init. */
#include <linux/compiler.h>
#include <linux/stddef.h>

#define __init __section(".init.text") __cold
#define __initdata __section(".init.data")
#define __initconst __section(".init.rodata")
#define __exit __section(".exit.text") __used __cold
#define __exitdata __section(".exit.data")
#define __exit_p(function) (function)
#define __ro_after_init __section(".data..ro_after_init")
#define __read_mostly
#define __devinit
#define __devexit

typedef int (*initcall_t)(void);
typedef void (*exitcall_t)(void);

/* The function that insmod runs; an error code keeps the module out. */
#define module_init(function) \
	static inline initcall_t __maybe_unused __inittest(void) { return function; } \
	int init_module(void) __attribute__((__copy__(function), alias(#function)));
/* The function that rmmod runs. */
#define module_exit(function) \
	static inline exitcall_t __maybe_unused __exittest(void) { return function; } \
	void cleanup_module(void) __attribute__((__copy__(function), alias(#function)));

#define early_initcall(function) module_init(function)
#define core_initcall(function) module_init(function)
#define subsys_initcall(function) module_init(function)
#define fs_initcall(function) module_init(function)
#define device_initcall(function) module_init(function)
#define late_initcall(function) module_init(function)

#endif
