/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_KSTRTOX_H
#define _LINUX_KSTRTOX_H
/* Text to numbers: 0, -EINVAL, or -ERANGE. */
#include <linux/types.h>
extern int __must_check kstrtoull(const char *text, unsigned int base, unsigned long long *number);
extern int __must_check kstrtoll(const char *text, unsigned int base, long long *number);
extern int __must_check kstrtoul(const char *text, unsigned int base, unsigned long *number);
extern int __must_check kstrtol(const char *text, unsigned int base, long *number);
extern int __must_check kstrtouint(const char *text, unsigned int base, unsigned int *number);
extern int __must_check kstrtoint(const char *text, unsigned int base, int *number);
extern int __must_check kstrtou16(const char *text, unsigned int base, u16 *number);
extern int __must_check kstrtos16(const char *text, unsigned int base, s16 *number);
extern int __must_check kstrtou8(const char *text, unsigned int base, u8 *number);
extern int __must_check kstrtos8(const char *text, unsigned int base, s8 *number);
extern int __must_check kstrtobool(const char *text, bool *yes);
#define kstrtou64 kstrtoull
#define kstrtos64 kstrtoll
#define kstrtou32 kstrtouint
#define kstrtos32 kstrtoint
#endif
