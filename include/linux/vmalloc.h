/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_VMALLOC_H
#define _LINUX_VMALLOC_H
/* Memory whose pages only seem to lie in a row. */
#include <linux/types.h>
#include <linux/compiler.h>
struct page;
struct vm_area_struct;
extern void *vmalloc(unsigned long size) __malloc;
extern void *vzalloc(unsigned long size) __malloc;
extern void *vmalloc_user(unsigned long size) __malloc;
extern void vfree(const void *block);
extern struct page *vmalloc_to_page(const void *address);
#define vmalloc_to_pfn(address) page_to_pfn(vmalloc_to_page(address))
extern int remap_vmalloc_range(struct vm_area_struct *area, void *memory, unsigned long skip);
#endif
