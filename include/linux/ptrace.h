/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_PTRACE_H
#define _LINUX_PTRACE_H
#include <asm/ptrace.h>
#include <linux/sched.h>
#endif
