/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_ERRNO_H
#define _LINUX_ERRNO_H
#include <asm/errno.h>
/* Never seen by user space. */
#define ERESTARTSYS 512
#define ERESTARTNOINTR 513
#define ERESTARTNOHAND 514
#define ENOIOCTLCMD 515
#define EIOCBQUEUED 529
#define ERESTART_RESTARTBLOCK 516
#define EPROBE_DEFER 517
#define ENOTSUPP 524
#endif
