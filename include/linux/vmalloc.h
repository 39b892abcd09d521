/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_VMALLOC_H
#define _LINUX_VMALLOC_H
/* Memory whose pages only seem to lie in a row. */
#include <linux/types.h>
#include <linux/compiler.h>
extern void *vmalloc(unsigned long size) __malloc;
extern void *vzalloc(unsigned long size) __malloc;
extern void vfree(const void *block);
#endif
