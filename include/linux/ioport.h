/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_IOPORT_H
#define _LINUX_IOPORT_H
#include <linux/types.h>

/* The same as in capi/shim/src/layout.rs. */
struct resource {
	resource_size_t start;
	resource_size_t end;
	const char *name;
	unsigned long flags;
};

#define IORESOURCE_IO 0x00000100
#define IORESOURCE_MEM 0x00000200
#define IORESOURCE_IRQ 0x00000400
#define IORESOURCE_DMA 0x00000800

#define IORESOURCE_BUSY 0x80000000UL
#define IORESOURCE_EXCLUSIVE 0x08000000UL

/* Ranges that are taken by somebody: /proc/ioports and /proc/iomem show them. NULL: a part of it is taken. */
extern struct resource ioport_resource, iomem_resource;
extern struct resource *__request_region(struct resource *space, resource_size_t start, resource_size_t length,
					 const char *name, int flags);
extern void __release_region(struct resource *space, resource_size_t start, resource_size_t length);
#define request_region(start, length, name) __request_region(&ioport_resource, (start), (length), (name), 0)
#define request_mem_region(start, length, name) __request_region(&iomem_resource, (start), (length), (name), 0)
#define release_region(start, length) __release_region(&ioport_resource, (start), (length))
#define release_mem_region(start, length) __release_region(&iomem_resource, (start), (length))

static inline resource_size_t resource_size(const struct resource *resource)
{
	return resource->end - resource->start + 1;
}

#endif
