/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_MM_TYPES_H
#define _LINUX_MM_TYPES_H
/* Areas of address spaces as those see them whose files are mapped. */
#include <linux/types.h>

struct file;
struct page;
struct vm_fault;
struct vm_operations_struct;
typedef unsigned int vm_fault_t;
typedef unsigned long pgoff_t;
typedef unsigned long vm_flags_t;
typedef struct { unsigned long pgprot; } pgprot_t;

/* The same as in capi/shim/src/layout.rs. */
struct vm_area_struct {
	unsigned long vm_start;
	unsigned long vm_end;
	pgprot_t vm_page_prot;
	unsigned long vm_flags;
	const struct vm_operations_struct *vm_ops;
	unsigned long vm_pgoff;
	struct file *vm_file;
	void *vm_private_data;
};

#define VM_FAULT_OOM ((vm_fault_t)0x000001)
#define VM_FAULT_SIGBUS ((vm_fault_t)0x000002)
#define VM_FAULT_MAJOR ((vm_fault_t)0x000004)
#define VM_FAULT_HWPOISON ((vm_fault_t)0x000010)
#define VM_FAULT_SIGSEGV ((vm_fault_t)0x000040)
#define VM_FAULT_NOPAGE ((vm_fault_t)0x000100)
#define VM_FAULT_RETRY ((vm_fault_t)0x000400)
#define VM_FAULT_ERROR (VM_FAULT_OOM | VM_FAULT_SIGBUS | VM_FAULT_SIGSEGV | VM_FAULT_HWPOISON)

#endif
