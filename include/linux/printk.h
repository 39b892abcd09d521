/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_PRINTK_H
#define _LINUX_PRINTK_H
#include <linux/kern_levels.h>
#include <linux/types.h>

#include <linux/stdarg.h>

extern __printf(1, 0) int vprintk(const char *format, va_list list);
extern __printf(1, 2) int _printk(const char *format, ...);
#define printk(format, arguments...) _printk(format, ##arguments)

#ifndef pr_fmt
#define pr_fmt(format) format
#endif
#define pr_emerg(format, arguments...) printk(KERN_EMERG pr_fmt(format), ##arguments)
#define pr_alert(format, arguments...) printk(KERN_ALERT pr_fmt(format), ##arguments)
#define pr_crit(format, arguments...) printk(KERN_CRIT pr_fmt(format), ##arguments)
#define pr_err(format, arguments...) printk(KERN_ERR pr_fmt(format), ##arguments)
#define pr_warn(format, arguments...) printk(KERN_WARNING pr_fmt(format), ##arguments)
#define pr_warning pr_warn
#define pr_notice(format, arguments...) printk(KERN_NOTICE pr_fmt(format), ##arguments)
#define pr_info(format, arguments...) printk(KERN_INFO pr_fmt(format), ##arguments)
#define pr_cont(format, arguments...) printk(KERN_CONT format, ##arguments)
#define no_printk(format, arguments...) ({ if (0) printk(format, ##arguments); 0; })
#ifdef DEBUG
#define pr_debug(format, arguments...) printk(KERN_DEBUG pr_fmt(format), ##arguments)
#else
#define pr_debug(format, arguments...) no_printk(KERN_DEBUG pr_fmt(format), ##arguments)
#endif
#define pr_devel pr_debug

/* Memory as digits, a line for each row of 16 or 32 bytes, in groups of 1, 2, 4 or 8. */
enum { DUMP_PREFIX_NONE, DUMP_PREFIX_ADDRESS, DUMP_PREFIX_OFFSET };
extern int hex_dump_to_buffer(const void *from, size_t length, int row, int group, char *to, size_t room, bool characters);
static inline void print_hex_dump(const char *level, const char *prefix, int kind, int row, int group, const void *from,
				  size_t length, bool characters)
{
	size_t at, step = row == 32 ? 32 : 16;
	char line[32 * 3 + 1 + 32 + 1];

	for (at = 0; at < length; at += step) {
		size_t some = length - at < step ? length - at : step;

		hex_dump_to_buffer((const char *)from + at, some, step, group, line, sizeof(line), characters);
		if (kind == DUMP_PREFIX_ADDRESS)
			printk("%s%s%p: %s\n", level, prefix, (const char *)from + at, line);
		else if (kind == DUMP_PREFIX_OFFSET)
			printk("%s%s%.8x: %s\n", level, prefix, (unsigned int)at, line);
		else
			printk("%s%s%s\n", level, prefix, line);
	}
}
#ifdef DEBUG
#define print_hex_dump_debug(arguments...) print_hex_dump(KERN_DEBUG, ##arguments)
#else
#define print_hex_dump_debug(arguments...) do { if (0) print_hex_dump(KERN_DEBUG, ##arguments); } while (0)
#endif
#define print_hex_dump_bytes(prefix, kind, from, length) print_hex_dump_debug(prefix, kind, 16, 1, from, length, true)

#endif
