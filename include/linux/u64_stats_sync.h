/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_U64_STATS_SYNC_H
#define _LINUX_U64_STATS_SYNC_H
/* Counters of 64 bits that one CPU writes and others read: a word is read whole, so nothing has to be done for it. */
#include <linux/types.h>
#include <linux/compiler.h>

struct u64_stats_sync { };
typedef struct { u64 v; } u64_stats_t;
static inline u64 u64_stats_read(const u64_stats_t *counter) { return READ_ONCE(counter->v); }
static inline void u64_stats_set(u64_stats_t *counter, u64 value) { WRITE_ONCE(counter->v, value); }
static inline void u64_stats_add(u64_stats_t *counter, unsigned long n) { WRITE_ONCE(counter->v, counter->v + n); }
static inline void u64_stats_inc(u64_stats_t *counter) { u64_stats_add(counter, 1); }
#define u64_stats_init(sync) ((void)(sync))
static inline void u64_stats_update_begin(struct u64_stats_sync *sync) { barrier(); }
static inline void u64_stats_update_end(struct u64_stats_sync *sync) { barrier(); }
static inline unsigned int u64_stats_fetch_begin(const struct u64_stats_sync *sync) { barrier(); return 0; }
static inline bool u64_stats_fetch_retry(const struct u64_stats_sync *sync, unsigned int start) { barrier(); return false; }
#define u64_stats_fetch_begin_irq u64_stats_fetch_begin
#define u64_stats_fetch_retry_irq u64_stats_fetch_retry
#define u64_stats_update_begin_irqsave(sync) ({ u64_stats_update_begin(sync); 0UL; })
#define u64_stats_update_end_irqrestore(sync, flags) ({ (void)(flags); u64_stats_update_end(sync); })
#endif
