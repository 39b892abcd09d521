/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_MODULE_H
#define _LINUX_MODULE_H
/* What a module is to the kernel and says of itself. */
#include <linux/types.h>
#include <linux/init.h>
#include <linux/export.h>
#include <linux/errno.h>
#include <linux/printk.h>
#include <linux/moduleparam.h>

#define MODULE_NAME_LEN 56

/* The record that .mod.c defines. Its fields are between it and the loader. */
struct module {
	char name[MODULE_NAME_LEN];
	int (*init)(void);
	void (*exit)(void);
	unsigned long reserved[6];
};

#define MODULE_LICENSE(text) MODULE_INFO(license, text)
#define MODULE_AUTHOR(text) MODULE_INFO(author, text)
#define MODULE_DESCRIPTION(text) MODULE_INFO(description, text)
#define MODULE_VERSION(text) MODULE_INFO(version, text)
#define MODULE_ALIAS(text) MODULE_INFO(alias, text)
#define MODULE_SOFTDEP(text) MODULE_INFO(softdep, text)
#define MODULE_FIRMWARE(text) MODULE_INFO(firmware, text)
#define MODULE_IMPORT_NS(ns) MODULE_INFO(import_ns, __stringify(ns))
#define MODULE_SUPPORTED_DEVICE(text)
#define MODULE_DEVICE_TABLE(type, name) \
	extern __typeof__(name) __mod_##type##__##name##_device_table __attribute__((unused, alias(__stringify(name))))

/* False when the module is on its way out. */
extern bool try_module_get(struct module *module);
extern void __module_get(struct module *module);
extern void module_put(struct module *module);
extern unsigned int module_refcount(struct module *module);

static inline const char *module_name(struct module *module)
{
	return module ? module->name : "kernel";
}

#endif
