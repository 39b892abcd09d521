/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_TIME64_H
#define _LINUX_TIME64_H
/* Seconds and nanoseconds. */
#include <linux/math64.h>
#include <linux/types.h>

#define MSEC_PER_SEC 1000L
#define USEC_PER_MSEC 1000L
#define USEC_PER_SEC 1000000L
#define NSEC_PER_USEC 1000L
#define NSEC_PER_MSEC 1000000L
#define NSEC_PER_SEC 1000000000L

struct timespec64 {
	time64_t tv_sec;
	long tv_nsec;
};

static inline s64 timespec64_to_ns(const struct timespec64 *t) { return t->tv_sec * NSEC_PER_SEC + t->tv_nsec; }
static inline struct timespec64 ns_to_timespec64(s64 ns)
{
	struct timespec64 t = { .tv_sec = ns / NSEC_PER_SEC, .tv_nsec = ns % NSEC_PER_SEC };

	if (t.tv_nsec < 0) {
		t.tv_sec--;
		t.tv_nsec += NSEC_PER_SEC;
	}
	return t;
}
static inline void set_normalized_timespec64(struct timespec64 *t, time64_t seconds, s64 ns)
{
	*t = ns_to_timespec64(ns);
	t->tv_sec += seconds;
}
static inline struct timespec64 timespec64_add(struct timespec64 a, struct timespec64 b)
{
	set_normalized_timespec64(&a, a.tv_sec + b.tv_sec, (s64)a.tv_nsec + b.tv_nsec);
	return a;
}
static inline struct timespec64 timespec64_sub(struct timespec64 a, struct timespec64 b)
{
	set_normalized_timespec64(&a, a.tv_sec - b.tv_sec, (s64)a.tv_nsec - b.tv_nsec);
	return a;
}
static inline bool timespec64_equal(const struct timespec64 *a, const struct timespec64 *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}
static inline int timespec64_compare(const struct timespec64 *a, const struct timespec64 *b)
{
	if (a->tv_sec != b->tv_sec)
		return a->tv_sec < b->tv_sec ? -1 : 1;
	return a->tv_nsec < b->tv_nsec ? -1 : a->tv_nsec > b->tv_nsec;
}
static inline bool timespec64_valid(const struct timespec64 *t)
{
	return t->tv_sec >= 0 && (unsigned long)t->tv_nsec < NSEC_PER_SEC;
}

#endif
