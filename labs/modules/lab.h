/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the modules of the labs share: costs by the clock, threads that start together, and a file that shows it all. */
#ifndef LAB_H
#define LAB_H
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#define ROUNDS 5

/* Nanoseconds of one turn of `work`: the best of several rounds of `turns`, as the others were disturbed. */
#define COST(turns, work) ({ \
	u64 __best = ~0ULL; \
	for (int __round = 0; __round < ROUNDS; __round++) { \
		u64 __begun = ktime_get_ns(), __took; \
		for (int __turn = 0; __turn < (turns); __turn++) { \
			work; \
		} \
		__took = ktime_get_ns() - __begun; \
		if (__took < __best) \
			__best = __took; \
	} \
	__best / (turns); })

#define MOST_THREADS 16

/* Threads that do one thing at the same time. */
struct crowd {
	void (*work)(void *data, int which);
	void *data;
	struct completion start, end;
	atomic_t left;
};

struct crowd_member {
	struct crowd *crowd;
	int which;
};

static __maybe_unused int crowd_thread(void *data)
{
	struct crowd_member member = *(struct crowd_member *)data;

	kfree(data);
	wait_for_completion(&member.crowd->start);
	member.crowd->work(member.crowd->data, member.which);
	if (atomic_dec_and_test(&member.crowd->left))
		complete(&member.crowd->end);
	return 0;
}

/* Has `count` threads do `work` at once, waits for them, and gives the nanoseconds from the start to the last one's end. */
static inline u64 crowd_run(int count, void (*work)(void *, int), void *data)
{
	struct crowd crowd = { .work = work, .data = data };
	u64 begun;
	int made = 0;

	init_completion(&crowd.start);
	init_completion(&crowd.end);
	/* One more than there are, until all are there. */
	atomic_set(&crowd.left, 1);
	for (; made < count; made++) {
		struct crowd_member *member = kmalloc(sizeof(*member), GFP_KERNEL);
		struct task_struct *thread;

		if (!member)
			break;
		member->crowd = &crowd;
		member->which = made;
		atomic_inc(&crowd.left);
		thread = kthread_run(crowd_thread, member, "lab/%d", made);
		if (IS_ERR(thread)) {
			atomic_dec(&crowd.left);
			kfree(member);
			break;
		}
	}
	begun = ktime_get_ns();
	complete_all(&crowd.start);
	if (!atomic_dec_and_test(&crowd.left))
		wait_for_completion(&crowd.end);
	return made == count ? ktime_get_ns() - begun : 0;
}

/* /proc/lab: reading it does the experiment. */
#define LAB(show) \
	static int __init lab_init(void) \
	{ \
		return proc_create_single("lab", 0444, NULL, show) ? 0 : -ENOMEM; \
	} \
	static void __exit lab_exit(void) { remove_proc_entry("lab", NULL); } \
	module_init(lab_init); \
	module_exit(lab_exit); \
	MODULE_LICENSE("GPL")

#endif
