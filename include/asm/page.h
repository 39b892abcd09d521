/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _ASM_PAGE_H
#define _ASM_PAGE_H
#define PAGE_SHIFT 12
#define PAGE_SIZE (1UL << PAGE_SHIFT)
#define PAGE_MASK (~(PAGE_SIZE - 1))
#define PAGE_OFFSET 0xffff888000000000UL
#define __pa(address) ((unsigned long)(address) - PAGE_OFFSET)
#define __va(address) ((void *)((unsigned long)(address) + PAGE_OFFSET))
#define virt_to_phys(address) ((phys_addr_t)__pa(address))
#define phys_to_virt(address) __va(address)
#endif
