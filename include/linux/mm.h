/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_MM_H
#define _LINUX_MM_H
#include <linux/gfp.h>
#include <linux/slab.h>
#include <asm/page.h>
extern void *page_address(const struct page *page);
extern struct page *__virt_to_page(const void *address);
#define virt_to_page(address) __virt_to_page((const void *)(address))
#define PAGE_ALIGN(address) ALIGN(address, PAGE_SIZE)
#define offset_in_page(address) ((unsigned long)(address) & ~PAGE_MASK)
#define get_order(size) ((size) <= PAGE_SIZE ? 0 : 64 - __builtin_clzl(((unsigned long)(size) - 1) >> PAGE_SHIFT))
#define page_to_virt(page) page_address(page)
#define page_to_pfn(page) (__pa(page_address(page)) >> PAGE_SHIFT)
#define page_to_phys(page) __pa(page_address(page))
#define pfn_to_page(pfn) virt_to_page(__va((unsigned long)(pfn) << PAGE_SHIFT))
#endif
