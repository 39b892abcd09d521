// SPDX-License-Identifier: MIT OR Apache-2.0
// Devices that are mapped: one for each way in which a module puts pages into an area. test/modules/user/mapped.c maps them.
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#define PAGES 4
enum { ROWS, MEMORY, AREA, USER_AREA, INSERT, ASKS, NUMBERS, NONE, KINDS };

static unsigned long rows;
static char *memory, *area, *user_area;
static struct page *single[PAGES];
static int opens, closes, faults;

static bool hostile;
module_param(hostile, bool, 0644);

static void fill(char *at, char letter)
{
	int i;

	for (i = 0; i < PAGES; i++)
		sprintf(at + i * PAGE_SIZE, "%c%d", letter, i);
}

static void maps_open(struct vm_area_struct *vma)
{
	opens++;
}

static void maps_close(struct vm_area_struct *vma)
{
	closes++;
}

static int *volatile nowhere = (int *)8;

static vm_fault_t maps_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	unsigned long first = (vmf->address - vma->vm_start) >> PAGE_SHIFT;

	faults++;
	if (vmf->pgoff != vma->vm_pgoff + first)
		return VM_FAULT_SIGBUS;
	switch (vmf->pgoff) {
	case 0 ... PAGES - 1:
		get_page(single[vmf->pgoff]);
		vmf->page = single[vmf->pgoff];
		return 0;
	case 4:
		return VM_FAULT_SIGBUS;
	case 5:
		return VM_FAULT_SIGSEGV;
	case 6:
		vmf->page = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (!vmf->page)
			return VM_FAULT_OOM;
		sprintf(page_address(vmf->page), "fresh");
		return 0;
	case 7:
		return VM_FAULT_NOPAGE;
	case 8:
		vmf->page = vmalloc_to_page(area + PAGE_SIZE);
		get_page(vmf->page);
		return 0;
	case 9:
		return VM_FAULT_OOM;
	case 10:
		if (hostile)
			*nowhere = 1;
		return VM_FAULT_SIGBUS;
	case 11:
		vmf->page = hostile ? (struct page *)0x1234 : NULL;
		return hostile ? 0 : VM_FAULT_SIGBUS;
	}
	return VM_FAULT_SIGBUS;
}

static vm_fault_t numbers_fault(struct vm_fault *vmf)
{
	faults++;
	if (vmf->pgoff >= PAGES)
		return VM_FAULT_SIGBUS;
	return vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(single[vmf->pgoff]));
}

static const struct vm_operations_struct counts = { .open = maps_open, .close = maps_close };
static const struct vm_operations_struct asks = { .open = maps_open, .close = maps_close, .fault = maps_fault };
static const struct vm_operations_struct by_numbers = {
	.open = maps_open, .close = maps_close, .fault = numbers_fault,
};

static int insert_all(struct vm_area_struct *vma)
{
	unsigned long i, end = min(vma_pages(vma), (unsigned long)PAGES);
	int error = vm_insert_page(vma, vma->vm_end, single[0]);
	char *small = kmalloc(100, GFP_KERNEL);

	pr_info("maps: beyond %d\n", error);
	pr_info("maps: part of a page %d\n", vm_insert_page(vma, vma->vm_start, virt_to_page(small)));
	kfree(small);
	for (i = 0; i < end; i++) {
		error = vm_insert_page(vma, vma->vm_start + i * PAGE_SIZE, single[i]);
		if (error)
			return error;
	}
	pr_info("maps: twice %d, mixed %d\n", vm_insert_page(vma, vma->vm_start, single[1]),
		!!(vma->vm_flags & VM_MIXEDMAP));
	return 0;
}

static int show_row(struct vm_area_struct *vma, void *from)
{
	unsigned long size = vma->vm_end - vma->vm_start, skip = vma->vm_pgoff << PAGE_SHIFT;
	int error;

	if (vma->vm_pgoff >= PAGES || size > PAGES * PAGE_SIZE - skip)
		return -EINVAL;
	error = remap_pfn_range(vma, vma->vm_start, (virt_to_phys(from) + skip) >> PAGE_SHIFT, size,
				pgprot_noncached(vma->vm_page_prot));
	if (!error)
		pr_info("maps: flags %lx\n", vma->vm_flags & (VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP | 0xbf));
	return error;
}

static int how(struct file *file)
{
	return (int)(long)file->private_data;
}

static int maps_mmap(struct file *file, struct vm_area_struct *vma)
{
	pr_info("maps: %d: %lu pages from %lu, %s\n", how(file), vma_pages(vma), vma->vm_pgoff,
		vma->vm_flags & VM_SHARED ? "shared" : "not shared");
	if (vma->vm_file != file)
		return -EINVAL;
	vma->vm_private_data = (void *)single;
	vma->vm_ops = &counts;
	switch (how(file)) {
	case ROWS:
		return show_row(vma, (void *)rows);
	case MEMORY:
		return show_row(vma, memory);
	case AREA:
		return remap_vmalloc_range(vma, area, vma->vm_pgoff);
	case USER_AREA:
		return remap_vmalloc_range(vma, user_area, vma->vm_pgoff);
	case INSERT:
		return insert_all(vma);
	case ASKS:
		vma->vm_ops = &asks;
		return 0;
	case NUMBERS:
		vma->vm_flags |= VM_PFNMAP | VM_DONTCOPY;
		vma->vm_ops = &by_numbers;
		return 0;
	}
	return -ENODEV;
}

static long maps_ioctl(struct file *file, unsigned int command, unsigned long number)
{
	struct page *page;
	const char *at[] = { (char *)rows, memory, area, user_area };

	switch (command) {
	case 0x4d00:
		return at[number >> 8][(number & 0xff) * PAGE_SIZE];
	case 0x4d01:
		return ((char *)page_address(single[number]))[0];
	case 0x4d02:
		return page_count(single[number]);
	case 0x4d03:
		return opens * 10000 + closes * 100 + faults;
	case 0x4d04:
		opens = closes = faults = 0;
		return 0;
	case 0x4d05:
		/* A page that a process sees is given back: it stays what it is until that process lets go. */
		put_page(single[number]);
		single[number] = NULL;
		return 0;
	case 0x4d06:
		page = single[number] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		return page ? sprintf(page_address(page), "n%lu", number) : -ENOMEM;
	case 0x4d07:
		free_pages(rows, 2);
		rows = __get_free_pages(GFP_KERNEL | __GFP_ZERO, 2);
		return rows ? 0 : -ENOMEM;
	}
	return -ENOTTY;
}

static int opened(struct file *file, int kind)
{
	file->private_data = (void *)(long)kind;
	return 0;
}

#define KIND(name, kind) \
static int name##_open(struct inode *inode, struct file *file) { return opened(file, kind); } \
static const struct file_operations name##_fops = { \
	.owner = THIS_MODULE, .open = name##_open, .unlocked_ioctl = maps_ioctl, \
	.mmap = kind == NONE ? NULL : maps_mmap, \
}
KIND(rows, ROWS);
KIND(memory, MEMORY);
KIND(area, AREA);
KIND(user, USER_AREA);
KIND(insert, INSERT);
KIND(asks, ASKS);
KIND(numbers, NUMBERS);
KIND(none, NONE);

#define DEVICE(kind) { .minor = MISC_DYNAMIC_MINOR, .name = "maps-" #kind, .fops = &kind##_fops, .mode = 0600 }
static struct miscdevice devices[KINDS] = {
	DEVICE(rows), DEVICE(memory), DEVICE(area), DEVICE(user), DEVICE(insert), DEVICE(asks), DEVICE(numbers),
	DEVICE(none),
};

static int proc_mmap(struct file *file, struct vm_area_struct *vma)
{
	return show_row(vma, (void *)rows);
}
static const struct proc_ops proc_ops = { .proc_mmap = proc_mmap };
static const struct proc_ops no_ops = { .proc_lseek = noop_llseek };

static bool take(void)
{
	int i;

	rows = __get_free_pages(GFP_KERNEL | __GFP_ZERO, 2);
	memory = kzalloc(PAGES * PAGE_SIZE, GFP_KERNEL);
	area = vzalloc(PAGES * PAGE_SIZE);
	user_area = vmalloc_user(PAGES * PAGE_SIZE);
	for (i = 0; i < PAGES; i++) {
		single[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (!single[i])
			return false;
		sprintf(page_address(single[i]), "s%d", i);
	}
	if (!rows || !memory || !area || !user_area)
		return false;
	fill((char *)rows, 'r');
	fill(memory, 'm');
	fill(area, 'a');
	fill(user_area, 'u');
	return true;
}

static void look(void)
{
	struct page *page = single[0];

	pr_info("maps: count %d\n", page_count(page));
	get_page(page);
	pr_info("maps: and one %d\n", page_count(page));
	put_page(page);
	SetPageReserved(page);
	pr_info("maps: reserved %d\n", !!PageReserved(page));
	ClearPageReserved(page);
	pr_info("maps: not %d\n", !!PageReserved(page));
	pr_info("maps: valid %d %d\n", pfn_valid(page_to_pfn(page)), pfn_valid(1UL << 39));
	page = vmalloc_to_page(area + 2 * PAGE_SIZE + 5);
	pr_info("maps: of an area %.2s\n", (char *)page_address(page));
	pr_info("maps: number %d\n", vmalloc_to_pfn(area + 2 * PAGE_SIZE) == page_to_pfn(page));
}

static int __init maps_init(void)
{
	int i, error = 0;

	if (!take())
		return -ENOMEM;
	look();
	for (i = 0; i < KINDS && !error; i++)
		error = misc_register(&devices[i]);
	proc_create("maps-proc", 0600, NULL, &proc_ops);
	proc_create("maps-none", 0600, NULL, &no_ops);
	return error;
}

static void __exit maps_exit(void)
{
	int i;

	remove_proc_entry("maps-proc", NULL);
	remove_proc_entry("maps-none", NULL);
	for (i = 0; i < KINDS; i++)
		misc_deregister(&devices[i]);
	free_pages(rows, 2);
	kfree(memory);
	vfree(area);
	vfree(user_area);
	for (i = 0; i < PAGES; i++)
		if (single[i])
			__free_page(single[i]);
	pr_info("maps: gone\n");
}

module_init(maps_init);
module_exit(maps_exit);
MODULE_LICENSE("GPL");
