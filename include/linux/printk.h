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

#endif
