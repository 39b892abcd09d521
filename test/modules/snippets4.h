/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Of the snippets of document 004 those about memory (2.1, 2.2), the device of 3.4, and what 4.2 needs. */
#ifndef SNIPPETS4_H
#define SNIPPETS4_H

/* --- 2.1 --- */
struct my_object {
	long words[10];
};
struct kmem_cache *my_cache;

static void allocators(void)
{
	// 1. kmalloc: pages in a row
	void *ptr = kmalloc(1024, GFP_KERNEL);
	if (ptr) {
		memset(ptr, 1, 1024);
		pr_info("snippets4: kmalloc %zu\n", ksize(ptr));
		kfree(ptr);
	}

	// 2. vmalloc: addresses in a row
	void *vptr = vmalloc(1024 * 1024);  // 1MB
	if (vptr) {
		memset(vptr, 2, 1024 * 1024);
		pr_info("snippets4: vmalloc at %lu of a page\n", (unsigned long)vptr % PAGE_SIZE);
		vfree(vptr);
	}

	// 3. pages
	unsigned long page = __get_free_pages(GFP_KERNEL, 2);  // 4 pages (16KB)
	if (page) {
		memset((void *)page, 3, 16384);
		pr_info("snippets4: pages at %lu of a page\n", page % PAGE_SIZE);
		free_pages(page, 2);
	}

	// 4. slab
	my_cache = kmem_cache_create("my_objects",
				     sizeof(struct my_object),
				     0, SLAB_HWCACHE_ALIGN, NULL);
	struct my_object *obj = kmem_cache_alloc(my_cache, GFP_KERNEL);
	pr_info("snippets4: object %d at %lu of a line\n", obj != NULL, (unsigned long)obj % 64);
	kmem_cache_free(my_cache, obj);
	kmem_cache_destroy(my_cache);
}

/* --- 2.2 --- */
static int handled;

static void interrupt_handler(void)
{
    // in an interrupt it has to be GFP_ATOMIC
    void *buffer = kmalloc(512, GFP_ATOMIC);

    if (!buffer) {
        // there was no memory
        printk(KERN_WARNING "Memory allocation failed in interrupt");
        return;
    }

    // given back when it has been used
    kfree(buffer);
    handled = in_interrupt() != 0;
}

static void on_tasklet(struct tasklet_struct *unused)
{
	interrupt_handler();
}

static DECLARE_TASKLET(tasklet, on_tasklet);

static void flags(void)
{
	const gfp_t kinds[] = { GFP_KERNEL, GFP_ATOMIC, GFP_USER, GFP_DMA, GFP_DMA32 };
	const unsigned long ends[] = { -1UL, -1UL, -1UL, 1UL << 24, 1UL << 32 };
	int i, good = 0;

	for (i = 0; i < 5; i++) {
		unsigned long page = __get_free_pages(kinds[i], 0);

		good += page && __pa(page) < ends[i];
		free_pages(page, 0);
	}
	tasklet_schedule(&tasklet);
	tasklet_kill(&tasklet);
	pr_info("snippets4: flags %d, in an interrupt %d\n", good, handled);
}

/* --- 3.4, with the buffer stored in the device --- */
#define BUFFER_SIZE 256

struct my_device {
	void *buffer;
};

static int broken;
module_param(broken, int, 0644);

static int init_device_hardware(struct my_device *dev)
{
	return broken ? -1 : 0;
}

static void cleanup_device_hardware(struct my_device *dev)
{
	pr_info("snippets4: hardware rests\n");
}

static int device_open(struct inode *inode, struct file *file) {
    struct my_device *dev;
    void *buffer = NULL;
    int ret = 0;

    dev = kmalloc(sizeof(*dev), GFP_KERNEL);
    if (!dev) {
        ret = -ENOMEM;
        goto err_nomem;
    }

    buffer = kmalloc(BUFFER_SIZE, GFP_KERNEL);
    if (!buffer) {
        ret = -ENOMEM;
        goto err_nobuf;
    }

    if (init_device_hardware(dev) < 0) {
        ret = -EIO;
        goto err_hardware;
    }

    dev->buffer = buffer;
    file->private_data = dev;
    return 0;

err_hardware:
    kfree(buffer);
err_nobuf:
    kfree(dev);
err_nomem:
    return ret;
}

static int device_release(struct inode *inode, struct file *file) {
    struct my_device *dev = file->private_data;

    if (dev) {
        cleanup_device_hardware(dev);
        kfree(dev->buffer);
        kfree(dev);
    }
    
    return 0;
}

static const struct file_operations device_fops = {
	.owner = THIS_MODULE,
	.open = device_open,
	.release = device_release,
};

static struct miscdevice box = { .minor = MISC_DYNAMIC_MINOR, .name = "snippets4", .fops = &device_fops };

static int device_register_here(void)
{
	return misc_register(&box);
}

static void device_unregister_here(void)
{
	misc_deregister(&box);
}

/* --- 4.2 --- */
struct cache_friendly_struct {
    // what is often accessed comes in the first cache line
    volatile int status;        // 4 bytes
    int ref_count;              // 4 bytes  
    
    // what is less often used
    char name[48];              // 48 bytes, the end of the first line
    
    // what is seldom used comes in the next line
    struct list_head list;      
    void *private_data;
} __attribute__((packed, aligned(64)));

struct rcu_data {
    struct rcu_head rcu;
    int value;
    char data[];
};

static int handle_common_case(int value)
{
	return value;
}

static int handle_error_case(int value)
{
	return -EINVAL;
}

static int handle_edge_case(int value)
{
	return 100;
}
#endif
