/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_KTIME_H
#define _LINUX_KTIME_H
/* Nanoseconds. */
#include <linux/jiffies.h>
#include <linux/time64.h>
typedef s64 ktime_t;
#define CLOCK_REALTIME 0
#define CLOCK_MONOTONIC 1
#define CLOCK_BOOTTIME 7
extern ktime_t ktime_get(void);
extern ktime_t ktime_get_real(void);
extern ktime_t ktime_get_boottime(void);
static inline u64 ktime_get_ns(void) { return ktime_get(); }
static inline u64 ktime_get_real_ns(void) { return ktime_get_real(); }
static inline u64 ktime_get_boottime_ns(void) { return ktime_get_boottime(); }
static inline ktime_t ktime_set(s64 seconds, unsigned long ns) { return seconds * NSEC_PER_SEC + (s64)ns; }
static inline ktime_t ns_to_ktime(u64 ns) { return ns; }
static inline ktime_t ms_to_ktime(u64 ms) { return ms * NSEC_PER_MSEC; }
static inline s64 ktime_to_ns(ktime_t t) { return t; }
static inline s64 ktime_to_us(ktime_t t) { return t / NSEC_PER_USEC; }
static inline s64 ktime_to_ms(ktime_t t) { return t / NSEC_PER_MSEC; }
#define ktime_add(a, b) ((a) + (b))
#define ktime_sub(a, b) ((a) - (b))
#define ktime_add_ns(a, b) ((a) + (s64)(b))
static inline s64 ktime_us_delta(ktime_t later, ktime_t earlier) { return ktime_to_us(later - earlier); }
static inline s64 ktime_ms_delta(ktime_t later, ktime_t earlier) { return ktime_to_ms(later - earlier); }
static inline ktime_t ktime_add_us(ktime_t t, u64 us) { return t + us * NSEC_PER_USEC; }
static inline ktime_t ktime_add_ms(ktime_t t, u64 ms) { return t + ms * NSEC_PER_MSEC; }
static inline ktime_t ktime_sub_ns(ktime_t t, u64 ns) { return t - ns; }
static inline ktime_t us_to_ktime(u64 us) { return us * NSEC_PER_USEC; }
static inline s64 ktime_divns(ktime_t t, s64 n) { return t / n; }
static inline bool ktime_after(ktime_t a, ktime_t b) { return a > b; }
static inline bool ktime_before(ktime_t a, ktime_t b) { return a < b; }
static inline struct timespec64 ktime_to_timespec64(ktime_t t) { return ns_to_timespec64(t); }
static inline ktime_t timespec64_to_ktime(struct timespec64 t) { return timespec64_to_ns(&t); }
static inline time64_t ktime_get_seconds(void) { return ktime_get() / NSEC_PER_SEC; }
static inline time64_t ktime_get_real_seconds(void) { return ktime_get_real() / NSEC_PER_SEC; }
static inline void ktime_get_ts64(struct timespec64 *t) { *t = ns_to_timespec64(ktime_get()); }
static inline void ktime_get_real_ts64(struct timespec64 *t) { *t = ns_to_timespec64(ktime_get_real()); }
static inline void ktime_get_boottime_ts64(struct timespec64 *t) { *t = ns_to_timespec64(ktime_get_boottime()); }
/* A coarse clock may lag by a tick; this one does not. */
#define ktime_get_coarse() ktime_get()
#define ktime_get_coarse_real() ktime_get_real()
static inline void ktime_get_coarse_ts64(struct timespec64 *t) { ktime_get_ts64(t); }
static inline void ktime_get_coarse_real_ts64(struct timespec64 *t) { ktime_get_real_ts64(t); }
static inline int ktime_compare(ktime_t a, ktime_t b) { return a < b ? -1 : a > b; }
#endif
