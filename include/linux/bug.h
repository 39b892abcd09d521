/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_BUG_H
#define _LINUX_BUG_H
/* What must not be. BUG ends the call that led here; WARN reports and goes on. Each place is in __bug_table. */
#include <linux/compiler.h>
#include <linux/stddef.h>
#include <linux/printk.h>

struct bug_entry {
	unsigned long address;
	const char *file;
	unsigned int line;
	unsigned int flags;
};
#define BUGFLAG_WARNING 1
#define BUGFLAG_ONCE 2
#define BUGFLAG_DONE 4

#define __BUG_FLAGS(bits) \
	__asm__ __volatile__("1: ud2\n" \
			     ".pushsection __bug_table,\"aw\"\n" \
			     ".balign 8\n" \
			     ".quad 1b\n.quad %c0\n.long %c1\n.long %c2\n" \
			     ".popsection" : : "i"(__FILE__), "i"(__LINE__), "i"(bits))

#define BUG() do { __BUG_FLAGS(0); unreachable(); } while (0)
#define BUG_ON(condition) do { if (unlikely(condition)) BUG(); } while (0)
#define WARN_ON(condition) ({ \
	bool __warn = !!(condition); \
	if (unlikely(__warn)) __BUG_FLAGS(BUGFLAG_WARNING); \
	unlikely(__warn); })
#define WARN_ON_ONCE(condition) ({ \
	bool __warn = !!(condition); \
	if (unlikely(__warn)) __BUG_FLAGS(BUGFLAG_WARNING | BUGFLAG_ONCE); \
	unlikely(__warn); })
#define WARN(condition, format...) ({ \
	bool __warn = !!(condition); \
	if (unlikely(__warn)) { printk(KERN_WARNING format); __BUG_FLAGS(BUGFLAG_WARNING); } \
	unlikely(__warn); })
#define WARN_ONCE(condition, format...) ({ \
	static bool __told; bool __warn = !!(condition); \
	if (unlikely(__warn) && !__told) { __told = true; WARN(1, format); } \
	unlikely(__warn); })

#endif
