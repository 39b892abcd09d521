/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_MM_H
#define _LINUX_MM_H
#include <linux/gfp.h>
#include <linux/slab.h>
#include <linux/mm_types.h>
#include <linux/vmalloc.h>
#include <asm/page.h>
#include <asm/pgtable.h>
extern void *page_address(const struct page *page);
extern struct page *__virt_to_page(const void *address);
#define virt_to_page(address) __virt_to_page((const void *)(address))
#define PAGE_ALIGN(address) ALIGN(address, PAGE_SIZE)
#define PAGE_ALIGNED(address) IS_ALIGNED((unsigned long)(address), PAGE_SIZE)
#define offset_in_page(address) ((unsigned long)(address) & ~PAGE_MASK)
#define get_order(size) ((size) <= PAGE_SIZE ? 0 : 64 - __builtin_clzl(((unsigned long)(size) - 1) >> PAGE_SHIFT))
#define page_to_virt(page) page_address(page)
#define lowmem_page_address(page) page_address(page)
#define page_to_pfn(page) (__pa(page_address(page)) >> PAGE_SHIFT)
#define page_to_phys(page) __pa(page_address(page))
#define pfn_to_page(pfn) virt_to_page(__va((unsigned long)(pfn) << PAGE_SHIFT))
extern bool pfn_valid(unsigned long pfn);
#define virt_addr_valid(address) pfn_valid(__pa(address) >> PAGE_SHIFT)

/* References to a page that the module has. */
extern void get_page(struct page *page);
extern void put_page(struct page *page);
extern int page_count(const struct page *page);
#define page_ref_count(page) page_count(page)

/* A mark that nothing but the module looks at. */
extern bool __page_reserve(const struct page *page, int how);
#define SetPageReserved(page) ((void)__page_reserve(page, 1))
#define ClearPageReserved(page) ((void)__page_reserve(page, 0))
#define PageReserved(page) ((int)__page_reserve(page, -1))

#define VM_NONE 0x00000000UL
#define VM_READ 0x00000001UL
#define VM_WRITE 0x00000002UL
#define VM_EXEC 0x00000004UL
#define VM_SHARED 0x00000008UL
#define VM_MAYREAD 0x00000010UL
#define VM_MAYWRITE 0x00000020UL
#define VM_MAYEXEC 0x00000040UL
#define VM_MAYSHARE 0x00000080UL
#define VM_PFNMAP 0x00000400UL
#define VM_LOCKED 0x00002000UL
#define VM_IO 0x00004000UL
#define VM_SEQ_READ 0x00008000UL
#define VM_RAND_READ 0x00010000UL
#define VM_DONTCOPY 0x00020000UL
#define VM_DONTEXPAND 0x00040000UL
#define VM_ACCOUNT 0x00100000UL
#define VM_NORESERVE 0x00200000UL
#define VM_DONTDUMP 0x04000000UL
#define VM_MIXEDMAP 0x10000000UL

/* What a file that is mapped hears of an area, and is asked for. All are called with the address space locked: no user
   memory is touched in them. The same as in capi/shim/src/layout.rs. */
struct vm_operations_struct {
	void (*open)(struct vm_area_struct *area);
	void (*close)(struct vm_area_struct *area);
	vm_fault_t (*fault)(struct vm_fault *fault);
};

#define FAULT_FLAG_WRITE 0x01u

struct vm_fault {
	struct vm_area_struct *vma;
	gfp_t gfp_mask;
	pgoff_t pgoff;
	unsigned long address;
	unsigned long real_address;
	unsigned int flags;
	struct page *page;
};

static inline unsigned long vma_pages(const struct vm_area_struct *area)
{
	return (area->vm_end - area->vm_start) >> PAGE_SHIFT;
}

/* Only memory of a module's goes into an area: rows of pages, memory of a page or more, areas of vmalloc. It stays what it
   is, and stays at all, for as long as a process sees it. The protection is that of the area. */
extern int __remap_pfn_range(struct vm_area_struct *area, unsigned long address, unsigned long pfn, unsigned long size);
static inline int remap_pfn_range(struct vm_area_struct *area, unsigned long address, unsigned long pfn,
				  unsigned long size, pgprot_t protection)
{
	(void)protection;
	return __remap_pfn_range(area, address, pfn, size);
}
#define io_remap_pfn_range remap_pfn_range
extern int vm_insert_page(struct vm_area_struct *area, unsigned long address, struct page *page);
extern vm_fault_t vmf_insert_pfn(struct vm_area_struct *area, unsigned long address, unsigned long pfn);

#endif
