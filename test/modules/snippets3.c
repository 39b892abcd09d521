// SPDX-License-Identifier: MIT OR Apache-2.0
// The snippets of the seed document 003, section 3, as they are printed there, and what they need round them. Each is run
// when the module is loaded and says what came of it; the resources of 3.1 stay until the module goes.
#include <linux/completion.h>
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

/* --- for 3.1 --- */
#define BUFFER_SIZE 1024

struct my_device {
	char *buffer;
	struct workqueue_struct *work_queue;
	int irq;
	struct mutex lock;
	struct completion completion;
};

static irqreturn_t device_interrupt_handler(int irq, void *dev)
{
	return IRQ_NONE;
}

/* --- 3.1 --- */
static int device_init_resources(struct my_device *dev) {
    int ret = 0;
    
    // sequential allocation of resources
    dev->buffer = kzalloc(BUFFER_SIZE, GFP_KERNEL);
    if (!dev->buffer) {
        ret = -ENOMEM;
        goto err_buffer;
    }
    
    dev->work_queue = alloc_workqueue("my_device_wq", 0, 1);
    if (!dev->work_queue) {
        ret = -ENOMEM;
        goto err_workqueue;
    }
    
    ret = request_irq(dev->irq, device_interrupt_handler, 
                      IRQF_SHARED, "my_device", dev);
    if (ret) {
        printk(KERN_ERR "Failed to request IRQ %d\n", dev->irq);
        goto err_irq;
    }
    
    mutex_init(&dev->lock);
    init_completion(&dev->completion);
    
    return 0;
    
    // resources go in reverse order
err_irq:
    destroy_workqueue(dev->work_queue);
err_workqueue:
    kfree(dev->buffer);
err_buffer:
    return ret;
}

static void device_cleanup_resources(struct my_device *dev) {
    if (dev) {
        free_irq(dev->irq, dev);
        
        if (dev->work_queue) {
            flush_workqueue(dev->work_queue);
            destroy_workqueue(dev->work_queue);
        }
        
        mutex_destroy(&dev->lock);
        kfree(dev->buffer);
    }
}

/* --- for 3.2: so long that the mutex stands where one may, however large a spinlock is --- */
#define NAME_LENGTH (sizeof(spinlock_t) == 4 ? 20 : 16)

/* --- 3.2 --- */
struct optimized_device {
    // what is often accessed (first cache line)
    volatile int status;        // 4 bytes
    atomic_t ref_count;         // 4 bytes
    spinlock_t fast_lock;       // mostly 8 bytes
    
    // what is sometimes accessed
    struct list_head list;
    wait_queue_head_t wait_queue;
    
    // what is seldom used (next cache line)
    char name[NAME_LENGTH];
    void *private_data;
    struct mutex slow_lock;

    // not in the text, whose work handler uses them
    struct completion completion;
    struct workqueue_struct *work_queue;
} __attribute__((packed, aligned(64)));

/* --- for 3.2 --- */
static int slow_operation(struct optimized_device *dev, int value)
{
	mutex_lock(&dev->slow_lock);
	dev->status = value + 1000;
	mutex_unlock(&dev->slow_lock);
	return 1;
}

static void perform_heavy_operation(struct optimized_device *dev, void *data)
{
	dev->status += *(int *)data;
}

/* --- 3.2 --- */
static inline int fast_operation(struct optimized_device *dev, int value) {
    // likely/unlikely hints
    if (likely(atomic_read(&dev->ref_count) > 0)) {
        // the usual case
        spin_lock(&dev->fast_lock);
        dev->status = value;
        spin_unlock(&dev->fast_lock);
        return 0;
    }
    
    // the rare case
    if (unlikely(value < 0)) {
        return -EINVAL;
    }
    
    return slow_operation(dev, value);
}

struct work_data {
    struct work_struct work;
    struct optimized_device *dev;
    int operation_type;
    void *data;
};

static void async_work_handler(struct work_struct *work) {
    struct work_data *work_data = container_of(work, struct work_data, work);
    
    // does what is heavy
    perform_heavy_operation(work_data->dev, work_data->data);
    
    // signals that it is done
    complete(&work_data->dev->completion);
    kfree(work_data);
}

static int schedule_async_operation(struct optimized_device *dev, void *data) {
    struct work_data *work_data;
    
    work_data = kzalloc(sizeof(*work_data), GFP_KERNEL);
    if (!work_data)
        return -ENOMEM;
        
    INIT_WORK(&work_data->work, async_work_handler);
    work_data->dev = dev;
    work_data->data = data;
    
    queue_work(dev->work_queue, &work_data->work);
    return 0;
}

/* --- what runs them --- */
static int line = 5;
module_param(line, int, 0444);
static struct my_device device;
static struct optimized_device fast;
static int heavy = 400;

static void operations(void)
{
	int answer;

	spin_lock_init(&fast.fast_lock);
	INIT_LIST_HEAD(&fast.list);
	init_waitqueue_head(&fast.wait_queue);
	mutex_init(&fast.slow_lock);
	init_completion(&fast.completion);
	fast.work_queue = device.work_queue;
	pr_info("snippets3: aligned %d %d\n", (unsigned long)&fast % 64 == 0, sizeof(fast) % 64 == 0);
	answer = fast_operation(&fast, -7);
	pr_info("snippets3: nobody, below 0: %d status %d\n", answer, fast.status);
	answer = fast_operation(&fast, 7);
	pr_info("snippets3: nobody: %d status %d\n", answer, fast.status);
	atomic_set(&fast.ref_count, 1);
	answer = fast_operation(&fast, 7);
	pr_info("snippets3: somebody: %d status %d\n", answer, fast.status);
	answer = schedule_async_operation(&fast, &heavy);
	wait_for_completion(&fast.completion);
	pr_info("snippets3: later: %d status %d\n", answer, fast.status);
}

static int __init snippets_init(void)
{
	int answer;

	device.irq = 100000;
	answer = device_init_resources(&device);
	pr_info("snippets3: no such line: %d\n", answer);
	device.irq = line;
	answer = device_init_resources(&device);
	pr_info("snippets3: line: %d\n", answer);
	if (answer)
		return answer;
	operations();
	return 0;
}

static void __exit snippets_exit(void)
{
	device_cleanup_resources(&device);
}

module_init(snippets_init);
module_exit(snippets_exit);
MODULE_LICENSE("GPL");
