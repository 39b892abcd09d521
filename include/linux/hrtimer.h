/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_HRTIMER_H
#define _LINUX_HRTIMER_H
/* Functions called in the interrupt of the clock. */
#include <linux/ktime.h>

enum hrtimer_restart { HRTIMER_NORESTART, HRTIMER_RESTART };
enum hrtimer_mode {
	HRTIMER_MODE_ABS = 0x00,
	HRTIMER_MODE_REL = 0x01,
	HRTIMER_MODE_PINNED = 0x02,
	HRTIMER_MODE_ABS_PINNED = 0x02,
	HRTIMER_MODE_REL_PINNED = 0x03,
};

/* The kernel reads the function and the time each time that it needs them. */
struct hrtimer {
	enum hrtimer_restart (*function)(struct hrtimer *timer);
	ktime_t _expires;
	unsigned long _clock;
	unsigned long _reserved[3];
};

extern void hrtimer_start_range_ns(struct hrtimer *timer, ktime_t time, u64 slack, const enum hrtimer_mode mode);
extern int hrtimer_try_to_cancel(struct hrtimer *timer);
extern int hrtimer_cancel(struct hrtimer *timer);
extern bool hrtimer_active(const struct hrtimer *timer);
extern u64 hrtimer_forward(struct hrtimer *timer, ktime_t now, ktime_t interval);
extern bool hrtimer_is_queued(struct hrtimer *timer);
extern ktime_t __hrtimer_now(const struct hrtimer *timer);

static inline void hrtimer_init(struct hrtimer *timer, clockid_t clock, enum hrtimer_mode mode)
{
	timer->function = NULL;
	timer->_expires = 0;
	timer->_clock = clock;
}
static inline void hrtimer_start(struct hrtimer *timer, ktime_t time, const enum hrtimer_mode mode)
{
	hrtimer_start_range_ns(timer, time, 0, mode);
}
static inline ktime_t hrtimer_get_expires(const struct hrtimer *timer) { return timer->_expires; }
static inline void hrtimer_set_expires(struct hrtimer *timer, ktime_t time) { timer->_expires = time; }
static inline void hrtimer_restart(struct hrtimer *timer)
{
	hrtimer_start_range_ns(timer, timer->_expires, 0, HRTIMER_MODE_ABS);
}
static inline ktime_t hrtimer_cb_get_time(struct hrtimer *timer) { return __hrtimer_now(timer); }
static inline u64 hrtimer_forward_now(struct hrtimer *timer, ktime_t interval)
{
	return hrtimer_forward(timer, hrtimer_cb_get_time(timer), interval);
}
static inline ktime_t hrtimer_get_remaining(const struct hrtimer *timer)
{
	return timer->_expires - __hrtimer_now(timer);
}

#endif
