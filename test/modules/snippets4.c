// SPDX-License-Identifier: MIT OR Apache-2.0
// The snippets of the seed document 004, as they are printed there, and what they need round them. They are run when the
// module is loaded and say what came of it; /dev/snippets4 is the device of 3.4, and a number written to /proc/snippets4
// has 3.2 fail in that way.
#include <linux/capability.h>
#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/proc_fs.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include "snippets4.h"

/* --- 1.1, with the counter defined once --- */
static int global_counter = 0;

void unsafe_increment(void);
void unsafe_increment(void) {
    // not atomic: reads the value, adds, writes it
    global_counter++;  // trouble when CPUs do so at a time
}

static DEFINE_SPINLOCK(counter_lock);

void safe_increment(void);
void safe_increment(void) {
    unsigned long flags;

    spin_lock_irqsave(&counter_lock, flags);
    global_counter++;
    spin_unlock_irqrestore(&counter_lock, flags);
}

static atomic_t finished = ATOMIC_INIT(0);

static int increments(void *unused)
{
	int i;

	for (i = 0; i < 20000; i++)
		safe_increment();
	atomic_inc(&finished);
	while (!kthread_should_stop())
		schedule_timeout_uninterruptible(1);
	return 0;
}

static void counters(void)
{
	struct task_struct *threads[2];
	int i;

	unsafe_increment();
	pr_info("snippets4: alone %d\n", global_counter);
	for (i = 0; i < 2; i++)
		threads[i] = kthread_run(increments, NULL, "increments%d", i);
	while (atomic_read(&finished) < 2)
		schedule_timeout_uninterruptible(1);
	for (i = 0; i < 2; i++)
		kthread_stop(threads[i]);
	pr_info("snippets4: two with a lock %d\n", global_counter);
}

/* --- 1.2 --- */
spinlock_t my_spinlock;
struct mutex my_mutex;
rwlock_t my_rwlock;

struct my_data {
    int value;
    struct rcu_head rcu;
};

struct my_data *data_ptr;
static int used;

static void use_data(int value)
{
	used = value;
}

static void locks(void)
{
	spin_lock_init(&my_spinlock);

	spin_lock(&my_spinlock);
	used = spin_trylock(&my_spinlock);
	spin_unlock(&my_spinlock);
	pr_info("snippets4: spinlock twice %d\n", used);

	mutex_init(&my_mutex);

	mutex_lock(&my_mutex);
	used = mutex_is_locked(&my_mutex);
	mutex_unlock(&my_mutex);
	pr_info("snippets4: mutex %d %d\n", used, mutex_is_locked(&my_mutex));

	rwlock_init(&my_rwlock);

	// many may read at a time
	read_lock(&my_rwlock);
	read_lock(&my_rwlock);
	used = 1;
	read_unlock(&my_rwlock);
	read_unlock(&my_rwlock);

	// who writes is alone
	write_lock(&my_rwlock);
	used += 1;
	write_unlock(&my_rwlock);
	pr_info("snippets4: two readers, then a writer %d\n", used);
}

static void rcu_reads(void)
{
	// reads, without a lock
	rcu_read_lock();
	struct my_data *p = rcu_dereference(data_ptr);
	if (p) {
		use_data(p->value);
	}
	rcu_read_unlock();
}

static void rcu_update(int new_value)
{
	struct my_data *old_data = data_ptr;
	struct my_data *new_data = kmalloc(sizeof(*new_data), GFP_KERNEL);

	if (!new_data)
		return;
	new_data->value = new_value;
	rcu_assign_pointer(data_ptr, new_data);
	synchronize_rcu();  // waits until all have read
	kfree(old_data);
}

static void rcu(void)
{
	used = 0;
	rcu_reads();
	pr_info("snippets4: nothing to read %d\n", used);
	rcu_update(42);
	rcu_reads();
	pr_info("snippets4: first %d\n", used);
	rcu_update(43);
	rcu_reads();
	pr_info("snippets4: second %d\n", used);
}

/* --- 4.2 --- */
static struct rcu_data *global_data;

static inline int fast_path_function(int common_case) {
    // likely/unlikely hints for the branch predictor
    if (likely(common_case > 0)) {
        return handle_common_case(common_case);
    }
    
    // the rare case
    if (unlikely(common_case < 0)) {
        return handle_error_case(common_case);
    }
    
    return handle_edge_case(common_case);
}

int read_data_lockfree(void);
int read_data_lockfree(void) {
    struct rcu_data *data;
    int result;
    
    rcu_read_lock();
    data = rcu_dereference(global_data);
    if (data) {
        result = data->value;  // a very fast read
    } else {
        result = -ENODATA;
    }
    rcu_read_unlock();
    
    return result;
}

static void fast_paths(void)
{
	struct rcu_data *data = kzalloc(sizeof(*data) + 8, GFP_KERNEL);

	pr_info("snippets4: paths %d %d %d\n", fast_path_function(5), fast_path_function(-5), fast_path_function(0));
	pr_info("snippets4: friendly %zu bytes, list at %zu\n", sizeof(struct cache_friendly_struct),
		offsetof(struct cache_friendly_struct, list));
	pr_info("snippets4: no data %d\n", read_data_lockfree());
	if (!data)
		return;
	data->value = 44;
	rcu_assign_pointer(global_data, data);
	pr_info("snippets4: data %d\n", read_data_lockfree());
	rcu_assign_pointer(global_data, NULL);
	kfree_rcu(data, rcu);
}

/* --- 3.1, with an int to answer --- */
static int error_condition, error_code = 5, debug_var = 6;

static noinline int my_function(void) {
    printk(KERN_INFO "Function called successfully");

    if (error_condition) {
        printk(KERN_ERR "Error: something went wrong (%d)", error_code);
        return -EINVAL;
    }

    printk(KERN_DEBUG "Debug: variable value = %d", debug_var);
    return 0;
}

static void messages(void)
{
	int good = my_function(), bad;

	printk(KERN_EMERG "snippets4: level 0\n");
	printk(KERN_ALERT "snippets4: level 1\n");
	printk(KERN_CRIT "snippets4: level 2\n");
	printk(KERN_ERR "snippets4: level 3\n");
	printk(KERN_WARNING "snippets4: level 4\n");
	printk(KERN_NOTICE "snippets4: level 5\n");
	printk(KERN_INFO "snippets4: level 6\n");
	printk(KERN_DEBUG "snippets4: level 7\n");
	error_condition = 1;
	bad = my_function();
	pr_info("snippets4: told %d %d\n", good, bad);
}

/* --- 3.2: each crash apart, since the first one ends the function --- */
static int crash;
/* The compiler does not know what is in it. */
#define HIDE(pointer) asm volatile("" : "+r"(pointer))

void dangerous_function(void);
noinline void dangerous_function(void) {
    char *ptr = NULL;
    volatile char room[64];

    HIDE(ptr);
    // 1. a NULL pointer is followed
    if (crash == 1)
        *ptr = 42;  // OOPS!

    // 2. no memory there
    ptr = (char *)0xdeadbeef;
    HIDE(ptr);
    if (crash == 2)
        *ptr = 0;  // OOPS!

    // 3. the stack overflows
    if (crash == 3)
        dangerous_function();  // without end, OOPS!
    room[0] = 0;
}

int checked_function(void *important_ptr);
int checked_function(void *important_ptr) {
    if (crash == 4)
        BUG_ON(important_ptr == NULL);

    // milder
    if (WARN_ON(important_ptr == NULL)) {
        return -EINVAL;  // warns and goes on
    }
    return 0;
}

static ssize_t crash_write(struct file *file, const char __user *buffer, size_t count, loff_t *pos)
{
	char text[8] = "";
	int ret;

	/* As the checklist of 003, 4.2 has it: permissions are checked, and what is for debugging only is not told. */
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	pr_debug("snippets4: not told\n");
	if (copy_from_user(text, buffer, min(count, sizeof(text) - 1)))
		return -EFAULT;
	ret = kstrtoint(text, 0, &crash);
	if (ret)
		return ret;
	dangerous_function();
	ret = checked_function(crash == 4 ? NULL : &crash);
	return ret ? ret : count;
}

static const struct proc_ops crash_ops = { .proc_write = crash_write };

/* --- what runs them --- */
static struct proc_dir_entry *entry;

static int __init snippets_init(void)
{
	int ret = device_register_here();

	if (ret)
		return ret;
	entry = proc_create("snippets4", 0666, NULL, &crash_ops);
	counters();
	locks();
	rcu();
	allocators();
	flags();
	messages();
	pr_info("snippets4: checked %d %d\n", checked_function(&ret), checked_function(NULL));
	fast_paths();
	return 0;
}

static void __exit snippets_exit(void)
{
	proc_remove(entry);
	device_unregister_here();
	kfree(data_ptr);
}

module_init(snippets_init);
module_exit(snippets_exit);
MODULE_LICENSE("GPL");
