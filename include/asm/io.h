/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _ASM_IO_H
#define _ASM_IO_H
/* I/O ports: one at a time, and many times the same. */
#include <linux/types.h>
#include <linux/compiler.h>
#include <asm/page.h>

#define __PORTS(letter, type, width) \
static __always_inline void out##letter(type value, int port) \
{ \
	asm volatile("out" #letter " %" width "0, %w1" : : "a" (value), "Nd" (port)); \
} \
static __always_inline type in##letter(int port) \
{ \
	type value; \
	asm volatile("in" #letter " %w1, %" width "0" : "=a" (value) : "Nd" (port)); \
	return value; \
} \
static __always_inline void out##letter##_p(type value, int port) { out##letter(value, port); } \
static __always_inline type in##letter##_p(int port) { return in##letter(port); } \
static __always_inline void outs##letter(int port, const void *from, unsigned long count) \
{ \
	asm volatile("rep; outs" #letter : "+S" (from), "+c" (count) : "d" (port) : "memory"); \
} \
static __always_inline void ins##letter(int port, void *to, unsigned long count) \
{ \
	asm volatile("rep; ins" #letter : "+D" (to), "+c" (count) : "d" (port) : "memory"); \
}
__PORTS(b, unsigned char, "b")
__PORTS(w, unsigned short, "w")
__PORTS(l, unsigned int, "")

#endif
