// SPDX-License-Identifier: MIT OR Apache-2.0
// Calls a function that may sleep where nothing may: under a spinlock. Linux tells of it if it was built to.
#include <linux/cdev.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/kmod.h>
#include <linux/kobject.h>
#include <linux/kprobes.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/rcupdate.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/semaphore.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

static char call[40];
module_param_string(call, call, sizeof(call), 0444);

static DEFINE_SPINLOCK(lock);
static DEFINE_MUTEX(mutex);
static DECLARE_RWSEM(rwsem);
static DEFINE_SEMAPHORE(sem);
static DECLARE_COMPLETION(done);
static DECLARE_WAIT_QUEUE_HEAD(queue);
static struct class *class;
static struct kprobe probe = { .symbol_name = "kernel_clone" };
static struct bus_type bus = { .name = "forbidden" };
static struct device_driver driver = { .name = "forbidden", .bus = &bus };
static struct device device;
static struct cdev cdev;
static const struct file_operations fops = { .owner = THIS_MODULE };
static dev_t number;

static void work(struct work_struct *unused)
{
}
static DECLARE_WORK(item, work);
static DECLARE_DELAYED_WORK(later, work);

static int thread(void *unused)
{
	return 0;
}

/* Each call by its name. */
#define CALLS(CALL) \
	CALL(msleep, msleep(1)) \
	CALL(msleep_interruptible, msleep_interruptible(1)) \
	CALL(usleep_range, usleep_range(1, 2)) \
	CALL(schedule_timeout, schedule_timeout_uninterruptible(1)) \
	CALL(schedule, schedule()) \
	CALL(mutex_lock, mutex_lock(&mutex)) \
	CALL(mutex_lock_interruptible, (void)!mutex_lock_interruptible(&mutex)) \
	CALL(mutex_lock_killable, (void)!mutex_lock_killable(&mutex)) \
	CALL(down, down(&sem)) \
	CALL(down_interruptible, (void)!down_interruptible(&sem)) \
	CALL(down_killable, (void)!down_killable(&sem)) \
	CALL(down_timeout, (void)!down_timeout(&sem, 1)) \
	CALL(down_read, down_read(&rwsem)) \
	CALL(down_read_interruptible, (void)!down_read_interruptible(&rwsem)) \
	CALL(down_read_killable, (void)!down_read_killable(&rwsem)) \
	CALL(down_write, down_write(&rwsem)) \
	CALL(down_write_killable, (void)!down_write_killable(&rwsem)) \
	CALL(wait_for_completion, wait_for_completion(&done)) \
	CALL(wait_for_completion_timeout, wait_for_completion_timeout(&done, 1)) \
	CALL(wait_for_completion_interruptible, (void)!wait_for_completion_interruptible(&done)) \
	CALL(wait_for_completion_killable, (void)!wait_for_completion_killable(&done)) \
	CALL(wait_event, wait_event_timeout(queue, call[0] == 0, 1)) \
	CALL(synchronize_rcu, synchronize_rcu()) \
	CALL(rcu_barrier, rcu_barrier()) \
	CALL(flush_work, flush_work(&item)) \
	CALL(cancel_work_sync, cancel_work_sync(&item)) \
	CALL(flush_delayed_work, flush_delayed_work(&later)) \
	CALL(cancel_delayed_work_sync, cancel_delayed_work_sync(&later)) \
	CALL(flush_workqueue, flush_workqueue(system_long_wq)) \
	CALL(alloc_workqueue, (void)alloc_workqueue("forbidden", 0, 1)) \
	CALL(kthread_create, (void)kthread_create(thread, NULL, "forbidden")) \
	CALL(vmalloc, (void)vmalloc(100)) \
	CALL(vfree, vfree(NULL)) \
	CALL(kmem_cache_create, (void)kmem_cache_create("forbidden", 64, 0, 0, NULL)) \
	CALL(alloc_chrdev_region, (void)!alloc_chrdev_region(&number, 0, 1, "forbidden")) \
	CALL(register_chrdev_region, (void)!register_chrdev_region(MKDEV(302, 0), 1, "forbidden")) \
	CALL(unregister_chrdev_region, unregister_chrdev_region(MKDEV(302, 0), 1)) \
	CALL(cdev_add, (void)!cdev_add(&cdev, MKDEV(302, 0), 1)) \
	CALL(cdev_del, cdev_del(&cdev)) \
	CALL(register_chrdev, (void)!register_chrdev(0, "forbidden", &fops)) \
	CALL(class_create, class = class_create(THIS_MODULE, "forbidden")) \
	CALL(device_add, (void)!device_add(&device)) \
	CALL(device_del, device_del(&device)) \
	CALL(bus_register, (void)!bus_register(&bus)) \
	CALL(bus_unregister, bus_unregister(&bus)) \
	CALL(driver_register, (void)!driver_register(&driver)) \
	CALL(driver_unregister, driver_unregister(&driver)) \
	CALL(request_module, (void)request_module("forbidden")) \
	CALL(register_kprobe, (void)!register_kprobe(&probe)) \
	CALL(unregister_kprobe, unregister_kprobe(&probe)) \
	CALL(disable_kprobe, (void)!disable_kprobe(&probe)) \
	CALL(enable_kprobe, (void)!enable_kprobe(&probe))

/* Loaded without a call, the module says which there are. */
#define NAME(name, does) " " #name
static char *names = "" CALLS(NAME);
module_param(names, charp, 0444);

#define TRY(name, does) \
	if (!strcmp(call, #name)) { \
		does; \
		return 0; \
	}

static int make(void)
{
	CALLS(TRY)
	return call[0] ? -ENOENT : 0;
}

static int __init forbidden_init(void)
{
	int error;

	cdev_init(&cdev, &fops);
	spin_lock(&lock);
	error = make();
	spin_unlock(&lock);
	return error;
}

static void __exit forbidden_exit(void)
{
}

module_init(forbidden_init);
module_exit(forbidden_exit);
MODULE_LICENSE("GPL");
