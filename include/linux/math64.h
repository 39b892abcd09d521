/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_MATH64_H
#define _LINUX_MATH64_H
#include <linux/types.h>
static inline u64 div_u64_rem(u64 a, u32 b, u32 *rest) { *rest = a % b; return a / b; }
static inline s64 div_s64_rem(s64 a, s32 b, s32 *rest) { *rest = a % b; return a / b; }
static inline u64 div64_u64_rem(u64 a, u64 b, u64 *rest) { *rest = a % b; return a / b; }
static inline u64 div_u64(u64 a, u32 b) { return a / b; }
static inline s64 div_s64(s64 a, s32 b) { return a / b; }
static inline u64 div64_u64(u64 a, u64 b) { return a / b; }
static inline s64 div64_s64(s64 a, s64 b) { return a / b; }
static inline u64 mul_u64_u32_shr(u64 a, u32 b, unsigned int shift) { return (unsigned __int128)a * b >> shift; }
static inline u64 mul_u64_u64_div_u64(u64 a, u64 b, u64 c) { return (unsigned __int128)a * b / c; }
#define do_div(n, base) ({ u32 __base = (base); u32 __rest = (u64)(n) % __base; (n) = (u64)(n) / __base; __rest; })
#endif
