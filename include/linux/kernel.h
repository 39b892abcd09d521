/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_KERNEL_H
#define _LINUX_KERNEL_H
#include <linux/types.h>
#include <linux/errno.h>
#include <linux/printk.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/kstrtox.h>
#include <linux/bug.h>
#include <linux/log2.h>
#include <linux/math64.h>

#define ARRAY_SIZE(array) \
	(sizeof(array) / sizeof((array)[0]) + \
	 sizeof(char[1 - 2 * !!__same_type(array, &(array)[0])]) - sizeof(char))
#define container_of(pointer, type, member) ({ \
	void *__member = (void *)(pointer); \
	_Static_assert(__same_type(*(pointer), ((type *)0)->member) || \
		       __same_type(*(pointer), void), "container_of: another type"); \
	(type *)(__member - offsetof(type, member)); })
#define ALIGN(x, a) (((x) + ((__typeof__(x))(a) - 1)) & ~((__typeof__(x))(a) - 1))
#define ALIGN_DOWN(x, a) ((x) & ~((__typeof__(x))(a) - 1))
#define IS_ALIGNED(x, a) (((x) & ((__typeof__(x))(a) - 1)) == 0)
#define DIV_ROUND_UP(n, d) (((n) + (d) - 1) / (d))
#define DIV_ROUND_CLOSEST(n, d) ({ \
	__typeof__(n) __n = (n); \
	__typeof__(d) __d = (d); \
	(__typeof__(n))-1 > 0 || (__n > 0) == (__d > 0) ? (__n + __d / 2) / __d : (__n - __d / 2) / __d; })
#define DIV_ROUND_UP_ULL(n, d) DIV_ROUND_UP((unsigned long long)(n), d)
#define mult_frac(x, n, d) ({ \
	__typeof__(x) __whole = (x) / (d), __rest = (x) % (d); \
	__whole * (n) + __rest * (n) / (d); })
#define PTR_ALIGN(pointer, a) ((__typeof__(pointer))ALIGN((unsigned long)(pointer), a))
#define READ 0
#define WRITE 1
#define roundup(x, y) ((((x) + ((y) - 1)) / (y)) * (y))
#define rounddown(x, y) ((x) - ((x) % (y)))
#define round_up(x, y) ((((x) - 1) | ((__typeof__(x))((y) - 1))) + 1)
#define round_down(x, y) ((x) & ~((__typeof__(x))((y) - 1)))
#define abs(x) ({ __typeof__(x) __x = (x); __x < 0 ? -__x : __x; })
#define upper_32_bits(n) ((u32)(((n) >> 16) >> 16))
#define lower_32_bits(n) ((u32)(n))

#define INT_MAX ((int)(~0U >> 1))
#define INT_MIN (-INT_MAX - 1)
#define UINT_MAX (~0U)
#define LONG_MAX ((long)(~0UL >> 1))
#define LONG_MIN (-LONG_MAX - 1)
#define ULONG_MAX (~0UL)
#define SIZE_MAX (~(size_t)0)
#define LLONG_MAX ((long long)(~0ULL >> 1))
#define ULLONG_MAX (~0ULL)
#define U8_MAX ((u8)~0U)
#define U16_MAX ((u16)~0U)
#define U32_MAX ((u32)~0U)
#define U64_MAX ((u64)~0ULL)
#define S8_MAX ((s8)(U8_MAX >> 1))
#define S8_MIN ((s8)(-S8_MAX - 1))
#define S16_MAX ((s16)(U16_MAX >> 1))
#define S16_MIN ((s16)(-S16_MAX - 1))
#define S32_MIN INT_MIN
#define S64_MIN (-LLONG_MAX - 1)
#define LLONG_MIN S64_MIN
#define SHRT_MAX S16_MAX
#define SHRT_MIN S16_MIN
#define USHRT_MAX U16_MAX
#define S32_MAX INT_MAX
#define S64_MAX LLONG_MAX

/* What sleeps says so by itself. */
#define might_resched() ((void)0)
#define might_sleep() might_resched()
#define might_fault() might_sleep()

extern void dump_stack(void);
extern void __noreturn panic(const char *format, ...) __printf(1, 2);
extern __printf(3, 4) int snprintf(char *buffer, size_t size, const char *format, ...);
extern __printf(2, 3) int sprintf(char *buffer, const char *format, ...);
extern __printf(3, 4) int scnprintf(char *buffer, size_t size, const char *format, ...);
extern __printf(3, 0) int vsnprintf(char *buffer, size_t size, const char *format, __builtin_va_list list);
extern __printf(3, 0) int vscnprintf(char *buffer, size_t size, const char *format, __builtin_va_list list);
extern __printf(2, 0) int vsprintf(char *buffer, const char *format, __builtin_va_list list);
extern __scanf(2, 3) int sscanf(const char *text, const char *format, ...);
extern __scanf(2, 0) int vsscanf(const char *text, const char *format, __builtin_va_list list);
extern __printf(2, 0) char *kvasprintf(gfp_t flags, const char *format, __builtin_va_list list);

#endif
