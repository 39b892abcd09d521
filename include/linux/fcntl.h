/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_FCNTL_H
#define _LINUX_FCNTL_H
#include <linux/fs.h>
#define O_DIRECTORY 00200000
#define O_NOFOLLOW 00400000
#define F_DUPFD 0
#define F_GETFD 1
#define F_SETFD 2
#define F_GETFL 3
#define F_SETFL 4
#define FD_CLOEXEC 1
#define AT_FDCWD (-100)
#endif
