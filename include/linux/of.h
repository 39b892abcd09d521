/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_OF_H
#define _LINUX_OF_H
/* There is no tree of devices on this machine: what Linux without CONFIG_OF answers. */
#include <linux/types.h>
#include <linux/errno.h>
#include <linux/mod_devicetable.h>

struct device_node;
struct property;
#define of_match_ptr(table) NULL

static inline struct property *of_find_property(const struct device_node *node, const char *name, int *length)
{
	return NULL;
}
static inline bool of_property_read_bool(const struct device_node *node, const char *name)
{
	return of_find_property(node, name, NULL) != NULL;
}
static inline int of_property_read_u32_array(const struct device_node *node, const char *name, u32 *to, size_t count)
{
	return -ENOSYS;
}
static inline int of_property_read_u32(const struct device_node *node, const char *name, u32 *to)
{
	return of_property_read_u32_array(node, name, to, 1);
}
static inline int of_property_read_string(const struct device_node *node, const char *name, const char **to)
{
	return -ENOSYS;
}
#endif
