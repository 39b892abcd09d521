/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_COMPLETION_H
#define _LINUX_COMPLETION_H
#include <linux/types.h>

struct completion {
	unsigned int done;
	unsigned int reserved[7];
};
#define COMPLETION_INITIALIZER(name) { 0, { 0 } }
#define DECLARE_COMPLETION(name) struct completion name = COMPLETION_INITIALIZER(name)
#define DECLARE_COMPLETION_ONSTACK(name) DECLARE_COMPLETION(name)
static inline void init_completion(struct completion *x) { WRITE_ONCE(x->done, 0); }
static inline void reinit_completion(struct completion *x) { WRITE_ONCE(x->done, 0); }

extern void complete(struct completion *x);
extern void complete_all(struct completion *x);
extern void wait_for_completion(struct completion *x);
extern unsigned long wait_for_completion_timeout(struct completion *x, unsigned long ticks);
extern int wait_for_completion_interruptible(struct completion *x);
extern int wait_for_completion_killable(struct completion *x);
extern long wait_for_completion_interruptible_timeout(struct completion *x, unsigned long ticks);
extern bool try_wait_for_completion(struct completion *x);
extern bool completion_done(struct completion *x);
#endif
