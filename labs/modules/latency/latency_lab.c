// SPDX-License-Identifier: MIT OR Apache-2.0
// How long after it was asked for something runs: tasklet, high tasklet, work, thread, timer, high-resolution timer.
#include "lab.h"
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

#define TURNS 50
#define TIMER_NS 2000000

static DECLARE_COMPLETION(ran);
static u64 ran_at;

static void note(void)
{
	ran_at = ktime_get_ns();
	complete(&ran);
}

static void by_tasklet(struct tasklet_struct *tasklet) { note(); }
static void by_work(struct work_struct *work) { note(); }
static void by_timer(struct timer_list *timer) { note(); }
static enum hrtimer_restart by_hrtimer(struct hrtimer *timer) { note(); return HRTIMER_NORESTART; }
static int by_thread(void *data) { note(); return 0; }

static DECLARE_TASKLET(tasklet, by_tasklet);
static DECLARE_WORK(work, by_work);
static DEFINE_TIMER(timer, by_timer);
static struct hrtimer hrtimer;

static void ask_tasklet(void) { tasklet_schedule(&tasklet); }
static void ask_high(void) { tasklet_hi_schedule(&tasklet); }
static void ask_work(void) { schedule_work(&work); }
static void ask_timer(void) { mod_timer(&timer, jiffies + 1); }
static void ask_hrtimer(void) { hrtimer_start(&hrtimer, ns_to_ktime(TIMER_NS), HRTIMER_MODE_REL); }
static void ask_thread(void)
{
	if (IS_ERR(kthread_run(by_thread, NULL, "lab/late")))
		note();
}

/* The least, the middle and the most of several. */
static void line(struct seq_file *m, const char *name, void (*ask)(void), u64 wanted)
{
	u64 took[TURNS];

	for (int turn = 0; turn < TURNS; turn++) {
		u64 asked = ktime_get_ns(), late;
		int at = turn;

		reinit_completion(&ran);
		ask();
		wait_for_completion(&ran);
		late = ran_at - asked;
		late = late > wanted ? late - wanted : 0;
		for (; at > 0 && took[at - 1] > late; at--)
			took[at] = took[at - 1];
		took[at] = late;
	}
	seq_printf(m, "%-28s least %8llu   median %8llu   most %8llu ns\n", name, took[0], took[TURNS / 2],
		   took[TURNS - 1]);
}

static int show(struct seq_file *m, void *v)
{
	hrtimer_init(&hrtimer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	hrtimer.function = by_hrtimer;
	line(m, "tasklet (softirq)", ask_tasklet, 0);
	line(m, "high tasklet (softirq)", ask_high, 0);
	line(m, "work (kernel thread)", ask_work, 0);
	line(m, "thread, made for it", ask_thread, 0);
	line(m, "hrtimer of 2 ms, late by", ask_hrtimer, TIMER_NS);
	line(m, "timer of a jiffy, after", ask_timer, 0);
	tasklet_kill(&tasklet);
	flush_work(&work);
	del_timer_sync(&timer);
	hrtimer_cancel(&hrtimer);
	return 0;
}

LAB(show);
