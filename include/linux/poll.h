/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_POLL_H
#define _LINUX_POLL_H
#include <linux/types.h>
#include <linux/fs.h>
#include <linux/wait.h>

#define POLLIN 0x0001
#define POLLPRI 0x0002
#define POLLOUT 0x0004
#define POLLERR 0x0008
#define POLLHUP 0x0010
#define POLLNVAL 0x0020
#define POLLRDNORM 0x0040
#define POLLRDBAND 0x0080
#define POLLWRNORM 0x0100
#define POLLWRBAND 0x0200
#define POLLRDHUP 0x2000
#define EPOLLIN ((__poll_t)POLLIN)
#define EPOLLPRI ((__poll_t)POLLPRI)
#define EPOLLOUT ((__poll_t)POLLOUT)
#define EPOLLERR ((__poll_t)POLLERR)
#define EPOLLHUP ((__poll_t)POLLHUP)
#define EPOLLNVAL ((__poll_t)POLLNVAL)
#define EPOLLRDNORM ((__poll_t)POLLRDNORM)
#define EPOLLRDBAND ((__poll_t)POLLRDBAND)
#define EPOLLWRNORM ((__poll_t)POLLWRNORM)
#define EPOLLWRBAND ((__poll_t)POLLWRBAND)
#define EPOLLRDHUP ((__poll_t)POLLRDHUP)
#define DEFAULT_POLLMASK (EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM)

/* The queues that a poll function names; the same as in capi/shim/src/layout.rs. */
#define __POLL_QUEUES 14
typedef struct poll_table_struct {
	unsigned long wanted;
	unsigned long count;
	wait_queue_head_t *queues[__POLL_QUEUES];
} poll_table;

/* The kernel waits at the queue, and asks once more after it has begun to. */
static inline void poll_wait(struct file *file, wait_queue_head_t *queue, poll_table *table)
{
	(void)file;
	if (table && queue && table->count < __POLL_QUEUES)
		table->queues[table->count++] = queue;
}
static inline __poll_t poll_requested_events(const poll_table *table) { return table ? table->wanted : ~(__poll_t)0; }

#endif
