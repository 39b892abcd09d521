/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_DEV_PRINTK_H
#define _LINUX_DEV_PRINTK_H
/* Messages about a device: its driver's or class' name and its own come first. */
#include <linux/compiler.h>
#include <linux/printk.h>

struct device;

extern void _dev_emerg(const struct device *dev, const char *format, ...) __printf(2, 3);
extern void _dev_alert(const struct device *dev, const char *format, ...) __printf(2, 3);
extern void _dev_crit(const struct device *dev, const char *format, ...) __printf(2, 3);
extern void _dev_err(const struct device *dev, const char *format, ...) __printf(2, 3);
extern void _dev_warn(const struct device *dev, const char *format, ...) __printf(2, 3);
extern void _dev_notice(const struct device *dev, const char *format, ...) __printf(2, 3);
extern void _dev_info(const struct device *dev, const char *format, ...) __printf(2, 3);

#ifndef dev_fmt
#define dev_fmt(format) format
#endif
#define dev_emerg(dev, format, ...) _dev_emerg(dev, dev_fmt(format), ##__VA_ARGS__)
#define dev_alert(dev, format, ...) _dev_alert(dev, dev_fmt(format), ##__VA_ARGS__)
#define dev_crit(dev, format, ...) _dev_crit(dev, dev_fmt(format), ##__VA_ARGS__)
#define dev_err(dev, format, ...) _dev_err(dev, dev_fmt(format), ##__VA_ARGS__)
#define dev_warn(dev, format, ...) _dev_warn(dev, dev_fmt(format), ##__VA_ARGS__)
#define dev_notice(dev, format, ...) _dev_notice(dev, dev_fmt(format), ##__VA_ARGS__)
#define dev_info(dev, format, ...) _dev_info(dev, dev_fmt(format), ##__VA_ARGS__)
#ifdef DEBUG
#define dev_dbg(dev, format, ...) _dev_info(dev, dev_fmt(format), ##__VA_ARGS__)
#else
#define dev_dbg(dev, format, ...) do { if (0) _dev_info(dev, dev_fmt(format), ##__VA_ARGS__); } while (0)
#endif

/* Says why a device is not driven, unless it will be asked again; gives the error back. */
#define dev_err_probe(dev, error, format, ...) ({ \
	int __error = (error); \
	if (__error == -EPROBE_DEFER) \
		dev_dbg(dev, "error %pe: " format, ERR_PTR(__error), ##__VA_ARGS__); \
	else \
		dev_err(dev, "error %pe: " format, ERR_PTR(__error), ##__VA_ARGS__); \
	__error; })

#endif
