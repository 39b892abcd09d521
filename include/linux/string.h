/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_STRING_H
#define _LINUX_STRING_H
#include <linux/types.h>
extern void *memset(void *to, int byte, size_t length);
extern void *memcpy(void *to, const void *from, size_t length);
extern void *memmove(void *to, const void *from, size_t length);
extern int memcmp(const void *a, const void *b, size_t length);
#endif
