/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_RANDOM_H
#define _LINUX_RANDOM_H
#include <linux/types.h>
extern void get_random_bytes(void *to, size_t length);
extern u32 get_random_u32(void);
extern u64 get_random_u64(void);
static inline unsigned int get_random_int(void) { return get_random_u32(); }
static inline unsigned long get_random_long(void) { return get_random_u64(); }
static inline u32 prandom_u32_max(u32 below) { return (u64)get_random_u32() * below >> 32; }
#define get_random_u32_below(below) prandom_u32_max(below)
#endif
