/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_UTSNAME_H
#define _LINUX_UTSNAME_H
/* The names of this machine. What utsname() points to is a copy of this moment, good until the end of the block. */
#include <linux/types.h>

#define __NEW_UTS_LEN 64
struct new_utsname {
	char sysname[__NEW_UTS_LEN + 1];
	char nodename[__NEW_UTS_LEN + 1];
	char release[__NEW_UTS_LEN + 1];
	char version[__NEW_UTS_LEN + 1];
	char machine[__NEW_UTS_LEN + 1];
	char domainname[__NEW_UTS_LEN + 1];
};

extern struct new_utsname *__utsname(struct new_utsname *names, bool first);
/* Those that the caller sees, and those of the machine's first namespace. */
#define utsname() __utsname(&(struct new_utsname){ { 0 } }, false)
#define init_utsname() __utsname(&(struct new_utsname){ { 0 } }, true)

#endif
