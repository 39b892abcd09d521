/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_EXPORT_H
#define _LINUX_EXPORT_H
#include <linux/compiler.h>

extern struct module __this_module;
#ifdef MODULE
#define THIS_MODULE (&__this_module)
#else
#define THIS_MODULE ((struct module *)0)
#endif

/* What a line of __ksymtab is; the loader reads it. */
struct kernel_symbol {
	const void *value;
	const char *name;
};

#define ___EXPORT_SYMBOL(symbol, section, kind) \
	extern __typeof__(symbol) symbol; \
	static const char __kstrtab_##symbol[] __used __section("__ksymtab_strings") = #symbol; \
	static const struct kernel_symbol __ksymtab_##kind##_##symbol __used __section(section) \
		__aligned(8) = { (const void *)&symbol, __kstrtab_##symbol }
#define EXPORT_SYMBOL(symbol) ___EXPORT_SYMBOL(symbol, "__ksymtab", plain)
#define EXPORT_SYMBOL_GPL(symbol) ___EXPORT_SYMBOL(symbol, "__ksymtab_gpl", gpl)
#define EXPORT_SYMBOL_NS(symbol, ns) EXPORT_SYMBOL(symbol)
#define EXPORT_SYMBOL_NS_GPL(symbol, ns) EXPORT_SYMBOL_GPL(symbol)

#endif
